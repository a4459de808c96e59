import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits, Money } from "../kernel/Money.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { ChannelId } from "../payments/Payment.ts"
import { TimeZone } from "./TimeZone.ts"
import { newVersion, versionOf } from "./Version.ts"

/** Small enough that half of the largest amount and a fixed part are exact together. */
const Units = MinorUnits.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000_000 }))

/** Hundredths of a percent, as decimal text so that no digit is lost: `60` is 0.60 %, `38.5` is 0.385 %. At most 5000. */
export const BasisPoints = Schema.String.check(
  Schema.isPattern(/^(0|[1-9]\d{0,3})(\.\d{1,4})?$/),
  Schema.makeFilter((text: string) => Number(text) <= 5000 || "must be at most 5000")
).annotate({ identifier: "BasisPoints" })

/** What is asked from this volume of the month on. */
const Tier = Schema.Struct({ from: MinorUnits.check(Schema.isGreaterThanOrEqualTo(0)), basisPoints: BasisPoints })

const isAscending = Schema.makeFilter(
  (tiers: ReadonlyArray<typeof Tier.Type>) =>
    tiers.every(({ from }, index) => (index === 0 ? from === 0 : from > (tiers[index - 1]?.from ?? 0))) ||
    "must begin at 0 and rise"
)

/**
 * What a payment through `channel` in `currency` costs: the percentage of its tier and a fixed part, together not below
 * `minimum` and not above `maximum`. Null is any channel, or any currency.
 */
export const FeeRate = Schema.Struct({
  channel: Schema.NullOr(ChannelId),
  currency: Schema.NullOr(Currency),
  tiers: Schema.NonEmptyArray(Tier).check(Schema.isMaxLength(20), isAscending),
  fixed: Units,
  minimum: Schema.NullOr(Units),
  maximum: Schema.NullOr(Units)
})
  .check(
    Schema.makeFilter(
      ({ maximum, minimum }) =>
        minimum === null || maximum === null || minimum <= maximum || "the minimum is above the maximum"
    ),
    Schema.makeFilter(
      ({ currency, fixed, maximum, minimum, tiers }) =>
        currency !== null ||
        (fixed === 0 && minimum === null && maximum === null && tiers.length === 1) ||
        "amounts are of a currency: name it"
    )
  )
  .annotate({ identifier: "FeeRate" })
export type FeeRate = typeof FeeRate.Type

/**
 * `marginal`: each part of an amount costs what the tier does in which the month's volume stands when that part is added to it.
 * `whole`: the whole amount costs what the tier does in which the volume stood before it. Neither changes what was charged before.
 */
export const TierMode = Schema.Literals(["marginal", "whole"]).annotate({ identifier: "TierMode" })

export type TierMode = typeof TierMode.Type

export const Rounding = Schema.Literals(["half_even", "half_up", "up", "down"]).annotate({ identifier: "Rounding" })
export type Rounding = typeof Rounding.Type

const hasOneDefault = Schema.makeFilter((rates: ReadonlyArray<FeeRate>) => {
  const names = rates.map(({ channel, currency }) => `${channel ?? "any"} ${currency ?? "any"}`)
  if (new Set(names).size < names.length) return "must have one rate for a channel and currency"
  return names.includes("any any") || "must say what any channel and any currency costs"
})

const isOfDistinctCurrencies = Schema.makeFilter(
  (amounts: ReadonlyArray<{ readonly currency: Currency }>) =>
    new Set(amounts.map(({ currency }) => currency)).size === amounts.length || "must have one amount for a currency"
)

/**
 * Who bears what a dispute costs. The platform: nothing is asked of the merchant. The merchant: a fixed amount of the dispute's
 * currency, nothing in others, once it is `opened` (an inquiry is no dispute yet) or once it is `lost`; what was asked goes back when it
 * is won, if `returnedWhenWon`.
 */
export const DisputeFees = Schema.Union([
  Schema.Struct({ bearer: Schema.Literal("platform") }),
  Schema.Struct({
    bearer: Schema.Literal("merchant"),
    charged: Schema.Literals(["opened", "lost"]),
    amounts: Schema.NonEmptyArray(
      Schema.Struct({ currency: Currency, amount: Units.check(Schema.isGreaterThan(0)) })
    ).check(Schema.isMaxLength(200), isOfDistinctCurrencies),
    returnedWhenWon: Schema.Boolean
  })
]).annotate({ identifier: "DisputeFees" })
export type DisputeFees = typeof DisputeFees.Type

/** What a merchant pays for captures and disputes. Months, whose volumes the tiers are about, are those of `timeZone`. */
export const FeePlan = Schema.Struct({
  name: NonBlankText(100),
  rates: Schema.NonEmptyArray(FeeRate).check(Schema.isMaxLength(200), hasOneDefault),
  tierMode: TierMode,
  rounding: Rounding,
  timeZone: TimeZone,
  /** Which parts of the fee are given back with the buyer's money, in proportion. */
  returns: Schema.Struct({ percent: Schema.Boolean, fixed: Schema.Boolean }),
  /** Without it the platform bears the fees of disputes. */
  disputes: Schema.optionalKey(DisputeFees)
}).annotate({ identifier: "FeePlan" })
export type FeePlan = typeof FeePlan.Type

/** A version is never changed: of those that began by a time, the one that began last is in force. */
export class FeePlanVersion extends Schema.Class<FeePlanVersion>("FeePlanVersion")({
  ...versionOf,
  content: FeePlan
}) {}

export const NewFeePlan = Schema.Struct({ ...newVersion, content: FeePlan }).annotate({ identifier: "NewFeePlan" })
export type NewFeePlan = typeof NewFeePlan.Type

/** `channel` and `amount` of a payment that nobody makes. */
export const FeeQuestion = Schema.Struct({
  channel: ChannelId,
  amount: Money.check(Schema.makeFilter(({ amount }) => amount > 0 || "must be above zero"))
}).annotate({ identifier: "FeeQuestion" })
export type FeeQuestion = typeof FeeQuestion.Type

/** `percent` and `fixed` before the least and the most; `returnable` is what refunds of all of it give back of `fee`. */
export const ChargedFee = Schema.Struct({
  rate: FeeRate,
  volume: MinorUnits,
  percent: MinorUnits,
  fixed: MinorUnits,
  fee: MinorUnits,
  returnable: MinorUnits
}).annotate({ identifier: "ChargedFee" })
export type ChargedFee = typeof ChargedFee.Type

/** `charged` is null where no plan is in force: it costs nothing then. */
export class FeeQuote extends Schema.Class<FeeQuote>("FeeQuote")({
  ...FeeQuestion.fields,
  planVersion: Schema.NullOr(Schema.Int),
  charged: Schema.NullOr(ChargedFee)
}) {}
