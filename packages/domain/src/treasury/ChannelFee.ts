import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { BasisPoints, Rounding } from "../merchants/FeePlan.ts"
import { ChannelId } from "../payments/Payment.ts"

export const ChannelFeeId = Uuid7.pipe(Schema.brand("ChannelFeeId"), Schema.annotate({ identifier: "ChannelFeeId" }))
export type ChannelFeeId = typeof ChannelFeeId.Type

const terms = {
  channel: ChannelId,
  currency: Currency,
  /** Null: nothing is compared from then on. */
  basisPoints: Schema.NullOr(BasisPoints),
  /** Minor units on top of the share of each payment. */
  fixed: MinorUnits.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000_000 })),
  /** Of the share, to minor units. */
  rounding: Rounding,
  /** Whether the share of what is refunded is given back. The fixed part never is. */
  isReturned: Schema.Boolean
}

/**
 * What a channel charges the platform for a payment. A rule is never changed: of those that began by the time of a bill's line,
 * the one that began last is in force, and of those that began together the newest.
 */
export class ChannelFee extends Schema.Class<ChannelFee>("ChannelFee")({
  id: ChannelFeeId,
  ...terms,
  effectiveFrom: Schema.Date,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}) {}

/** What lies further away is a slip, and beyond what a database knows of. */
export const isOfOurTime = Schema.makeFilter((moment: Date) => {
  const year = moment.getUTCFullYear()
  return (year >= 2000 && year < 3000) || "must be of a year from 2000 to 2999"
})

/** `effectiveFrom` is now where it is not given. It may be of the past: bills are of days that are over. */
export const NewChannelFee = Schema.Struct({
  ...terms,
  effectiveFrom: Schema.optionalKey(Schema.Date.check(isOfOurTime)),
  reason: NonBlankText(400)
}).annotate({ identifier: "NewChannelFee" })
export type NewChannelFee = typeof NewChannelFee.Type
