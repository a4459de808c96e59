import { currentTraceId } from "@mall/platform/currentTraceId"
import { DateTime, Effect } from "effect"

/** Who changes something, when and why. */
export interface Act {
  readonly actor: string
  readonly reason: string
  readonly traceId: string | null
  readonly now: Date
}

export const actNow = Effect.fnUntraced(function* (actor: string, reason: string) {
  const act: Act = { actor, reason, traceId: yield* currentTraceId, now: yield* DateTime.nowAsDate }
  return act
})
