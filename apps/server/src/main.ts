import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Effect, Layer } from "effect"
import { describeFailure } from "./describeFailure.ts"
import * as Server from "./Server.ts"

// A start that fails is told in one sentence; what is not foreseen, with its cause.
Layer.launch(Server.layer).pipe(
  Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(describeFailure(cause)))),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
