import type { Posting } from "@mall/domain/ledger/Journal"
import { fee, feeReturn } from "@mall/domain/ledger/postings"
import type { Captured, FeeMovement, GivenBack } from "@mall/domain/merchants/FeeSchedule"
import type { QuotaOutcome } from "@mall/domain/merchants/PaymentQuotas"
import type { PaymentDraft } from "../store/PaymentDraft.ts"
import { variantOf } from "./transferIds.ts"

type Circumstances = Pick<Posting, "actor" | "traceId">

interface Chargeables {
  readonly captures: ReadonlyArray<Captured>
  readonly refunds: ReadonlyArray<GivenBack>
  /** Of the change that caused a fee, by the id of the capture or the refund. */
  readonly circumstances: ReadonlyMap<string, Circumstances>
}

/** What changes mean to the merchants' fees. What was captured twice is the buyer's, and costs nothing. */
export const chargeablesOf = (drafts: ReadonlyArray<PaymentDraft>): Chargeables => {
  const captures: Array<Captured> = []
  const refunds: Array<GivenBack> = []
  const circumstances = new Map<string, Circumstances>()
  for (const draft of drafts) {
    const { context, facts, intent } = draft
    const { id: paymentId, merchantId } = intent
    if (merchantId === null) continue
    const { now: at } = context
    for (const fact of facts) {
      if (fact.type === "paid" && draft.capturingAttempt !== undefined) {
        const { channel, id: attemptId, money } = draft.capturingAttempt
        captures.push({ attemptId, paymentId, merchantId, channel, money, at })
        circumstances.set(attemptId, context)
      }
      if (fact.type === "refunded" && fact.outcome === "succeeded" && !fact.refund.surplus) {
        const { attemptId, id: refundId, money } = fact.refund
        refunds.push({ refundId, attemptId, money, at })
        circumstances.set(refundId, context)
      }
    }
  }
  return { captures, refunds, circumstances }
}

/** What changes mean to the merchants' quotas. */
export const quotaOutcomesOf = ({ facts, intent }: PaymentDraft): ReadonlyArray<QuotaOutcome> => {
  const { id: paymentId, merchantId } = intent
  return facts.flatMap((fact): ReadonlyArray<QuotaOutcome> => {
    switch (fact.type) {
      case "paid":
        return [{ paymentId, merchantId, outcome: "committed" }]
      case "canceled":
        return [{ paymentId, merchantId, outcome: "released" }]
      case "refunded":
        return fact.outcome === "succeeded" && !fact.refund.surplus
          ? [{ paymentId, merchantId, outcome: { refunded: fact.refund.amount } }]
          : []
      case "declined":
      case "surplus":
        return []
    }
  })
}

export const postingOfFee = (
  { cause, direction, merchantId, money, paymentId, planVersion }: FeeMovement,
  circumstances: Chargeables["circumstances"]
): Posting => {
  const { actor, traceId } = circumstances.get(cause) ?? { actor: "payments", traceId: null }
  return {
    ...{ id: variantOf(cause, 0xfee00000), purpose: "fee", subject: paymentId, actor, traceId },
    legs: direction === "charged" ? fee(merchantId, money) : feeReturn(merchantId, money),
    reason: direction === "charged" ? `fee of plan ${planVersion}` : `fee of plan ${planVersion} given back`
  }
}
