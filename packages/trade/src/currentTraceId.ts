import { Effect } from "effect"

/** The trace that a history row or a movement belongs to, null outside of one. */
export const currentTraceId = Effect.currentSpan.pipe(
  Effect.map((span): string | null => span.traceId),
  Effect.orElseSucceed(() => null)
)
