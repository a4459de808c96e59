import { Effect } from "effect"
import { countDispute } from "../paymentMetrics.ts"
import type { DisputeNews } from "./DisputeStore.ts"

/** Writes the log and counts, for a change that is committed. */
export const announceDispute = Effect.fnUntraced(function* ({ actor, from, to }: DisputeNews) {
  yield* Effect.logInfo("dispute changed").pipe(
    Effect.annotateLogs({
      disputeId: to.id,
      paymentId: to.paymentId,
      merchantId: to.merchantId,
      channel: to.channel,
      from: from?.status ?? "new",
      status: to.status,
      amount: to.amount,
      currency: to.currency,
      reason: to.reason,
      actor
    })
  )
  if (from?.status !== to.status) yield* countDispute(to.status, to.channel, to.currency)
})
