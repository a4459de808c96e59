import { ServiceAuthorization } from "@mall/domain/identity/Authorization"
import { RequiredPermission } from "@mall/domain/identity/Permission"
import { CalledService, CurrentService } from "@mall/domain/identity/ServiceToken"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { CurrentRequest } from "@mall/platform/http/RequestInfo"
import { Context, Effect, Layer, Option } from "effect"
import { tokenOf } from "../tokens/AuthorizationLayers.ts"
import { ServiceTokenMemory } from "./ServiceTokenMemory.ts"

/** An Rpc that declares something else is nobody's; the server does not start with one, so this is the second lock. */
const calledBy = (annotations: Context.Context<never>) =>
  Context.get(annotations, RequiredPermission) === "service" ? Context.get(annotations, CalledService) : undefined

export const ServiceAuthorizationLayer = Layer.effect(
  ServiceAuthorization,
  Effect.map(ServiceTokenMemory, (memory) =>
    Effect.fnUntraced(function* (effect, { headers, rpc }) {
      const called = calledBy(rpc.annotations)
      const token = tokenOf(headers["authorization"])
      if (called === undefined || token === undefined) return yield* new Unauthorized({})
      const caller = Option.getOrUndefined(yield* memory.callerOf(token, called))
      const certificate = (yield* CurrentRequest)?.certificate
      // a token that was stolen is good for nothing over a connection of another service
      const isOther = certificate !== undefined && certificate.service !== caller
      if (caller === undefined || isOther) return yield* new Unauthorized({})
      return yield* Effect.provideService(effect, CurrentService, { name: caller })
    })
  )
)
