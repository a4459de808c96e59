import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Duration, Effect, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import process from "node:process"

interface Step {
  readonly name: string
  readonly command: readonly [string, ...Array<string>]
}

/**
 * What a change has to pass beside the tests. The slowest come first, since two run at a time. The types are checked by one thread: of
 * several each checks anew what the libraries say, which takes twice as long on two cores, and 9 GB instead of 3.
 */
const steps: ReadonlyArray<Step> = [
  { name: "types", command: ["sh", "-c", '"$(effect-tsgo get-exe-path)" -p tsconfig.json --pretty --singleThreaded'] },
  { name: "dead code", command: ["knip", "--no-config-hints"] },
  { name: "cycles", command: ["madge", "--circular", "--no-spinner", "--extensions", "ts", "apps", "packages"] },
  { name: "lint and layering", command: ["oxlint"] },
  { name: "format", command: ["oxfmt", "--check", "."] },
  { name: "environment", command: [process.execPath, "scripts/environment.ts"] }
]

/** Runs one step, telling its name, result and seconds, and its output only where it fails. Answers whether it passed. */
const run = Effect.fnUntraced(function* ({ name, command: [program, ...args] }: Step) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const [duration, { output, exitCode }] = yield* Effect.gen(function* () {
    const handle = yield* spawner.spawn(ChildProcess.make(program, args, { stdin: "ignore" }))
    const output = yield* handle.all.pipe(Stream.decodeText, Stream.mkString)
    return { output, exitCode: yield* handle.exitCode }
  }).pipe(
    Effect.scoped,
    // a tool that cannot be started has failed like one that found something
    Effect.catch((error) => Effect.succeed({ output: error.message, exitCode: ChildProcessSpawner.ExitCode(1) })),
    Effect.timed
  )
  const passed = exitCode === 0
  const seconds = Duration.toSeconds(duration).toFixed(1).padStart(5)
  yield* Console.log(`${passed ? "ok    " : "FAILED"} ${seconds} s  ${name}${passed ? "" : `\n\n${output.trim()}\n`}`)
  return passed
})

Effect.forEach(steps, run, { concurrency: 2 }).pipe(
  Effect.flatMap((passed) =>
    Effect.sync(() => {
      process.exitCode = passed.every(Boolean) ? 0 : 1
    })
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
