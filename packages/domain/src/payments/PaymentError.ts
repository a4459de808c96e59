import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
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
