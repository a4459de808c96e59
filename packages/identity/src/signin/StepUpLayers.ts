import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { RequiredStepUp, RpcStepUp, StepUp } from "@mall/domain/identity/StepUp"
import { Context, Effect, Layer } from "effect"
import { StepUps } from "./StepUps.ts"

/** What stands behind the middleware without saying how much it needs gets the most; the server does not start with one. */
const levelOf = (annotations: Context.Context<never>) => Context.get(annotations, RequiredStepUp) ?? "strong"

export const StepUpLayer = Layer.effect(
  StepUp,
  Effect.map(StepUps, (stepUps) =>
    Effect.fnUntraced(function* (httpEffect, { endpoint }) {
      yield* stepUps.check(yield* CurrentUser, levelOf(endpoint.annotations))
      return yield* httpEffect
    })
  )
)

export const RpcStepUpLayer = Layer.effect(
  RpcStepUp,
  Effect.map(StepUps, (stepUps) =>
    Effect.fnUntraced(function* (effect, { rpc }) {
      yield* stepUps.check(yield* CurrentUser, levelOf(rpc.annotations))
      return yield* effect
    })
  )
)
