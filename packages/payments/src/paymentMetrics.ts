import type { Currency } from "@mall/domain/kernel/Currency"
import type { Money } from "@mall/domain/kernel/Money"
import type { RefundAgainstPolicy } from "@mall/domain/merchants/PolicyError"
import { Clock, Effect, Exit, Metric } from "effect"

const amounts = [100, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 10_000_000, 100_000_000]
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10]

const paymentTotal = Metric.counter("payment_gateway_payment_total", {
  description: "Payments by how they ended: success, failed, duplicate or risk_rejected",
  incremental: true
})
const paymentAmount = Metric.histogram("payment_gateway_payment_amount", {
  description: "Amounts captured, in minor units",
  boundaries: amounts
})
const paymentDuration = Metric.histogram("payment_gateway_payment_duration_seconds", {
  description: "How long operations on payments take",
  boundaries: seconds
})
const refundTotal = Metric.counter("payment_gateway_refund_total", {
  description: "Refunds by how they ended: success, failed, invalid_status or amount_exceeded",
  incremental: true
})
const refundAmount = Metric.histogram("payment_gateway_refund_amount", {
  description: "Amounts given back, in minor units",
  boundaries: amounts
})
const signatureFailure = Metric.counter("payment_signature_failure", {
  description: "Callbacks and answers of channels whose signature does not hold",
  incremental: true
})
const callbackDuplicate = Metric.counter("payment_callback_duplicate", {
  description: "Callbacks that tell what was told before",
  incremental: true
})
const callbackRefused = Metric.counter("payment_callback_refused", {
  description: "Callbacks that were not taken, by why: signature, serial, timestamp, malformed, replayed or too_large",
  incremental: true
})
const callbackUnverifiable = Metric.counter("payment_callback_unverifiable", {
  description:
    "Callbacks that could not be judged, since the channel's keys were not at hand; the channel sends them again",
  incremental: true
})
const ticketFailure = Metric.counter("payment_ticket_validation_failure", {
  description: "Tickets that are spent, stale, foreign or unknown",
  incremental: true
})

const disputeTotal = Metric.counter("payment_dispute_total", {
  description: "Disputes by the state they came to",
  incremental: true
})
const disputeDue = Metric.counter("payment_dispute_due", {
  description: "Disputes whose time for evidence will soon be over",
  incremental: true
})

const termsRefusal = Metric.counter("payment_terms_refused_total", {
  description:
    "What was refused by a merchant's terms, by why: limit, quota, channel, method, refund_age, refund_partial or refund_share",
  incremental: true
})

/** One payment came to an end of this kind; `channel` is `none` where none was chosen yet. */
export const countPayment = (
  status: "success" | "failed" | "duplicate" | "risk_rejected",
  channel: string,
  currency: Currency
) => Metric.update(Metric.withAttributes(paymentTotal, { status, channel, currency }), 1)

export const observePaymentAmount = ({ amount, currency }: Money, channel: string) =>
  Metric.update(Metric.withAttributes(paymentAmount, { currency, channel }), amount)

export const countRefund = (status: "success" | "failed" | "invalid_status" | "amount_exceeded", currency: Currency) =>
  Metric.update(Metric.withAttributes(refundTotal, { status, currency }), 1)

export const countTermsRefusal = (
  reason: "limit" | "quota" | "channel" | "method" | `refund_${RefundAgainstPolicy["rule"]}`,
  currency: Currency
) => Metric.update(Metric.withAttributes(termsRefusal, { reason, currency }), 1)

export const observeRefundAmount = ({ amount, currency }: Money) =>
  Metric.update(Metric.withAttributes(refundAmount, { currency }), amount)

export const countSignatureFailure = (channel: string) =>
  Metric.update(Metric.withAttributes(signatureFailure, { channel }), 1)

export const countCallbackDuplicate = (channel: string) =>
  Metric.update(Metric.withAttributes(callbackDuplicate, { channel }), 1)

export const countCallbackRefused = (channel: string, reason: string) =>
  Metric.update(Metric.withAttributes(callbackRefused, { channel, reason }), 1)

export const countCallbackUnverifiable = (channel: string) =>
  Metric.update(Metric.withAttributes(callbackUnverifiable, { channel }), 1)

export const countDispute = (status: string, channel: string, currency: Currency) =>
  Metric.update(Metric.withAttributes(disputeTotal, { status, channel, currency }), 1)

export const countDisputeDue = (channel: string) => Metric.update(Metric.withAttributes(disputeDue, { channel }), 1)

export const countTicketFailure = Metric.update(ticketFailure, 1)

/** Observes how long the operation takes, by whether it succeeded. */
export const timed =
  (operation: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.currentTimeMillis, (start) =>
      Effect.onExit(effect, (exit) =>
        Effect.flatMap(Clock.currentTimeMillis, (end) =>
          Metric.update(
            Metric.withAttributes(paymentDuration, {
              operation,
              status: Exit.isSuccess(exit) ? "success" : "failed"
            }),
            (end - start) / 1000
          )
        )
      )
    )
