import { Schema } from "effect"
import { NonBlankText } from "../kernel/PlainText.ts"
import { Expression } from "./Expression.ts"

export const RuleId = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_]{1,63}$/)).pipe(
  Schema.brand("RuleId"),
  Schema.annotate({ identifier: "RiskRuleId" })
)
export type RuleId = typeof RuleId.Type

/** From the mildest to the strictest; the strictest of all that hit counts. */
export const verdicts = ["allow", "challenge", "review", "deny"] as const
export const Verdict = Schema.Literals(verdicts).annotate({ identifier: "RiskVerdict" })
export type Verdict = typeof Verdict.Type

export const strictest = (a: Verdict, b: Verdict): Verdict => (verdicts.indexOf(a) >= verdicts.indexOf(b) ? a : b)

/** What a hit does besides adding its score: `score` nothing more. */
export const RuleAction = Schema.Literals(["score", "challenge", "review", "deny"]).annotate({
  identifier: "RiskRuleAction"
})
export type RuleAction = typeof RuleAction.Type

/** A rule in `shadow` is evaluated and recorded, and changes no decision. */
export const RuleMode = Schema.Literals(["live", "shadow", "off"]).annotate({ identifier: "RiskRuleMode" })
export type RuleMode = typeof RuleMode.Type

const Score = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
export const Reason = NonBlankText(400)

/** What a rule says, apart from its name and whether it counts. */
const logic = { when: Expression, score: Score, action: RuleAction }

/** One version of a rule: who made it, when and why. Version 0 is the house's own, with its thresholds from the configuration. */
export const RiskRule = Schema.Struct({
  id: RuleId,
  version: Schema.Int,
  name: NonBlankText(120),
  ...logic,
  mode: RuleMode,
  author: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.NullOr(Schema.Date)
}).annotate({ identifier: "RiskRule" })
export type RiskRule = typeof RiskRule.Type

/** `version` is the one that the change was made from: 0 for a new rule. */
export const RuleChange = Schema.Struct({
  version: Schema.Int,
  name: RiskRule.fields.name,
  ...logic,
  mode: RuleMode,
  reason: Reason
}).annotate({ identifier: "RiskRuleChange" })
export type RuleChange = typeof RuleChange.Type

export const ModeChange = Schema.Struct({ mode: RuleMode, reason: Reason }).annotate({
  identifier: "RiskModeChange"
})
export type ModeChange = typeof ModeChange.Type

/** A rule to be tried on the past. Under the id of a rule that there is, it takes that one's place. */
export const BacktestRequest = Schema.Struct({
  rule: Schema.Struct({ id: RuleId, ...logic }),
  days: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 365 }))
}).annotate({ identifier: "RiskBacktestRequest" })
export type BacktestRequest = typeof BacktestRequest.Type

/** What the rule would have done. Amounts are of the payments that it hit, each in minor units of its currency. */
export const BacktestReport = Schema.Struct({
  since: Schema.Date,
  until: Schema.Date,
  checks: Schema.Int,
  payments: Schema.Int,
  hits: Schema.Struct({ checks: Schema.Int, payments: Schema.Int }),
  /** What became of the payments that it hit. One that was refunded or disputed was captured too. */
  outcomes: Schema.Struct({
    captured: Schema.Int,
    refunded: Schema.Int,
    disputed: Schema.Int,
    unpaid: Schema.Int
  }),
  /** Checks that today's rules decide one way, and with the candidate among them another. */
  changes: Schema.Array(Schema.Struct({ from: Verdict, to: Verdict, checks: Schema.Int })),
  /** There were more checks than one run takes: the newest were left out. */
  isTruncated: Schema.Boolean
}).annotate({ identifier: "RiskBacktestReport" })
export type BacktestReport = typeof BacktestReport.Type
