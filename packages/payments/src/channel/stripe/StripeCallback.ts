import { AttemptId } from "@mall/domain/payments/Payment"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { Clock, Duration, Effect, Schema } from "effect"
import type { Notice, RawCallback, VerifiedCallback } from "../Channel.ts"
import { CallbackRefused } from "../ChannelError.ts"
import type { StripeClient } from "./StripeClient.ts"
import type { StripeSettings } from "./StripeConfig.ts"
import { StripeDispute, toDispute } from "./stripeDispute.ts"
import { attemptIdOf, PaymentIntent, refundIdOf, StripeRefund, toPayment, toRefundState } from "./stripeObjects.ts"

const ascii = (maxLength: number) =>
  Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxLength), Schema.isPattern(/^[\x21-\x7e]+$/))

const Event = Schema.Struct({
  id: ascii(128),
  object: Schema.Literal("event"),
  type: ascii(64),
  created: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799 })),
  data: Schema.Struct({ object: Schema.Unknown })
})
const decodeEvent = Schema.decodeUnknownEffect(Event)
const decodeIntent = Schema.decodeUnknownEffect(PaymentIntent)
const decodeDispute = Schema.decodeUnknownEffect(StripeDispute)
const decodeRefund = Schema.decodeUnknownEffect(StripeRefund)
const isAttemptId = Schema.is(AttemptId)
const isRefundId = Schema.is(RefundId)

const refused = (reason: CallbackRefused["reason"]) => new CallbackRefused({ reason })
const malformed = () => refused("malformed")

/** `t=1700000000,v1=…`: when this sending was signed, in seconds. */
const signedAt = (signature: string) => Number(/(?:^|,)t=(\d{1,12})(?:,|$)/.exec(signature)?.[1])

/**
 * Believes an event that is signed with our secret over exactly these bytes, within the window of the signature's own time.
 * There is no nonce, so that a recorded sending counts as a repetition of its event, which changes nothing.
 */
export const make = (settings: StripeSettings, client: StripeClient) => {
  const verify = Effect.fnUntraced(function* ({ body, headers }: RawCallback) {
    const signature = headers["stripe-signature"] ?? ""
    const event = yield* Effect.try({
      try: () => client.verify(body, signature),
      catch: (cause) => refused(cause instanceof SyntaxError ? "malformed" : "signature")
    })
    const age = Math.abs((yield* Clock.currentTimeMillis) - signedAt(signature) * 1000)
    if (!(age <= Duration.toMillis(settings.callbackWindow))) return yield* refused("timestamp")
    return yield* decodeEvent(event).pipe(Effect.mapError(malformed))
  })

  const paymentNotice = Effect.fnUntraced(function* ({ created, data }: typeof Event.Type) {
    const intent = yield* decodeIntent(data.object)
    const attemptId = attemptIdOf(intent)
    const notice: Notice = isAttemptId(attemptId)
      ? { _tag: "PaymentNotice", attemptId, payment: yield* toPayment(intent, new Date(created * 1000)) }
      : { _tag: "OtherNotice", about: "a payment of another system" }
    return notice
  })

  const refundNotice = Effect.fnUntraced(function* ({ data }: typeof Event.Type) {
    const refund = yield* decodeRefund(data.object)
    const refundId = refundIdOf(refund)
    const notice: Notice = isRefundId(refundId)
      ? { _tag: "RefundNotice", refundId, refund: yield* toRefundState(refund) }
      : { _tag: "OtherNotice", about: "a refund of another system" }
    return notice
  })

  const disputeNotice = Effect.fnUntraced(function* ({ created, data }: typeof Event.Type) {
    const dispute = yield* decodeDispute(data.object).pipe(Effect.flatMap(toDispute))
    const notice: Notice = { _tag: "DisputeNotice", dispute, at: new Date(created * 1000) }
    return notice
  })

  return Effect.fn("Stripe.parseCallback")(function* (callback: RawCallback) {
    const event = yield* verify(callback)
    const notice: Notice = yield* Effect.mapError(
      /^payment_intent\.(succeeded|canceled|processing|payment_failed|requires_action)$/.test(event.type)
        ? paymentNotice(event)
        : /^refund\.(created|updated|failed)$/.test(event.type)
          ? refundNotice(event)
          : /^charge\.dispute\.(created|updated|closed|funds_withdrawn|funds_reinstated)$/.test(event.type)
            ? disputeNotice(event)
            : Effect.succeed<Notice>({ _tag: "OtherNotice", about: event.type }),
      malformed
    )
    const verified: VerifiedCallback = { eventId: event.id, eventType: event.type, nonce: null, notice }
    return verified
  })
}
