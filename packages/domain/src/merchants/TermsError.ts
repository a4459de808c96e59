import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits, Money } from "../kernel/Money.ts"
import { Problem } from "../kernel/Problem.ts"
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
