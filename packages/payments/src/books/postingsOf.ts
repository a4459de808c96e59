import type { Posting } from "@mall/domain/ledger/Journal"
import { capture, dispute, refund, surplusCapture, surplusRefund } from "@mall/domain/ledger/postings"
import type { DisputeStand, Way } from "@mall/domain/ledger/postings"
import { TransferId } from "@mall/domain/ledger/Transfer"
import type { DisputeRow } from "../disputes/DisputeRecord.ts"
import type { DisputeNews } from "../disputes/DisputeStore.ts"
import type { PaymentDraft } from "../store/PaymentDraft.ts"
import type { AttemptRow, IntentRow, PaymentRecord, RefundRow } from "../store/PaymentRecord.ts"
import { variantOf } from "./transferIds.ts"

type Circumstances = Pick<Posting, "actor" | "traceId">

const wayOf = ({ merchantId }: IntentRow, { channel, credentialId }: AttemptRow): Way => ({
  merchantId,
  channel,
  isDirect: credentialId !== null
})

/** A try captures once, so its id is that of the transfer. */
const ofCapture = (
  intent: IntentRow,
  attempt: AttemptRow,
  isSurplus: boolean,
  { actor, traceId }: Circumstances
): Posting => ({
  actor,
  traceId,
  id: TransferId.make(attempt.id),
  purpose: isSurplus ? "surplus_capture" : "capture",
  subject: intent.id,
  legs: (isSurplus ? surplusCapture : capture)(wayOf(intent, attempt), attempt.money),
  reason: isSurplus ? "captured twice" : "captured"
})

const ofRefund = (
  intent: IntentRow,
  attempt: AttemptRow,
  row: RefundRow,
  { actor, traceId }: Circumstances
): Posting => ({
  actor,
  traceId,
  id: TransferId.make(row.id),
  purpose: row.surplus ? "surplus_refund" : "refund",
  subject: intent.id,
  legs: (row.surplus ? surplusRefund : refund)(wayOf(intent, attempt), row.money),
  reason: row.reason
})

/** What a change of a payment means to the books. */
export const postingsOfPayment = (draft: PaymentDraft): ReadonlyArray<Posting> => {
  const { context, facts, intent } = draft
  return facts.flatMap((fact): ReadonlyArray<Posting> => {
    switch (fact.type) {
      case "paid": {
        const attempt = draft.capturingAttempt
        return attempt === undefined ? [] : [ofCapture(intent, attempt, false, context)]
      }
      case "surplus": {
        const attempt = draft.attemptOf(draft.refund(fact.refundId))
        return attempt === undefined ? [] : [ofCapture(intent, attempt, true, context)]
      }
      case "refunded": {
        const attempt = draft.attemptOf(fact.refund)
        return attempt === undefined || fact.outcome !== "succeeded"
          ? []
          : [ofRefund(intent, attempt, fact.refund, context)]
      }
      case "canceled":
      case "declined":
        return []
    }
  })
}

/** Disputes come through the platform's accounts at the channels. */
const standOf = (row: DisputeRow): DisputeStand => ({
  ...row.balance,
  way: { merchantId: row.merchantId, channel: row.channel, isDirect: false },
  isLost: row.status === "lost" || row.status === "accepted"
})

/** What a change of a dispute means to the books. */
export const postingsOfDispute = ({ actor, from, to }: DisputeNews, traceId: string | null): ReadonlyArray<Posting> => {
  const legs = dispute(from === undefined ? undefined : standOf(from), standOf(to))
  if (legs.length === 0) return []
  return [
    {
      // of one version of the dispute
      ...{ id: variantOf(to.id, to.version), purpose: "dispute", subject: to.id, legs, actor, traceId },
      reason: `dispute ${to.status}`
    }
  ]
}

/** All that a payment ever was to the books, from its rows. */
export const postingsOfRecord = (
  { attempts, intent, refunds }: PaymentRecord,
  actor: string
): ReadonlyArray<Posting> => {
  const circumstances = { actor, traceId: null }
  const surplus = new Set(refunds.flatMap((row) => (row.surplus ? [row.attemptId] : [])))
  return [
    ...attempts.flatMap((attempt) =>
      attempt.status === "succeeded" ? [ofCapture(intent, attempt, surplus.has(attempt.id), circumstances)] : []
    ),
    ...refunds.flatMap((row) => {
      const attempt = attempts.find(({ id }) => id === row.attemptId)
      return attempt === undefined || row.status !== "succeeded" ? [] : [ofRefund(intent, attempt, row, circumstances)]
    })
  ]
}
