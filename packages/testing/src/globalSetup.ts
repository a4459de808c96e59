import * as EmbeddedPostgres from "@mall/platform/EmbeddedPostgres"
import { Cause, Config, Effect, Exit, Fiber, Option, Redacted, Scope } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as process from "node:process"
import { createTemplate } from "./templateDatabase.ts"

const setUp = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mall-test-"))
      fs.chmodSync(folder, 0o755)
      return folder
    }),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
  )
  const given = yield* Config.option(Config.Redacted("DATABASE_URL"))
  const url = Option.isSome(given)
    ? given.value
    : (yield* EmbeddedPostgres.start({ folder: path.join(folder, "postgres"), disposable: true })).url
  yield* createTemplate(url)
  const keys = path.join(folder, "sandbox-keys")
  fs.mkdirSync(keys, { mode: 0o700 })
  process.env["TEST_SANDBOX_KEYS"] = keys
  process.env["TEST_DATABASE_URL"] = Redacted.value(url)
})

/**
 * Runs once before all test files: a database server (`DATABASE_URL`, else an embedded one) with the migrated template, and a
 * place for the keys of sandboxes.
 */
export default async () => {
  const scope = Scope.makeUnsafe()
  const fiber = Effect.runFork(Scope.provide(setUp, scope))
  // a database that is just being started has to be there before it can be stopped
  const tearDown = Fiber.interrupt(fiber).pipe(Effect.andThen(Scope.close(scope, Exit.void)))
  let tornDown: Promise<void> | undefined
  const tearDownOnce = () => (tornDown ??= Effect.runPromise(tearDown))

  // vitest ends at a signal without calling the teardown, and the database would outlive it; its `process` is a proxy
  const { process } = globalThis
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const others = process.listeners(signal)
    // added before the others go: with no listener at all a signal that is on its way would be lost
    process.once(signal, () => void tearDownOnce().finally(() => process.exit(128 + os.constants.signals[signal])))
    for (const other of others) process.removeListener(signal, other)
  }

  const exit = await Effect.runPromise(Fiber.await(fiber))
  if (Exit.isFailure(exit)) {
    await tearDownOnce()
    throw Cause.squash(exit.cause)
  }
  return tearDownOnce
}
