import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"

/** Hundredths of a percent. */
export const BasisPoints = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 })).annotate({
  identifier: "BasisPoints"
})

const pair = Schema.NullOr(Schema.Tuple([Currency, Currency]))

/**
 * What the platform keeps of an exchange. `pair` in either direction, null: of all; `merchantId` null: for all merchants. The
 * most specific counts, a merchant's before a pair's, and of equals the one that is in force last.
 */
export class FxSpread extends Schema.Class<FxSpread>("FxSpread")({
  pair,
  merchantId: Schema.NullOr(MerchantId),
  basisPoints: BasisPoints,
  effectiveFrom: Schema.Date,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}) {}

/** `effectiveFrom` is now where it is not given, and never before. */
export const NewFxSpread = Schema.Struct({
  pair: pair.check(
    Schema.makeFilter((both) => both === null || both[0] !== both[1] || "the two currencies are the same")
  ),
  merchantId: Schema.NullOr(MerchantId),
  basisPoints: BasisPoints,
  effectiveFrom: Schema.optionalKey(Schema.Date),
  reason: NonBlankText(400)
}).annotate({ identifier: "NewFxSpread" })
export type NewFxSpread = typeof NewFxSpread.Type

/** How many minor units of a currency more may be given away than were taken in. Without a limit it is not sold. */
export class FxLimit extends Schema.Class<FxLimit>("FxLimit")({
  currency: Currency,
  maxShort: MinorUnits.check(Schema.isGreaterThanOrEqualTo(0)),
  actor: Schema.String,
  reason: Schema.String,
  at: Schema.Date
}) {}

export const NewFxLimit = Schema.Struct({
  currency: Currency,
  maxShort: MinorUnits.check(Schema.isGreaterThanOrEqualTo(0)),
  reason: NonBlankText(400)
}).annotate({ identifier: "NewFxLimit" })
export type NewFxLimit = typeof NewFxLimit.Type

/**
 * What exchanges have left the platform with in a currency: above zero it took in more than it gave away. `value` is that at
 * the rate in force, however old, in the currency of the report; null where there is no rate.
 */
export const FxPosition = Schema.Struct({
  currency: Currency,
  position: MinorUnits,
  maxShort: Schema.NullOr(MinorUnits),
  value: Schema.NullOr(MinorUnits),
  ratedAt: Schema.NullOr(Schema.Date)
}).annotate({ identifier: "FxPosition" })
export type FxPosition = typeof FxPosition.Type

/** `result` is the sum of the values: what closing all positions now would leave. Null where one has no value. */
export class FxPositions extends Schema.Class<FxPositions>("FxPositions")({
  currency: Currency,
  at: Schema.Date,
  positions: Schema.Array(FxPosition),
  result: Schema.NullOr(MinorUnits)
}) {}
