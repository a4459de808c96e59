import * as EmbeddedPostgres from "@mall/platform/EmbeddedPostgres"
import { Config, Effect, Exit, Option, Redacted, Scope } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as process from "node:process"
import { createTemplate } from "./templateDatabase.ts"

/** Runs once before all test files: a database server (`DATABASE_URL`, else an embedded one) with the migrated template. */
export default async () => {
  const scope = Scope.makeUnsafe()
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  // vitest ends at a signal without calling the teardown, and the database would outlive it; its `process` is a proxy
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const end = () => globalThis.process.exit(128 + os.constants.signals[signal])
    globalThis.process.removeAllListeners(signal).once(signal, () => void close().finally(end))
  }
  await Effect.gen(function* () {
    const given = yield* Config.option(Config.Redacted("DATABASE_URL"))
    const url = Option.isSome(given)
      ? given.value
      : yield* Effect.gen(function* () {
          const folder = yield* Effect.acquireRelease(
            Effect.sync(() => {
              const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall-test-"))
              fs.chmodSync(folder, 0o755)
              return folder
            }),
            (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
          )
          return (yield* EmbeddedPostgres.start({ folder: path.join(folder, "postgres"), disposable: true })).url
        })
    yield* createTemplate(url)
    process.env["TEST_DATABASE_URL"] = Redacted.value(url)
  }).pipe(
    Scope.provide(scope),
    // vitest calls the teardown only where the setup has succeeded
    Effect.tapCause((cause) => Scope.close(scope, Exit.failCause(cause))),
    Effect.runPromise
  )
  return close
}
