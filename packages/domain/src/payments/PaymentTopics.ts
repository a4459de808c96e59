import { Schema } from "effect"
import { Money } from "../kernel/Money.ts"
import * as Topic from "../kernel/Topic.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { DisputeId } from "./Dispute.ts"
import { DisputeStatus } from "./DisputeLifecycle.ts"
import { ChannelId } from "./Payment.ts"
import { PaymentId, RefundId } from "./PaymentGateway.ts"

const PaymentSucceeded = Schema.Struct({
  paymentId: PaymentId,
  reference: Schema.String,
  amount: Money,
  paidAt: Schema.DateFromString
})

/** The whole amount was captured. Told once per payment, also when it came after the payment was canceled. */
export const markOrderPaid = Topic.make("mark_order_paid", {
  schema: PaymentSucceeded,
  subscribers: ["trade"],
  id: ({ paymentId }) => paymentId
})

/** The payment ended without money: nothing can be paid on it any more. */
export const markOrderCanceled = Topic.make("mark_order_canceled", {
  schema: Schema.Struct({ paymentId: PaymentId, reference: Schema.String, reason: Schema.String }),
  subscribers: ["trade"],
  id: ({ paymentId }) => paymentId
})

/** A refund came to its end. One that failed may still be told as done: a channel carries out later what it gave up before. */
export const paymentRefunded = Topic.make("payment_refunded", {
  schema: Schema.Struct({
    refundId: RefundId,
    paymentId: PaymentId,
    reference: Schema.String,
    amount: Money,
    outcome: Schema.Literals(["succeeded", "failed"])
  }),
  subscribers: ["trade"],
  id: ({ outcome, refundId }) => `${refundId}-${outcome}`
})

/** Delivered when a payment's time is up: it is closed unless it ended before. */
export const transactionTimeout = Topic.make("transaction_timeout", {
  schema: Schema.Struct({ paymentId: PaymentId }),
  subscribers: ["payments"],
  id: ({ paymentId }) => paymentId
})

const AboutDispute = {
  disputeId: DisputeId,
  paymentId: Schema.NullOr(PaymentId),
  merchantId: Schema.NullOr(MerchantId),
  channel: ChannelId,
  channelReference: Schema.String,
  amount: Money,
  evidenceDueAt: Schema.NullOr(Schema.DateFromString)
}

/**
 * A dispute was opened, or something of it changed: its state, its amount or what the channel took of our balance.
 * `withdrawn` and `fees` are totals in the currency of that balance, so that a ledger posts the difference to what it has
 * posted; `version` counts the changes of one dispute, whose messages may come in disorder.
 */
export const paymentDisputeChanged = Topic.make("payment_dispute_changed", {
  schema: Schema.Struct({
    ...AboutDispute,
    version: Schema.Int,
    fromStatus: Schema.NullOr(DisputeStatus),
    status: DisputeStatus,
    withdrawn: Schema.NullOr(Money),
    fees: Schema.NullOr(Money)
  }),
  subscribers: [],
  id: ({ disputeId, version }) => `${disputeId}:${version}`
})

/** The time for evidence will soon be over, and the bank was sent none. Told once per deadline. */
export const paymentDisputeDue = Topic.make("payment_dispute_due", {
  schema: Schema.Struct({ ...AboutDispute, evidenceDueAt: Schema.DateFromString, hasEvidence: Schema.Boolean }),
  subscribers: [],
  id: ({ disputeId, evidenceDueAt }) => `${disputeId}:${evidenceDueAt.getTime()}`
})
