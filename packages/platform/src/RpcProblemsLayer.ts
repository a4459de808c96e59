import { InternalError } from "@mall/domain/kernel/EdgeError"
import { RpcProblems } from "@mall/domain/kernel/Problems"
import { Cause, Effect, Layer } from "effect"

/** `RpcProblems`: the cause of a defect is logged with the trace id that the caller is told, and goes no further. */
export const RpcProblemsLayer = Layer.succeed(
  RpcProblems,
  RpcProblems.of((effect, { rpc }) =>
    Effect.catchDefect(
      effect,
      Effect.fnUntraced(function* (defect) {
        const traceId = yield* Effect.currentSpan.pipe(
          Effect.map((span) => span.traceId),
          Effect.orElseSucceed(() => "none")
        )
        yield* Effect.logError(`Defect in ${rpc._tag}`, Cause.die(defect)).pipe(Effect.annotateLogs({ traceId }))
        return yield* new InternalError({ traceId })
      })
    )
  )
)
