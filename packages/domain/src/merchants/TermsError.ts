import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits, Money } from "../kernel/Money.ts"
import { Problem } from "../kernel/Problem.ts"
import { ChannelId } from "../payments/Payment.ts"
import { QuotaPeriod } from "./PaymentLimits.ts"

/** One payment of the merchant may not be as small or as large as this. */
export class PaymentLimitExceeded extends Problem<PaymentLimitExceeded>()("PaymentLimitExceeded", {
  status: 422,
  title: "The amount is outside of what one payment may be",
  fields: { currency: Currency, minimum: Schema.NullOr(MinorUnits), maximum: Schema.NullOr(MinorUnits) }
}) {}

/** The merchant's payments of the day or the month would come to more than agreed; `left` is what still may be. */
export class QuotaExceeded extends Problem<QuotaExceeded>()("QuotaExceeded", {
  status: 409,
  title: "The merchant's quota does not suffice",
  fields: { period: QuotaPeriod, window: Schema.String, limit: Money, left: Money },
  detail: ({ left, period, window }) => `${left.amount} ${left.currency} are left of the ${period} ${window}`
}) {}

/** The merchant's payments are not paid that way; `channels` and `methods` are those that are, null any. */
export class PaymentWayNotAllowed extends Problem<PaymentWayNotAllowed>()("PaymentWayNotAllowed", {
  status: 422,
  title: "The merchant does not take payments that way",
  fields: {
    channel: ChannelId,
    method: Schema.NullOr(Schema.String),
    channels: Schema.NullOr(Schema.Array(ChannelId)),
    methods: Schema.NullOr(Schema.Array(Schema.String))
  },
  detail: ({ channel, method }) => `The policy leaves out ${method === null ? channel : `${channel} by ${method}`}`
}) {}

/**
 * The merchant may not give this back. By `age`: it could be until `until`; `partial`: only all that is left; `share`: at most `atMost`.
 * Who administers payments may do so all the same.
 */
export class RefundAgainstPolicy extends Problem<RefundAgainstPolicy>()("RefundAgainstPolicy", {
  status: 422,
  title: "The refund is against what is agreed with the merchant",
  fields: {
    rule: Schema.Literals(["age", "partial", "share"]),
    until: Schema.NullOr(Schema.Date),
    atMost: Schema.NullOr(Money)
  }
}) {}

/** Somebody else changed it meanwhile; `version` is the newest one. */
export class TermsChanged extends Problem<TermsChanged>()("TermsChanged", {
  status: 409,
  title: "The terms were changed meanwhile",
  fields: { version: Schema.Int }
}) {}

/** Nothing counts from a time that is over, or nearly: payments of then may be on their way. */
export class TermsBackdated extends Problem<TermsBackdated>()("TermsBackdated", {
  status: 422,
  title: "Terms cannot count from then on",
  fields: { earliest: Schema.Date },
  detail: ({ earliest }) => `They can count from ${earliest.toISOString()} on`
}) {}
