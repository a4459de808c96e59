import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Effect, Fiber, Layer } from "effect"
import { Database } from "./Database.ts"
import { describeFailure } from "./describeFailure.ts"

// An embedded database starts while the rest of the program is loaded, which takes about as long.
const program = Effect.gen(function* () {
  const starting = yield* Effect.forkChild(Layer.build(Database.layer), { startImmediately: true })
  const Server = yield* Effect.promise(() => import("./Server.ts"))
  const database = yield* Fiber.join(starting)
  return yield* Layer.launch(Server.layer.pipe(Layer.provide(Layer.succeedContext(database))))
}).pipe(Effect.scoped)

// A start that fails is told in one sentence; what is not foreseen, with its cause.
program.pipe(
  Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(describeFailure(cause)))),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
