import type { RiskCheck } from "@mall/domain/risk/RiskCheck"
import { Effect } from "effect"
import type { PaymentDraft } from "./PaymentDraft.ts"
import { countPayment, countRefund, observePaymentAmount, observeRefundAmount } from "../paymentMetrics.ts"

/** Writes the payment log, counts, and tells risk of what was declined, for a change that is committed. */
export const announce = Effect.fnUntraced(function* (
  { context, facts, history, intent }: PaymentDraft,
  risk: RiskCheck["Service"]
) {
  yield* Effect.logInfo("payment changed").pipe(
    Effect.annotateLogs({
      paymentId: intent.id,
      reference: intent.reference,
      payerId: intent.payerId,
      merchantId: intent.merchantId,
      amount: intent.amount,
      currency: intent.currency,
      status: intent.status,
      actor: context.actor,
      traceId: context.traceId,
      changes: history.map(
        ({ fromStatus, reason, subject, subjectId, toStatus }) =>
          `${subject} ${subjectId}: ${fromStatus ?? "new"} -> ${toStatus} (${reason})`
      )
    })
  )
  for (const fact of facts) {
    switch (fact.type) {
      case "paid":
        yield* countPayment("success", fact.channel, intent.currency)
        yield* observePaymentAmount(intent.money, fact.channel)
        break
      case "declined":
        yield* countPayment("failed", fact.channel, intent.currency)
        yield* risk.declined(intent.id)
        break
      case "surplus":
        yield* countPayment("duplicate", fact.channel, intent.currency)
        yield* Effect.logWarning("payment captured twice: the second capture is given back").pipe(
          Effect.annotateLogs({ paymentId: intent.id, refundId: fact.refundId, channel: fact.channel })
        )
        break
      case "refunded":
        yield* countRefund(fact.outcome === "succeeded" ? "success" : "failed", fact.refund.currency)
        if (fact.outcome === "succeeded") yield* observeRefundAmount(fact.refund.money)
        break
    }
  }
})
