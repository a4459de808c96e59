import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as process from "node:process"
import { afterAll } from "vitest"
import { bundle } from "../bundle.mjs"

const folders: Array<string> = []
afterAll(() => folders.forEach((folder) => fs.rmSync(folder, { recursive: true, force: true })))

/**
 * A checkout whose server says a word of its own, a word of another package, and where that package's source stands; asked to, it
 * starts the thread instead, which says where it is itself.
 */
const makeCheckout = () => {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "mall-bundle-")))
  folders.push(root)
  const write = (file: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    fs.writeFileSync(path.join(root, file), text)
  }
  write("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")
  write("packages/words/src/words.ts", `export const word: string = "one"\nexport const place = import.meta.dirname\n`)
  write(
    "apps/server/src/main.ts",
    `import { place, word } from "../../../packages/words/src/words.ts"\n` +
      `if (process.argv[2] === "thread") await import("../../../packages/identity/src/passwords/start.ts")\n` +
      `const { late } = await import("./late.ts")\nconsole.log(word, late, place)\n`
  )
  write("apps/server/src/late.ts", `export const late: string = "late"\n`)
  const passwords = "packages/identity/src/passwords"
  write(
    `${passwords}/start.ts`,
    `import { Worker } from "node:worker_threads"\n` +
      `await new Promise((end) => new Worker(new URL("./passwordStrengthWorker.ts", import.meta.url)).once("exit", end))\n`
  )
  write(`${passwords}/passwordStrengthWorker.ts`, `console.log(import.meta["filename"])\n`)
  return { root, write }
}

const run = (main: string, ...args: ReadonlyArray<string>) =>
  execFileSync(process.execPath, [main, ...args], { encoding: "utf8" }).trim()

describe("the bundle of the server", () => {
  it("does what its sources do, and finds files where those stand", async () => {
    const { root } = makeCheckout()
    assert.strictEqual(run(await bundle(root)), `one late ${root}/packages/words/src`)
  })

  it("is plain ASCII, whatever its sources say", async () => {
    const { root, write } = makeCheckout()
    const said = "`${/^茶：\\d+$/u.test('茶：5')} ${((parts, cup) => parts.join(cup))`绿茶${'一'}😀`}`"
    write("apps/server/src/late.ts", `// 一个字\nexport const late = ${said}\n`)
    const main = await bundle(root)
    assert.include(run(main), "one true 绿茶一😀")
    for (const file of fs.readdirSync(path.dirname(main))) {
      const text = fs.readFileSync(path.join(path.dirname(main), file), "utf8")
      assert.strictEqual(/[^\0-\x7f]/.exec(text)?.input, undefined, file)
    }
  })

  it("starts threads from within itself", async () => {
    const { root } = makeCheckout()
    const main = await bundle(root)
    const thread = path.join(path.dirname(main), "passwordStrengthWorker.js")
    assert.include(run(main, "thread"), thread)
  })

  it("is built once, and anew where a source has changed", async () => {
    const { root, write } = makeCheckout()
    let builds = 0
    const build = () => bundle(root, () => builds++)
    const first = await build()
    assert.strictEqual(await build(), first)
    assert.strictEqual(builds, 1)
    write("packages/words/src/words.ts", `export const word = "another"\nexport const place = "here"\n`)
    assert.strictEqual(run(await build()), "another late here")
    assert.strictEqual(builds, 2)
    // a server that still runs the former one may load a part of it
    assert.isTrue(fs.existsSync(first))
  })

  it("keeps the last few only", async () => {
    const { root, write } = makeCheckout()
    const mains: Array<string> = []
    for (const word of ["a", "bb", "ccc", "dddd", "eeeee"]) {
      write("apps/server/src/late.ts", `export const late = "${word}"\n`)
      mains.push(await bundle(root))
    }
    assert.deepStrictEqual(
      mains.map((main) => fs.existsSync(main)),
      [false, false, true, true, true]
    )
  })

  it("is whole where two build it at the same time", async () => {
    const { root } = makeCheckout()
    const program = path.join(import.meta.dirname, "../bundle.mjs")
    const source = `import { bundle } from ${JSON.stringify(program)}\nprocess.stdout.write(await bundle(${JSON.stringify(root)}))`
    const one = bundle(root)
    const other = execFileSync(process.execPath, ["--input-type=module", "-e", source], { encoding: "utf8" })
    assert.strictEqual(await one, other)
    assert.match(run(other), /^one late/)
    assert.lengthOf(fs.readdirSync(path.join(root, "node_modules/.cache/server")), 1)
  })

  it("leaves nothing behind of sources that cannot be built", async () => {
    const { root, write } = makeCheckout()
    write("apps/server/src/late.ts", `export const late = \n`)
    let message = ""
    await bundle(root).catch((error: Error) => (message = error.message))
    assert.match(message, /late\.ts/)
    assert.deepStrictEqual(
      fs.existsSync(path.join(root, "node_modules/.cache/server"))
        ? fs.readdirSync(path.join(root, "node_modules/.cache/server"))
        : [],
      []
    )
  })
})
