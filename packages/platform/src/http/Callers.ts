import { Authorization, OptionalAuthorization, RpcAuthorization } from "@mall/domain/identity/Authorization"
import { CurrentUser, CurrentVisitor } from "@mall/domain/identity/CurrentUser"
import type { UserId } from "@mall/domain/identity/CurrentUser"
import { RateLimit } from "@mall/domain/kernel/RateLimit"
import { RateLimited } from "@mall/domain/kernel/EdgeError"
import { Context, Effect, Layer, Option } from "effect"
import type { Fiber } from "effect"
import type { HttpServerResponse } from "effect/http"
import { performance } from "node:perf_hooks"
import { RateLimits } from "./RateLimits.ts"
import type { Allowance } from "./RateLimits.ts"
import { refuse } from "./refuse.ts"
import { CurrentRequest } from "./RequestInfo.ts"

/**
 * The three authorization middlewares, and once they know the caller: the user's id goes to the access log, and the
 * limits per user are taken, the general one and that of an endpoint whose `RateLimit` counts by user.
 * Needs the real middlewares; provide it to the handlers in their place.
 */
export const layer = Layer.effectContext(
  Effect.gen(function* () {
    const limits = yield* RateLimits
    const authorization = yield* Authorization
    const optional = yield* OptionalAuthorization
    const rpc = yield* RpcAuthorization

    const remember = (fiber: Fiber.Fiber<unknown, unknown>, userId: UserId) => {
      const request = fiber.getRef(CurrentRequest)
      if (request !== undefined) request.userId = userId
    }

    const generalLimit = (userId: UserId): Allowance | undefined => {
      const bucket = limits.user.take(userId, performance.now())
      if (bucket.allowed) return undefined
      return {
        allowed: false,
        limit: limits.user.burst,
        remaining: 0,
        resetSeconds: limits.user.resetSeconds(bucket),
        retryAfterSeconds: limits.user.retryAfterSeconds(bucket)
      }
    }

    /** The limit that `userId` has used up, if any. */
    const exceeded = (userId: UserId, annotations: Context.Context<never>): Effect.Effect<Allowance | undefined> => {
      const general = generalLimit(userId)
      const policy = Context.get(annotations, RateLimit)
      if (general !== undefined || policy?.by !== "user") return Effect.succeed(general)
      return Effect.map(limits.take(policy, userId), (allowance) => (allowance.allowed ? undefined : allowance))
    }

    const limited = <E, R>(
      httpEffect: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
      userId: UserId,
      annotations: Context.Context<never>
    ) =>
      Effect.flatMapEager(exceeded(userId, annotations), (allowance) =>
        allowance === undefined ? httpEffect : refuse(allowance)
      )

    return Context.make(
      Authorization,
      Authorization.of({
        bearer: (httpEffect, options) =>
          authorization.bearer(
            Effect.withFiber((fiber) => {
              const { userId } = Context.getUnsafe(fiber.context, CurrentUser)
              remember(fiber, userId)
              return limited(httpEffect, userId, options.endpoint.annotations)
            }),
            options
          )
      })
    ).pipe(
      Context.add(
        OptionalAuthorization,
        OptionalAuthorization.of((httpEffect, options) =>
          optional(
            Effect.withFiber((fiber) => {
              const visitor = Context.getUnsafe(fiber.context, CurrentVisitor)
              if (Option.isNone(visitor)) return httpEffect
              remember(fiber, visitor.value.userId)
              return limited(httpEffect, visitor.value.userId, options.endpoint.annotations)
            }),
            options
          )
        )
      ),
      Context.add(
        RpcAuthorization,
        RpcAuthorization.of((effect, options) =>
          rpc(
            Effect.withFiber((fiber) => {
              const { userId } = Context.getUnsafe(fiber.context, CurrentUser)
              remember(fiber, userId)
              return Effect.flatMap(exceeded(userId, options.rpc.annotations), (allowance) =>
                allowance === undefined
                  ? effect
                  : Effect.die(new RateLimited({ retryAfterSeconds: allowance.retryAfterSeconds }))
              )
            }),
            options
          )
        )
      )
    )
  })
)
