import { afterEach, assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"

const repository = path.dirname(path.dirname(import.meta.dirname))

const folders: Array<string> = []
afterEach(() => {
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true, force: true })
})

const makeFolder = () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall start "))
  folders.push(folder)
  return folder
}

/** A program for bootstrap to start. */
const writeProgram = (source: string) => {
  const file = path.join(makeFolder(), "program.mjs")
  fs.writeFileSync(file, source)
  return file
}

/** A checkout that nothing is installed in, as small as one can be, readable by its owner only. */
const makeCheckout = (manifest: object = {}) => {
  const root = makeFolder()
  fs.mkdirSync(path.join(root, "scripts"))
  for (const name of ["bootstrap.mjs", "bundle.mjs", "install.mjs", "endWithParent.mjs", "smallMemory.mjs"]) {
    fs.copyFileSync(path.join(repository, "scripts", name), path.join(root, "scripts", name))
  }
  fs.writeFileSync(path.join(root, "package.json"), JSON.stringify({ name: "small", private: true, ...manifest }))
  fs.writeFileSync(path.join(root, "pnpm-workspace.yaml"), "packages: []\n")
  fs.writeFileSync(path.join(root, "pnpm-lock.yaml"), "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n")
  return root
}

/** Bootstrap in a process group of its own, as a shell starts it. */
const start = (root: string, args: ReadonlyArray<string>, env: Record<string, string> = {}) => {
  const child = spawn(process.execPath, [path.join(root, "scripts/bootstrap.mjs"), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true
  })
  const said = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (said.stdout += chunk))
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said.stderr += chunk))
  const pid = child.pid ?? assert.fail("bootstrap was not started")
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    // `close` comes when the program, which shares the pipes, is gone too
    child.once("close", (code, signal) => resolve({ code, signal }))
  })
  const hears = async (text: string) => {
    while (!said.stdout.includes(text)) await once(child.stdout, "data")
  }
  return { pid, said, ended, hears }
}

describe("bootstrap", () => {
  it("passes the arguments on and the exit code back, and runs at the root of the checkout", async () => {
    const program = writeProgram(
      `console.log(JSON.stringify([process.cwd(), ...process.argv.slice(2)])); process.exit(3)`
    )
    const { ended, said } = start(repository, [program, "two words", "--flag"])
    assert.deepStrictEqual(await ended, { code: 3, signal: null })
    assert.strictEqual(said.stdout.trim(), JSON.stringify([repository, "two words", "--flag"]))
  })

  it("dies of the signal its program died of", async () => {
    const { ended } = start(repository, [
      writeProgram(`process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000)`)
    ])
    assert.deepStrictEqual(await ended, { code: null, signal: "SIGKILL" })
  })

  it("hands on one Ctrl-C although the terminal and npm both send it, and then another signal", async () => {
    const program = writeProgram(`
      let interrupts = 0
      process.on("SIGINT", () => { interrupts += 1; console.log("interrupted") })
      process.on("SIGTERM", () => process.exit(10 + interrupts))
      setInterval(() => {}, 1000)
      console.log("ready")
    `)
    const { pid, ended, hears } = start(repository, [program])
    await hears("ready")
    process.kill(-pid, "SIGINT")
    await hears("interrupted")
    process.kill(pid, "SIGINT")
    process.kill(pid, "SIGTERM")
    assert.deepStrictEqual(await ended, { code: 11, signal: null })
  })

  it("lets its program end in order even where it is killed itself", async () => {
    const program = writeProgram(`
      process.on("SIGTERM", () => { console.log("closing"); process.exit() })
      setInterval(() => {}, 1000)
      console.log("ready")
    `)
    const { pid, ended, hears, said } = start(repository, [program])
    await hears("ready")
    process.kill(pid, "SIGKILL")
    assert.deepStrictEqual(await ended, { code: null, signal: "SIGKILL" })
    assert.include(said.stdout, "closing")
  })
})

describe("the first start", () => {
  it("installs, once, also where two come at the same time", async () => {
    const root = makeCheckout()
    const program = writeProgram(`console.log("ran")`)
    const both = [start(root, [program]), start(root, [program])]
    for (const { ended, said } of both) {
      assert.deepStrictEqual(await ended, { code: 0, signal: null }, said.stderr)
      assert.match(said.stderr, /^Installing packages \(first start only\) …\n[^]*Installed in \d+ s\.\n$/)
      assert.strictEqual(said.stdout, "ran\n")
    }
    const third = start(root, [program])
    assert.deepStrictEqual(await third.ended, { code: 0, signal: null })
    assert.strictEqual(third.said.stderr, "")
  })

  it("says in one sentence that the lockfile does not fit, and tries again at the next start", async () => {
    const root = makeCheckout({ dependencies: { effect: "4.1.0" } })
    for (const attempt of [1, 2]) {
      const { ended, said } = start(root, [writeProgram(`console.log("ran")`)])
      const { code } = await ended
      assert.notStrictEqual(code, 0, `start ${attempt}`)
      assert.strictEqual(said.stdout, "")
      assert.match(said.stderr, /\nThe packages could not be installed: .*OUTDATED_LOCKFILE.*\.\n$/)
    }
  })

  it("says in one sentence that the registry cannot be reached", async () => {
    const { ended, said } = start(makeCheckout(), [writeProgram(`console.log("ran")`)], {
      HOME: makeFolder(),
      npm_config_registry: "http://127.0.0.1:9/",
      npm_config_fetch_retries: "0"
    })
    const { code } = await ended
    assert.notStrictEqual(code, 0)
    assert.strictEqual(said.stdout, "")
    assert.match(
      said.stderr,
      /\nThe packages could not be installed: the npm registry cannot be reached \(ECONNREFUSED\); .*\.\n$/
    )
  })

  it("ends the install when it is told to stop", async () => {
    const silent = net.createServer()
    silent.listen(0, "127.0.0.1")
    await once(silent, "listening")
    const address = silent.address()
    const port = typeof address === "object" && address !== null ? address.port : assert.fail("no port")
    const root = makeCheckout()
    const { pid, ended } = start(root, [writeProgram(`console.log("ran")`)], {
      HOME: makeFolder(),
      npm_config_registry: `http://127.0.0.1:${port}/`
    })
    const [socket] = (await once(silent, "connection")) as [net.Socket]
    const closed = once(socket.resume(), "close")
    process.kill(pid, "SIGTERM")
    assert.deepStrictEqual(await ended, { code: null, signal: "SIGTERM" })
    await closed
    silent.close()
    assert.isFalse(fs.existsSync(path.join(root, "node_modules/.installed")))
  })
})
