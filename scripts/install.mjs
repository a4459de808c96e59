import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"

/** The first release of pnpm's native line: it runs on the Node that is there, whichever that is. */
const pnpm = "pnpm@12.21.0"

const signals = ["SIGINT", "SIGTERM", "SIGHUP"]

const stampOf = (root) => join(root, "node_modules/.installed")

/** What is to be installed, as one line: another lockfile, or another machine's `node_modules`, is another line. */
const fingerprint = (root) => {
  const lockfile = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex")
  return `${process.platform}-${process.arch} ${lockfile}\n`
}

/** Whether an install of exactly this lockfile has finished. A half-done one has left no stamp. */
const isInstalled = (root) => existsSync(stampOf(root)) && readFileSync(stampOf(root), "utf8") === fingerprint(root)

/** Whether `folder` can be written, or made where it is missing. */
const isWritable = (folder) => {
  if (!existsSync(folder)) return isWritable(dirname(folder))
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Where HOME cannot be written, npm and pnpm keep their caches in the checkout instead. */
const environment = (root) => {
  const home = process.env.HOME ?? homedir()
  if ([".npm", ".local/share", ".cache"].every((folder) => isWritable(join(home, folder)))) return process.env
  const caches = join(root, ".cache")
  return {
    ...process.env,
    npm_config_cache: join(caches, "npm"),
    XDG_DATA_HOME: join(caches, "data"),
    XDG_CACHE_HOME: join(caches, "cache"),
    XDG_STATE_HOME: join(caches, "state")
  }
}

const networkCodes =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/

/** One sentence for the person who waits; `said` is everything npx and pnpm wrote. */
const explain = (said, status) => {
  const network =
    networkCodes.exec(said)?.[1] ?? (/error sending request|META_FETCH_FAIL/i.test(said) ? "no answer" : undefined)
  if (network !== undefined)
    return `the npm registry cannot be reached (${network}); check the network and start again.`
  if (/\bENOSPC\b/.test(said)) return "the disk is full."
  const line = said.split("\n").find((line) => /ERR_PNPM|\berror\b/i.test(line)) ?? `${pnpm} ended with ${status}`
  return `${line.trim().replace(/\.$/, "")}.`
}

/** npx under a kernel lock on the lockfile, where `flock` exists, so that of two first starts one installs and one waits. */
const commands = (root) => {
  const install = ["npx", "-y", pnpm, "install", "--frozen-lockfile", "--reporter=append-only"]
  return [["flock", join(root, "pnpm-lock.yaml"), ...install], install]
}

/** Answers with the exit status and the output; rejects with `ENOENT` where the command does not exist. */
const run = ([command, ...args], root, onLine) =>
  new Promise((resolve, reject) => {
    // a process group of its own: one signal to the group ends npx and whatever it started, and Ctrl-C reaches it once
    const child = spawn(command, args, {
      cwd: root,
      env: environment(root),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true
    })
    const stopBy = (signal) => {
      process.kill(-child.pid, signal)
      for (const other of signals) process.removeAllListeners(other)
      process.kill(process.pid, signal)
    }
    let said = ""
    const hear = (chunk) => {
      said += chunk
      onLine(said.trimEnd().split("\n").at(-1))
    }
    child.stdout.setEncoding("utf8").on("data", hear)
    child.stderr.setEncoding("utf8").on("data", hear)
    child.once("error", reject)
    child.once("spawn", () => {
      for (const signal of signals) process.on(signal, stopBy)
    })
    child.once("close", (status) => {
      for (const signal of signals) process.removeListener(signal, stopBy)
      resolve({ status: status ?? 1, said })
    })
  })

const runFirstFound = async ([command, ...others], root, onLine) => {
  try {
    return await run(command, root, onLine)
  } catch (error) {
    if (error.code === "ENOENT" && others.length > 0) return runFirstFound(others, root, onLine)
    const reason = error.code === "ENOENT" ? `${command[0]} is not on PATH; install npm.` : error.message
    return { status: 1, said: "", reason }
  }
}

/**
 * Makes `node_modules` what the lockfile says, telling its progress on stderr; does nothing where it already is. On
 * failure it says why in one sentence and ends the process.
 */
export const install = async (root) => {
  if (isInstalled(root)) return
  const isFirst = !existsSync(join(root, "node_modules/.modules.yaml"))
  const startedAt = Date.now()
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`
  const tell = (line) => process.stderr.write(`${line}\n`)

  let progress = "fetching pnpm"
  tell(`Installing packages (${isFirst ? "first start only" : "the lockfile changed"}) …`)
  const ticker = setInterval(() => tell(`  ${seconds()} ${progress}`), 3000)
  const { status, said, reason } = await runFirstFound(commands(root), root, (line) => {
    progress = /^Progress: (.*)/.exec(line)?.[1] ?? progress
  })
  clearInterval(ticker)
  if (status !== 0) {
    tell(`The packages could not be installed: ${reason ?? explain(said, status)}`)
    process.exit(status)
  }
  writeFileSync(stampOf(root), fingerprint(root))
  tell(`Installed in ${seconds()}.`)
}
