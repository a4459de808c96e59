import { InternalError, RateLimited } from "@mall/domain/kernel/EdgeError"
import { RpcProblems } from "@mall/domain/kernel/Problems"
import { Cause, Effect, Exit, Layer, Predicate } from "effect"
import { performance } from "node:perf_hooks"
import { CurrentRequest } from "./http/RequestInfo.ts"
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
 * is counted and timed.
 */
export const RpcProblemsLayer = Layer.effect(
  RpcProblems,
  Effect.gen(function* () {
    const metrics = yield* RpcMetrics

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

    return RpcProblems.of((effect, { rpc }) =>
      Effect.suspend(() => {
        const startedAt = performance.now()
        return Effect.catchDefect(effect, (defect) => answerDefect(rpc._tag, defect)).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => metrics.record(rpc._tag, codeOf(exit), performance.now() - startedAt))
          )
        )
      })
    )
  })
)
