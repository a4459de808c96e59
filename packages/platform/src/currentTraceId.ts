import { Effect } from "effect"

/** The id that finds this work in traces and logs; null outside a trace. */
export const currentTraceId: Effect.Effect<string | null> = Effect.currentSpan.pipe(
  Effect.map((span): string | null => span.traceId),
  Effect.orElseSucceed(() => null)
)
