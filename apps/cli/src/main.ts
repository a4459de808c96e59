import { enableCompileCache } from "node:module"
import * as path from "node:path"
import process from "node:process"

// Compiling what a command imports would take longer than most commands, so the outcome is kept. It has to be said
// before anything is imported, hence no `import` statements for the rest.
enableCompileCache(path.join(import.meta.dirname, "../../../node_modules/.cache/mall"))
const { Effect } = await import("effect")
const NodeRuntime = await import("@effect/platform-node/NodeRuntime")
const NodeServices = await import("@effect/platform-node/NodeServices")
const { run } = await import("./Mall.ts")

// Who reads no further (`mall orders list | head`) does not keep the command from ending in order; what cannot be written
// (a full disk) is not passed over as if it had been.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE" || process.exitCode === 1) return
  process.exitCode = 1
  process.stderr.write(`The answer could not be written, though what was asked may be done: ${error.message}.\n`)
})

run(process.argv.slice(2)).pipe(
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
