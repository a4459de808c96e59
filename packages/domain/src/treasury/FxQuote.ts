import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { MinorUnits, Money, PositiveMoney } from "../kernel/Money.ts"
import { Page } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { FxRateId } from "./FxRate.ts"

export const FxQuoteId = Uuid7.pipe(Schema.brand("FxQuoteId"), Schema.annotate({ identifier: "FxQuoteId" }))
export type FxQuoteId = typeof FxQuoteId.Type

/** Which side is given: `sell` all of the amount, or `buy` exactly the amount. */
export const FxSide = Schema.Literals(["sell", "buy"]).annotate({ identifier: "FxSide" })
export type FxSide = typeof FxSide.Type

/** `amount` is sold for, or bought with, the `other` currency. */
export const NewFxQuote = Schema.Struct({ side: FxSide, amount: PositiveMoney, other: Currency })
  .check(Schema.makeFilter(({ amount, other }) => amount.currency !== other || "the two currencies are the same"))
  .annotate({ identifier: "NewFxQuote" })
export type NewFxQuote = typeof NewFxQuote.Type

/** An open one is expired from `expiresAt` on. */
export const FxQuoteStatus = Schema.Literals(["open", "expired", "accepted"]).annotate({ identifier: "FxQuoteStatus" })

const zeroOrMore = MinorUnits.check(Schema.isGreaterThanOrEqualTo(0))

/** What a quote comes to. `fee` and `rounding` are in the currency that is bought, beside what the merchant gets. */
const terms = {
  id: FxQuoteId,
  merchantId: MerchantId,
  side: FxSide,
  sell: Money,
  buy: Money,
  fee: zeroOrMore,
  rounding: zeroOrMore,
  /** What a major unit sold brings before the spread, to 12 digits; the amounts are computed from the exact one. */
  rate: Schema.String,
  spreadBasisPoints: Schema.Int,
  rateIds: Schema.Array(FxRateId)
}

/** A rate that is kept for a merchant until it expires. */
export class FxQuote extends Schema.Class<FxQuote>("FxQuote")({
  ...terms,
  status: FxQuoteStatus,
  createdBy: Schema.String,
  createdAt: Schema.Date,
  expiresAt: Schema.Date,
  acceptedBy: Schema.NullOr(Schema.String),
  acceptedAt: Schema.NullOr(Schema.Date)
}) {}

/** A quote that was accepted: its id is also that of the transfer in the books. */
export class FxConversion extends Schema.Class<FxConversion>("FxConversion")({
  ...terms,
  convertedBy: Schema.String,
  convertedAt: Schema.Date,
  traceId: Schema.NullOr(Schema.String)
}) {}

export const FxConversionPage = Page(FxConversion)
