import { Effect, Redacted, Schedule, Schema, Scope } from "effect"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as path from "node:path"
import * as process from "node:process"
import * as readline from "node:readline"
import { freePort } from "./freePort.ts"
import { mallFolder } from "./mallFolder.ts"
import { bareEnvironment } from "./TestProcess.ts"

/** Where the whole suite runs, the bundle that `npm start` runs; else the sources. */
const main = process.env["TEST_SERVER_MAIN"] ?? path.join(import.meta.dirname, "../../../apps/server/src/main.ts")

/** The server ended, or was not ready in time; `output` is all it wrote to standard error. */
export class ServerNotReady extends Schema.TaggedError<ServerNotReady>()("ServerNotReady", { output: Schema.String }) {
  override get message() {
    return `The server is not ready: ${this.output}`
  }
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ServerProcess {
  readonly pid: number
  /** The lines it wrote so far, growing while it runs. */
  readonly stdout: ReadonlyArray<string>
  readonly stderr: ReadonlyArray<string>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits until it has ended and all it wrote was read. */
  readonly ended: Effect.Effect<Ending>
  readonly hasEnded: () => boolean
}

const endOf = (child: ChildProcess) => Effect.promise(() => once(child, "close"))

/**
 * Runs the server program in a process of its own, with `environment` and `bareEnvironment`. It is
 * asked to end with the scope, and killed where it does not.
 */
export const spawnServer = (
  environment: Readonly<Record<string, string>>
): Effect.Effect<ServerProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [main], {
        env: { ...bareEnvironment(), ...environment },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const stdout: Array<string> = []
      const stderr: Array<string> = []
      readline.createInterface({ input: child.stdout }).on("line", (line) => stdout.push(line))
      readline.createInterface({ input: child.stderr }).on("line", (line) => stderr.push(line))
      let ending: Ending | undefined
      child.once("close", (code, signal) => {
        ending = { code, signal }
      })
      const server: ServerProcess = {
        pid: child.pid ?? 0,
        stdout,
        stderr,
        signal: (signal) => Effect.sync(() => child.kill(signal)),
        ended: Effect.suspend(() =>
          ending === undefined
            ? Effect.map(endOf(child), ([code, signal]: Array<unknown>) => ({ code, signal }) as Ending)
            : Effect.succeed(ending)
        ),
        hasEnded: () => ending !== undefined
      }
      return server
    }),
    (server) =>
      Effect.suspend(() => {
        if (server.hasEnded()) return Effect.void
        return server.signal("SIGTERM").pipe(
          Effect.andThen(server.ended),
          Effect.timeoutOrElse({
            duration: "20 seconds",
            orElse: () => Effect.andThen(server.signal("SIGKILL"), server.ended)
          })
        )
      })
  )

export interface Options {
  /** None: the server brings its embedded database. */
  readonly database?: Redacted.Redacted
  /** The default is a folder of its own. */
  readonly dataFolder?: string
  /** The default is everything. */
  readonly roles?: string
  readonly port?: number
  /** Of the sandbox it runs, or that another process runs. */
  readonly sandboxPort?: number
  /** More settings; they win over the defaults. */
  readonly environment?: Readonly<Record<string, string>>
}

export interface TestServer {
  readonly url: string
  readonly sandboxUrl: string
  readonly port: number
  readonly sandboxPort: number
  readonly dataFolder: string
  /** The process that runs now. */
  readonly current: () => ServerProcess
  /** Every line that all its processes wrote to standard output, in order. */
  readonly lines: () => ReadonlyArray<string>
  /** Ends it as a power failure does. */
  readonly kill9: Effect.Effect<void>
  /** Starts it again, with the same ports, data and database, once it has ended. */
  readonly restart: Effect.Effect<void, ServerNotReady>
}

const unlimited = {
  RATE_LIMIT_IP_PER_SECOND: "100000",
  RATE_LIMIT_IP_BURST: "100000",
  RATE_LIMIT_USER_PER_SECOND: "100000",
  RATE_LIMIT_USER_BURST: "100000",
  RATE_LIMIT_AUTH_PER_MINUTE: "100000",
  RATE_LIMIT_REGISTER_PER_MINUTE: "100000",
  RATE_LIMIT_EMAIL_CODE_PER_MINUTE: "100000"
}

const { PERSONAL_DATA_KEYS: keys } = process.env
/** Of a database that several servers may share: each would make keys of its own in its folder. */
const sharedKeys = keys === undefined ? {} : { PERSONAL_DATA_KEYS: keys }

/** Waits until the process says that everything is up. */
const awaitReady = (server: ServerProcess) =>
  Effect.suspend(() =>
    server.stdout.includes("Mall is ready.")
      ? Effect.void
      : Effect.fail(new ServerNotReady({ output: server.stderr.join("\n") }))
  ).pipe(
    Effect.retry({ schedule: Schedule.spaced("20 millis"), while: () => !server.hasEnded() }),
    Effect.timeoutOrElse({
      duration: "90 seconds",
      orElse: () => Effect.fail(new ServerNotReady({ output: server.stderr.join("\n") }))
    })
  )

/**
 * The real server in a process of its own, ready, with the demo shop and without rate limits unless told otherwise.
 * Everything ends with the scope.
 */
export const startServer = Effect.fnUntraced(function* (options: Options = {}) {
  const scope = yield* Effect.scope
  const port = options.port ?? (yield* freePort)
  const sandboxPort = options.sandboxPort ?? (yield* freePort)
  const dataFolder = options.dataFolder ?? (yield* mallFolder)
  const environment = {
    ...unlimited,
    HOST: "127.0.0.1",
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    SANDBOX_PORT: String(sandboxPort),
    MALL_DATA_DIR: dataFolder,
    MALL_SEED: "demo",
    ...(options.database === undefined ? {} : { DATABASE_URL: Redacted.value(options.database), ...sharedKeys }),
    ...(options.roles === undefined ? {} : { MALL_ROLES: options.roles }),
    ...options.environment
  }
  const processes: Array<ServerProcess> = []
  const start = Effect.gen(function* () {
    const server = yield* spawnServer(environment)
    processes.push(server)
    yield* awaitReady(server)
  }).pipe(Scope.provide(scope))
  yield* start
  const current = () => processes[processes.length - 1]!
  const server: TestServer = {
    url: `http://127.0.0.1:${port}`,
    sandboxUrl: `http://127.0.0.1:${sandboxPort}`,
    port,
    sandboxPort,
    dataFolder,
    current,
    lines: () => processes.flatMap(({ stdout }) => stdout),
    kill9: Effect.suspend(() => Effect.andThen(current().signal("SIGKILL"), current().ended)),
    restart: Effect.suspend(() => Effect.andThen(current().ended, start))
  }
  return server
})
