import type { Channel, ChannelPayment, ChannelRefundState, Paid, Refunded } from "../channel/Channel.ts"
import type { PaymentDraft } from "../store/PaymentDraft.ts"
import type { AttemptRow, RefundRow } from "../store/PaymentRecord.ts"
import { isOpenAttempt, isOpenRefund } from "@mall/domain/payments/PaymentLifecycle"

/**
 * What became of a channel's word on a try or a refund. `mismatch` names what does not agree with our books: nothing was
 * changed, and a person has to look. `ask`: something became of a refund that had failed, and no sweep asks about it any more.
 */
export type Verdict =
  | { readonly type: "open" }
  | { readonly type: "over" }
  | { readonly type: "unchanged" }
  | { readonly type: "ask" }
  | { readonly type: "mismatch"; readonly details: Readonly<Record<string, string>> }

/** How long after we asked for an order its absence at the channel may only mean that the request has not arrived. */
const inFlightMillis = 60_000

/** What the comparison needs of a channel. */
type Account = Pick<Channel, "account">

const differs = (
  channel: Account,
  told: Pick<Paid | Refunded, "amount" | "currency" | "account" | "channelReference">,
  ours: { readonly amount: number; readonly currency: string; readonly channelReference: string | null }
): Readonly<Record<string, string>> | undefined => {
  if (told.amount !== ours.amount) return { amount: `${told.amount}`, expectedAmount: `${ours.amount}` }
  if (told.currency !== ours.currency) return { currency: told.currency, expectedCurrency: ours.currency }
  for (const [name, value] of Object.entries(told.account)) {
    if (channel.account[name] !== value) return { account: name }
  }
  if (ours.channelReference !== null && ours.channelReference !== told.channelReference) {
    return { channelReference: told.channelReference, expectedChannelReference: ours.channelReference }
  }
  return undefined
}

/** Settles a try by what its channel says of it. The same word again changes nothing, in whatever order words arrive. */
export const applyPayment = (
  draft: PaymentDraft,
  attempt: AttemptRow,
  channel: Account,
  told: ChannelPayment,
  source: string
): Verdict => {
  switch (told._tag) {
    case "Paid": {
      const details = differs(channel, told, attempt)
      if (details !== undefined) return { type: "mismatch", details }
      if (attempt.status === "succeeded") return { type: "unchanged" }
      draft.succeed(attempt, told, source)
      return { type: "over" }
    }
    case "Partial": {
      if (!isOpenAttempt(attempt.status)) return { type: "unchanged" }
      const details = differs(channel, { ...told, amount: attempt.amount }, attempt)
      if (details !== undefined) return { type: "mismatch", details }
      // an earlier word may come late: what came does not go away
      if (told.amount > attempt.received && told.amount < attempt.amount) draft.receivePart(attempt, told)
      return { type: "open" }
    }
    case "Closed":
      if (!isOpenAttempt(attempt.status)) return { type: "unchanged" }
      draft.fail(attempt, "closed", "CLOSED_AT_CHANNEL")
      return { type: "over" }
    case "Failed":
      if (!isOpenAttempt(attempt.status)) return { type: "unchanged" }
      draft.fail(attempt, "failed", told.code)
      return { type: "over" }
    case "Missing": {
      const wasAnswered = attempt.status !== "created" && attempt.status !== "unknown"
      const age = draft.context.now.getTime() - attempt.updatedAt.getTime()
      if (wasAnswered || age < inFlightMillis) return { type: "open" }
      draft.fail(attempt, "failed", "NOT_AT_CHANNEL")
      return { type: "over" }
    }
    case "Approved":
      if (!isOpenAttempt(attempt.status)) return { type: "unchanged" }
      draft.askNow(attempt)
      return { type: "open" }
    case "Open":
      return { type: "open" }
  }
}

/** Settles a refund by what its channel says of it. */
export const applyRefund = (
  draft: PaymentDraft,
  refund: RefundRow,
  channel: Account,
  told: ChannelRefundState
): Verdict => {
  switch (told._tag) {
    case "Refunded": {
      const details = differs(channel, told, refund)
      if (details !== undefined) return { type: "mismatch", details }
      if (refund.status === "succeeded") return { type: "unchanged" }
      const { channelReference } = told
      return draft.endRefund(refund, "succeeded", { errorCode: null, channelReference })
        ? { type: "over" }
        : { type: "mismatch", details: { refund: "more than was captured" } }
    }
    case "Failed":
      if (refund.status === "failed") return { type: "unchanged" }
      // the buyer's bank sent it back: the money is with us again, and the books say that it is with the buyer
      if (refund.status === "succeeded") {
        return {
          type: "mismatch",
          details: { refundId: refund.id, refund: "failed after it succeeded", code: told.code }
        }
      }
      draft.endRefund(refund, "failed", { errorCode: told.code })
      return { type: "over" }
    case "Processing":
      if (refund.status === "pending" || refund.status === "unknown") {
        draft.progressRefund(refund, "processing", { errorCode: null, channelReference: told.channelReference })
      }
      return { type: "open" }
    case "Changed":
      if (!isOpenRefund(refund.status)) return { type: refund.status === "failed" ? "ask" : "unchanged" }
      draft.askRefundNow(refund)
      return { type: "open" }
    case "Missing":
      return { type: "open" }
  }
}
