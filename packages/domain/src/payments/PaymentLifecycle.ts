import { Schema } from "effect"
import * as StateMachine from "../kernel/StateMachine.ts"
import type { PaymentStatus } from "./PaymentGateway.ts"

/**
 * Where a payment may go. Money that arrives is always recorded, so `failed` and `canceled` still lead to `succeeded`: a
 * buyer may have been faster than the one who closed. What happens to the refunds decides everything after `succeeded`.
 */
export const paymentLifecycle = StateMachine.make<PaymentStatus>({
  pending: ["processing", "canceled"],
  processing: ["succeeded", "failed", "canceled"],
  failed: ["processing", "succeeded", "canceled"],
  canceled: ["succeeded"],
  succeeded: ["refunding", "partially_refunded", "refunded"],
  refunding: ["succeeded", "partially_refunded", "refunded"],
  partially_refunded: ["refunding", "succeeded", "refunded"],
  refunded: ["refunding"]
})

/**
 * One try to pay through one channel. `created` is committed before the channel hears of it; `unknown` is a try whose
 * outcome the channel has not told: it is asked, never guessed.
 */
export const AttemptStatus = Schema.Literals([
  "created",
  "processing",
  "succeeded",
  "failed",
  "closed",
  "unknown"
]).annotate({ identifier: "AttemptStatus" })
export type AttemptStatus = typeof AttemptStatus.Type

export const attemptLifecycle = StateMachine.make<AttemptStatus>({
  created: ["processing", "succeeded", "failed", "closed", "unknown"],
  processing: ["succeeded", "failed", "closed"],
  unknown: ["processing", "succeeded", "failed", "closed"],
  failed: ["succeeded"],
  closed: ["succeeded"],
  succeeded: []
})

/** The states in which the channel may still take money. At most one attempt of a payment is in one of them. */
export const isOpenAttempt = (status: AttemptStatus) =>
  status === "created" || status === "processing" || status === "unknown"

/** `pending` is committed before the channel hears of it. A refund that failed may still be reported as done by the channel. */
export const RefundStatus = Schema.Literals(["pending", "processing", "succeeded", "failed", "unknown"]).annotate({
  identifier: "RefundStatus"
})
export type RefundStatus = typeof RefundStatus.Type

export const refundLifecycle = StateMachine.make<RefundStatus>({
  pending: ["processing", "succeeded", "failed", "unknown"],
  processing: ["succeeded", "failed"],
  unknown: ["pending", "processing", "succeeded", "failed"],
  failed: ["succeeded"],
  succeeded: []
})

/** The states in which a refund holds back a part of what was captured. */
export const isOpenRefund = (status: RefundStatus) =>
  status === "pending" || status === "processing" || status === "unknown"
