import { Schema } from "effect"
import { Money } from "../kernel/Money.ts"
import * as Topic from "../kernel/Topic.ts"
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

/** A refund came to its end. */
export const paymentRefunded = Topic.make("payment_refunded", {
  schema: Schema.Struct({
    refundId: RefundId,
    paymentId: PaymentId,
    reference: Schema.String,
    amount: Money,
    outcome: Schema.Literals(["succeeded", "failed"])
  }),
  subscribers: ["trade"],
  id: ({ refundId }) => refundId
})

/** Delivered when a payment's time is up: it is closed unless it ended before. */
export const transactionTimeout = Topic.make("transaction_timeout", {
  schema: Schema.Struct({ paymentId: PaymentId }),
  subscribers: ["payments"],
  id: ({ paymentId }) => paymentId
})
