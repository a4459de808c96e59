import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { LimitsHolder } from "./LimitsHolder.ts"
import { TimeZone } from "./TimeZone.ts"
import { newVersion, versionOf } from "./Version.ts"

/** A month of such days is still exact. */
const Bound = Schema.NullOr(MinorUnits.check(Schema.isBetween({ minimum: 1, maximum: 100_000_000_000_000 })))

/**
 * What a merchant's payments of one currency may be, each and together; null is without a bound. Days and months are those of
 * `timeZone` and of the time at which a payment was made. `returnsOnRefund`: what is refunded may be taken again within the same
 * day and month.
 */
export const PaymentLimits = Schema.Struct({
  minimum: Bound,
  maximum: Bound,
  daily: Bound,
  monthly: Bound,
  timeZone: TimeZone,
  returnsOnRefund: Schema.Boolean
})
  .check(
    Schema.makeFilter(
      ({ maximum, minimum }) =>
        minimum === null || maximum === null || minimum <= maximum || "the minimum is above the maximum"
    )
  )
  .annotate({ identifier: "PaymentLimits" })
export type PaymentLimits = typeof PaymentLimits.Type

export class LimitsVersion extends Schema.Class<LimitsVersion>("PaymentLimitsVersion")({
  ...versionOf,
  merchantId: LimitsHolder,
  currency: Currency,
  content: PaymentLimits
}) {}

export const NewLimits = Schema.Struct({ ...newVersion, currency: Currency, content: PaymentLimits }).annotate({
  identifier: "NewPaymentLimits"
})
export type NewLimits = typeof NewLimits.Type

export const QuotaPeriod = Schema.Literals(["day", "month"]).annotate({ identifier: "QuotaPeriod" })
export type QuotaPeriod = typeof QuotaPeriod.Type

/** How a quota stands. `held` is of payments that may still be paid, `used` of those that were; `limit` null is without a bound. */
export class QuotaStanding extends Schema.Class<QuotaStanding>("QuotaStanding")({
  currency: Currency,
  period: QuotaPeriod,
  /** The day or the month of the merchant's calendar. */
  window: Schema.String,
  limit: Schema.NullOr(MinorUnits),
  held: MinorUnits,
  used: MinorUnits,
  left: Schema.NullOr(MinorUnits)
}) {}

/** A counter that is not the sum of the holds behind it: never, unless somebody wrote past the program. */
export const QuotaFault = Schema.Struct({
  key: Schema.String,
  held: MinorUnits,
  heldByPayments: MinorUnits,
  used: MinorUnits,
  usedByPayments: MinorUnits
})

export class QuotaReport extends Schema.Class<QuotaReport>("QuotaReport")({
  counters: Schema.Int,
  faults: Schema.Array(QuotaFault)
}) {}
