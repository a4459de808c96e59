import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { ChannelId } from "../payments/Payment.ts"
import { DifferenceClass } from "./Difference.ts"

/** A difference of the class whose excess is at most `upTo` minor units either way resolves itself, with `reason`. */
export const ResolutionRule = Schema.Struct({
  class: DifferenceClass,
  /** Null: any. */
  channel: Schema.NullOr(ChannelId),
  currency: Currency,
  upTo: MinorUnits.check(Schema.isGreaterThanOrEqualTo(0)),
  reason: NonBlankText(200)
}).annotate({ identifier: "ReconciliationRule" })
export type ResolutionRule = typeof ResolutionRule.Type

export const ResolutionRules = Schema.Array(ResolutionRule).check(Schema.isMaxLength(50))

/** What counts is the newest version; all others are kept. */
export class RuleSet extends Schema.Class<RuleSet>("ReconciliationRuleSet")({
  version: Schema.Int,
  rules: ResolutionRules,
  actor: Schema.String,
  reason: Schema.String,
  at: Schema.NullOr(Schema.Date)
}) {}

/** `version` is the one that was looked at. */
export const RuleChange = Schema.Struct({
  version: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })),
  rules: ResolutionRules,
  reason: NonBlankText(400)
}).annotate({ identifier: "ReconciliationRuleChange" })
export type RuleChange = typeof RuleChange.Type
