import { InternalError, RateLimited } from "@mall/domain/kernel/EdgeError"
import { RpcProblems } from "@mall/domain/kernel/Problems"
import { RateLimit } from "@mall/domain/kernel/RateLimit"
import { Cause, Context, Effect, Exit, Layer, Predicate } from "effect"
import type { Rpc } from "effect/rpc"
import { performance } from "node:perf_hooks"
import { AnonymousRoutes } from "./http/AnonymousRoutes.ts"
import { RateLimits } from "./http/RateLimits.ts"
import { CurrentRequest } from "./http/RequestInfo.ts"
import type { RequestInfo } from "./http/RequestInfo.ts"
import { RpcMetrics } from "./telemetry/RpcMetrics.ts"
import { makeTraceId } from "./telemetry/traceContext.ts"

const codeOf = (exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isSuccess(exit)) return "OK"
  const error = exit.cause.reasons.find(Cause.isFailReason)?.error
  if (error !== undefined) {
    return Predicate.hasProperty(error, "_tag") && Predicate.isString(error._tag) ? error._tag : "Unknown"
  }
  return Cause.hasInterruptsOnly(exit.cause) ? "Canceled" : "Unknown"
}

/**
 * `RpcProblems`: the cause of a defect is logged with the trace id that the caller is told, and goes no further. Each call
 * is counted and timed, and takes the limits of its client as a request of its own would: that of all requests, and that of
 * an Rpc whose `RateLimit` counts by address; one that `AnonymousRoutes` keeps closed asks for a token. Limits per user are taken by `Callers`.
 */
export const RpcProblemsLayer = Layer.effect(
  RpcProblems,
  Effect.gen(function* () {
    const metrics = yield* RpcMetrics
    const limits = yield* RateLimits
    const anonymous = yield* AnonymousRoutes
    // The first call of a request is paid for by the request itself.
    const paid = new WeakSet<RequestInfo>()

    /** Seconds until the client may call again, where it has used up a limit. */
    const refusedFor = Effect.fnUntraced(function* (request: RequestInfo, rpc: Rpc.AnyWithProps) {
      if (paid.has(request)) {
        const bucket = limits.ip.take(request.limitKey, performance.now())
        if (!bucket.allowed) return limits.ip.retryAfterSeconds(bucket)
      } else {
        paid.add(request)
      }
      const policy = Context.get(rpc.annotations, RateLimit)
      if (policy?.by !== "ip") return undefined
      const allowance = yield* limits.take(policy, request.limitKey)
      return allowance.allowed ? undefined : allowance.retryAfterSeconds
    })

    /** Fails where the client has used up a limit. */
    const take = Effect.fnUntraced(function* (rpc: Rpc.AnyWithProps) {
      const request = yield* CurrentRequest
      const retryAfterSeconds = request === undefined ? undefined : yield* refusedFor(request, rpc)
      if (retryAfterSeconds !== undefined) return yield* new RateLimited({ retryAfterSeconds })
    })

    const answerDefect = Effect.fnUntraced(function* (method: string, defect: unknown) {
      // A limit per user is found out about within an authorization that declares no such error.
      if (defect instanceof RateLimited) return yield* defect
      const traceId =
        (yield* CurrentRequest)?.traceId ??
        (yield* Effect.currentSpan.pipe(
          Effect.map((span) => span.traceId),
          Effect.orElseSucceed(makeTraceId)
        ))
      yield* Effect.logError(`Defect in ${method}`, Cause.die(defect)).pipe(Effect.annotateLogs({ traceId }))
      return yield* new InternalError({ traceId })
    })

    return RpcProblems.of((effect, { headers, rpc }) =>
      Effect.suspend(() => {
        const startedAt = performance.now()
        const asked = anonymous.isClosed(`rpc ${rpc._tag}`)
          ? Effect.andThen(anonymous.signedIn(headers["authorization"]), effect)
          : effect
        return Effect.catchDefect(Effect.andThen(take(rpc), asked), (defect) => answerDefect(rpc._tag, defect)).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => metrics.record(rpc._tag, codeOf(exit), performance.now() - startedAt))
          )
        )
      })
    )
  })
)
