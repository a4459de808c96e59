import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText } from "../kernel/PlainText.ts"

export const FxRateId = Uuid7.pipe(Schema.brand("FxRateId"), Schema.annotate({ identifier: "FxRateId" }))
export type FxRateId = typeof FxRateId.Type

const decimal = /^(?=.*[1-9])(?:0|[1-9]\d{0,8})(?:\.\d{1,12})?$/

/** How much of one currency a major unit of another costs: a decimal above zero, as a text so that no digit is lost. */
export const Rate = Schema.String.check(
  Schema.isPattern(decimal, { expected: "a decimal above zero with at most 9 and 12 digits" })
).annotate({ identifier: "FxRateDecimal" })

/** `ecb`: the daily euro reference rates of the European Central Bank. `manual`: by an operator. */
export const FxSource = Schema.Literals(["ecb", "manual"]).annotate({ identifier: "FxSource" })
export type FxSource = typeof FxSource.Type

/** `held` waits for a second person; `used` counts until a newer one of its pair and source does. */
export const FxRateStatus = Schema.Literals(["held", "used", "rejected"]).annotate({ identifier: "FxRateStatus" })
export type FxRateStatus = typeof FxRateStatus.Type

/** One major unit of `base` costs `rate` major units of `quote`. What it says never changes. */
export class FxRate extends Schema.Class<FxRate>("FxRate")({
  id: FxRateId,
  source: FxSource,
  base: Currency,
  quote: Currency,
  rate: Rate,
  validFrom: Schema.Date,
  fetchedAt: Schema.Date,
  status: FxRateStatus,
  /** Why it is or was held; null where it never was. */
  heldFor: Schema.NullOr(Schema.String),
  /** Who brought it: `user:<id>`, `operator:<name>` or the sweep. */
  proposedBy: Schema.String,
  decidedBy: Schema.NullOr(Schema.String),
  decision: Schema.NullOr(Schema.String)
}) {}

export const FxRatePage = Page(FxRate)

const Pair = Schema.makeFilter(
  ({ base, quote }: { readonly base: Currency; readonly quote: Currency }) =>
    base !== quote || "the two currencies are the same"
)

/** A rate by hand: nothing is exchanged by it before a second person approves. */
export const NewFxRate = Schema.Struct({
  base: Currency,
  quote: Currency,
  rate: Rate,
  reason: NonBlankText(400)
})
  .check(Pair)
  .annotate({ identifier: "NewFxRate" })
export type NewFxRate = typeof NewFxRate.Type

export const FxRateDecision = Schema.Struct({ reason: NonBlankText(400) }).annotate({ identifier: "FxRateDecision" })
export type FxRateDecision = typeof FxRateDecision.Type

/** What a fetch came to: rates that were new, and those of them that are held. */
export class FxFetch extends Schema.Class<FxFetch>("FxFetch")({
  validFrom: Schema.Date,
  added: Schema.Int,
  held: Schema.Int
}) {}

/** A rate by which is exchanged now. */
export class FxRateInForce extends Schema.Class<FxRateInForce>("FxRateInForce")({
  source: FxSource,
  base: Currency,
  quote: Currency,
  rate: Rate,
  validFrom: Schema.Date,
  /** Too old: nothing is exchanged by it. */
  isStale: Schema.Boolean
}) {}
