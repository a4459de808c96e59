import { Currency } from "@mall/domain/kernel/Currency"
import { Effect, Option, Schema } from "effect"
import { ChannelText } from "../Channel.ts"
import type { ChannelPayment, ChannelRefundState } from "../Channel.ts"
import { fromHexId } from "../hexId.ts"
import { fromStripeAmount } from "./stripeAmount.ts"

/** Seconds since 1970. */
export const Timestamp = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799 }))
export const Id = ChannelText.check(Schema.isPattern(/^[a-z]{2,4}_[A-Za-z0-9_]+$/))
const Metadata = Schema.Record(Schema.String, Schema.String)

/** What is read of a PaymentIntent. Amounts as Stripe counts them. */
export const PaymentIntent = Schema.Struct({
  id: Id,
  object: Schema.Literal("payment_intent"),
  status: Schema.String,
  amount: Schema.Int,
  amount_received: Schema.optionalKey(Schema.Int),
  currency: Schema.String,
  client_secret: Schema.optionalKey(Schema.NullOr(Schema.String)),
  livemode: Schema.Boolean,
  metadata: Metadata,
  latest_charge: Schema.optionalKey(
    Schema.NullOr(Schema.Union([Schema.String, Schema.Struct({ id: Schema.String, created: Timestamp })]))
  )
})
export type PaymentIntent = typeof PaymentIntent.Type

export const StripeRefund = Schema.Struct({
  id: Id,
  object: Schema.Literal("refund"),
  amount: Schema.Int,
  currency: Schema.String,
  status: Schema.NullOr(Schema.String),
  failure_reason: Schema.optionalKey(Schema.NullOr(Schema.String)),
  metadata: Schema.NullOr(Metadata)
})
export type StripeRefund = typeof StripeRefund.Type

/** The object says something of money that cannot be ours. */
export class ObjectUnreadable extends Schema.TaggedError<ObjectUnreadable>()("ObjectUnreadable", {}) {}

const decodeCurrency = Schema.decodeUnknownOption(Currency)

export const moneyOf = (amount: number, currency: string) =>
  Option.gen(function* () {
    const ours = yield* decodeCurrency(currency.toUpperCase())
    return { amount: yield* fromStripeAmount(amount, ours), currency: ours }
  })

export const attemptIdOf = ({ metadata }: { readonly metadata: Readonly<Record<string, string>> | null }) =>
  fromHexId(metadata?.["attempt_id"] ?? "")
export const refundIdOf = ({ metadata }: StripeRefund) => fromHexId(metadata?.["refund_id"] ?? "")

/** A PaymentIntent whose card was declined waits for another one, so it is open. `at` where its charge is not at hand. */
export const toPayment = (intent: PaymentIntent, at: Date): Effect.Effect<ChannelPayment, ObjectUnreadable> => {
  switch (intent.status) {
    case "succeeded": {
      const { amount, amount_received = amount, currency, id, latest_charge, livemode } = intent
      const money = moneyOf(amount_received, currency)
      if (Option.isNone(money)) return Effect.fail(new ObjectUnreadable())
      const isCharge = typeof latest_charge === "object" && latest_charge !== null
      return Effect.succeed({
        _tag: "Paid",
        ...money.value,
        account: { livemode: String(livemode) },
        channelReference: id,
        paidAt: isCharge ? new Date(latest_charge.created * 1000) : at
      })
    }
    case "canceled":
      return Effect.succeed({ _tag: "Closed" })
    case "requires_payment_method":
    case "requires_confirmation":
    case "requires_action":
    case "processing":
      return Effect.succeed({ _tag: "Open" })
    default:
      return Effect.fail(new ObjectUnreadable())
  }
}

export const toRefundState = (refund: StripeRefund): Effect.Effect<ChannelRefundState, ObjectUnreadable> => {
  switch (refund.status) {
    case "succeeded": {
      const money = moneyOf(refund.amount, refund.currency)
      if (Option.isNone(money)) return Effect.fail(new ObjectUnreadable())
      return Effect.succeed({ _tag: "Refunded", ...money.value, account: {}, channelReference: refund.id })
    }
    case "pending":
    case "requires_action":
      return Effect.succeed({ _tag: "Processing", channelReference: refund.id })
    case "failed":
    case "canceled":
      return Effect.succeed({ _tag: "Failed", code: refund.failure_reason ?? refund.status })
    default:
      return Effect.fail(new ObjectUnreadable())
  }
}
