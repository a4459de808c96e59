import { Context, Effect, Layer, Redacted, Schedule } from "effect"
import { Redis as IoRedis } from "ioredis"
import type { ChildProcess } from "node:child_process"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { freePort } from "./freePort.ts"

/** Why tests on a real Redis are skipped on this machine, if they are: `describe.skipIf(skipReason !== undefined)`. */
export const skipReason =
  spawnSync("redis-server", ["--version"]).status === 0 ? undefined : "there is no redis-server on PATH"

/** A real `redis-server` of the test file's own, on a free port, keeping nothing; it can be made to fail. */
export class TestRedis extends Context.Service<
  TestRedis,
  {
    readonly url: Redacted.Redacted
    /** Ends it at once, as a crash does. */
    readonly kill: Effect.Effect<void>
    /** Starts it again on the same port, empty. */
    readonly start: Effect.Effect<void>
    /** Leaves its connections open and answers nothing, until `resume`. */
    readonly freeze: Effect.Effect<void>
    readonly resume: Effect.Effect<void>
  }
>()("@mall/testing/TestRedis") {
  static readonly layer = Layer.effect(
    TestRedis,
    Effect.gen(function* () {
      const port = yield* freePort
      let server: ChildProcess | undefined

      const kill = Effect.suspend(() => {
        const running = server
        server = undefined
        if (running === undefined || running.exitCode !== null) return Effect.void
        const exited = once(running, "exit")
        running.kill("SIGKILL")
        return Effect.promise(() => exited)
      })

      const answers = Effect.acquireUseRelease(
        Effect.sync(() => {
          const client = new IoRedis(port, "127.0.0.1", { lazyConnect: true, retryStrategy: () => null })
          client.on("error", () => {})
          return client
        }),
        (client) => Effect.tryPromise(() => client.connect().then(() => client.ping())),
        (client) => Effect.sync(() => client.disconnect())
      )

      const start = Effect.suspend(() => {
        server = spawn(
          "redis-server",
          ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
          {
            stdio: "ignore"
          }
        )
        return answers.pipe(
          Effect.retry(Schedule.spaced("20 millis")),
          Effect.timeout("10 seconds"),
          Effect.orDie,
          Effect.asVoid
        )
      })

      yield* Effect.acquireRelease(start, () => kill)
      return TestRedis.of({
        url: Redacted.make(`redis://127.0.0.1:${port}`),
        kill,
        start,
        freeze: Effect.sync(() => server?.kill("SIGSTOP")),
        resume: Effect.sync(() => server?.kill("SIGCONT"))
      })
    })
  )
}
