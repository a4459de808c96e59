import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as process from "node:process"

/** All that a test's process has of ours: where programs are, and what was compiled of them. */
export const bareEnvironment = () => {
  const { HOME, NODE_COMPILE_CACHE, PATH } = process.env
  return { HOME, NODE_COMPILE_CACHE, PATH }
}

/** Runs the program `file` in a process of its own with `environment`. It is killed with the scope, as a power failure does. */
export const startProgram = Effect.fnUntraced(function* (
  file: string,
  environment: Readonly<Record<string, string>>,
  args: ReadonlyArray<string> = []
) {
  const started = Effect.sync(() => {
    const child = spawn(process.execPath, ["--no-warnings", file, ...args], {
      env: { ...bareEnvironment(), ...environment },
      stdio: ["ignore", "inherit", "inherit"]
    })
    const closed = once(child, "close")
    return {
      kill: Effect.promise(() => {
        child.kill("SIGKILL")
        return closed
      }),
      /** Waits until it has ended; answers with the signal that ended it. */
      ended: Effect.map(
        Effect.promise(() => closed),
        () => child.signalCode
      ),
      hasEnded: () => child.exitCode !== null || child.signalCode !== null
    }
  })
  return yield* Effect.acquireRelease(started, ({ kill }) => kill)
})
