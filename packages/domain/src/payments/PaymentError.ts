import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { ChallengeNeed } from "../risk/RiskRecord.ts"
import { PaymentId, RefundId } from "./PaymentGateway.ts"

/** The channel refused this try; nothing was paid. Another try may follow until the payment expires. */
export class PaymentDeclined extends Problem<PaymentDeclined>()("PaymentDeclined", {
  status: 402,
  title: "The payment was declined",
  fields: { paymentId: PaymentId, reason: Schema.String },
  detail: ({ reason }) => `The channel answered ${reason}`
}) {}

/** The channel cannot be reached; nothing was done. Try again, or choose another channel. */
export class ChannelUnavailable extends Problem<ChannelUnavailable>()("ChannelUnavailable", {
  status: 503,
  title: "The payment channel is not available",
  fields: { channel: Schema.String }
}) {}

/** This payment cannot be made through that channel, method or currency; `offered` lists the channels that can. */
export class ChannelNotOffered extends Problem<ChannelNotOffered>()("ChannelNotOffered", {
  status: 422,
  title: "The payment cannot be made that way",
  fields: { channel: Schema.String, offered: Schema.Array(Schema.String) }
}) {}

/** The payment's time is up: it is being closed. */
export class PaymentExpired extends Problem<PaymentExpired>()("PaymentExpired", {
  status: 409,
  title: "The time to pay is over",
  fields: { paymentId: PaymentId }
}) {}

/** A payment is taken up again within a limited time after it was made; this one is older. */
export class ResumeWindowPassed extends Problem<ResumeWindowPassed>()("ResumeWindowPassed", {
  status: 409,
  title: "The payment is too old to be taken up again",
  fields: { paymentId: PaymentId }
}) {}

/** The ticket is spent, stale, unknown or another payment's: which one is not told. */
export class TicketInvalid extends Problem<TicketInvalid>()("TicketInvalid", {
  status: 401,
  title: "The ticket is not valid or was used (票据无效或已使用)"
}) {}

/** No such refund of this payment, or it is not the caller's. */
export class RefundNotFound extends Problem<RefundNotFound>()("RefundNotFound", {
  status: 404,
  title: "There is no such refund",
  fields: { refundId: RefundId }
}) {}

/** A refund of another payment has that id. Nothing was given back. */
export class RefundIdTaken extends Problem<RefundIdTaken>()("RefundIdTaken", {
  status: 409,
  title: "Another payment has a refund of this id",
  fields: { refundId: RefundId }
}) {}

/** No such notice in the inbox. */
export class CallbackNotFound extends Problem<CallbackNotFound>()("CallbackNotFound", {
  status: 404,
  title: "There is no such callback",
  fields: { callbackId: Schema.String }
}) {}

/** Nothing listens at this channel's callback address. */
export class ChannelNotFound extends Problem<ChannelNotFound>()("ChannelNotFound", {
  status: 404,
  title: "There is no such payment channel"
}) {}

/** The payment is not taken. By which rule is not told: who tests cards would learn from it. */
export class PaymentRefused extends Problem<PaymentRefused>()("PaymentRefused", {
  status: 403,
  title: "The payment is refused",
  fields: { paymentId: PaymentId }
}) {}

/**
 * The buyer has to show more first: `sign_in`, and then confirm again; or `other_method`: confirm again by another channel or
 * method.
 */
export class PaymentChallenged extends Problem<PaymentChallenged>()("PaymentChallenged", {
  status: 403,
  title: "The payment needs another step of the buyer",
  fields: { paymentId: PaymentId, needs: ChallengeNeed },
  detail: ({ needs }) => (needs === "sign_in" ? "Sign in and confirm again" : "Confirm by another way to pay")
}) {}

/** The payment waits for a person of the house. Nothing was sent to its channel; confirm again later. */
export class PaymentInReview extends Problem<PaymentInReview>()("PaymentInReview", {
  status: 409,
  title: "The payment is being reviewed",
  fields: { paymentId: PaymentId }
}) {}

/** The payment could not be checked, and is too large to pass unchecked. Nothing was done; try again. */
export class PaymentUnchecked extends Problem<PaymentUnchecked>()("PaymentUnchecked", {
  status: 503,
  title: "The payment cannot be checked at the moment",
  fields: { paymentId: PaymentId }
}) {}
