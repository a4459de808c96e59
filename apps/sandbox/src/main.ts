import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"
import { Sandbox } from "./Sandbox.ts"

const Announced = Layer.effectDiscard(
  Effect.flatMap(Sandbox, ({ url }) => Effect.log(`Payment channel sandbox at ${url}/`))
).pipe(Layer.provide(Sandbox.layer))

Layer.launch(Announced).pipe(
  Effect.tapError(({ message }) => Effect.logFatal(message)),
  Effect.tapDefect((defect) => Effect.logFatal("defect", defect)),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
