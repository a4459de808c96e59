import type { RiskHit } from "@mall/domain/risk/RiskRecord"
import { strictest } from "@mall/domain/risk/RiskRule"
import type { RiskRule, Verdict } from "@mall/domain/risk/RiskRule"
import type { Compiled, Input } from "./compile.ts"

export interface CompiledRule extends Compiled {
  readonly rule: Pick<RiskRule, "id" | "version" | "score" | "action" | "mode">
}

/** From which sum of scores on a verdict is given where no rule asks for a stricter one. */
export interface Thresholds {
  readonly challenge: number
  readonly review: number
  readonly deny: number
}

export interface Decided {
  readonly verdict: Verdict
  readonly score: number
  readonly hits: ReadonlyArray<RiskHit>
  /** With the rules in shadow among them. */
  readonly shadowVerdict: Verdict
}

const byScore = (score: number, { challenge, deny, review }: Thresholds): Verdict =>
  score >= deny ? "deny" : score >= review ? "review" : score >= challenge ? "challenge" : "allow"

const verdictOf = (hits: ReadonlyArray<RiskHit>, thresholds: Thresholds) => {
  const score = hits.reduce((sum, hit) => sum + hit.score, 0)
  const verdict = hits.reduce<Verdict>(
    (strict, { action }) => (action === "score" ? strict : strictest(strict, action)),
    byScore(score, thresholds)
  )
  return { score, verdict }
}

/** Asks every rule. More hits never lead to a milder verdict: scores are not negative, and the strictest action counts. */
export const decide = (rules: ReadonlyArray<CompiledRule>, input: Input, thresholds: Thresholds): Decided => {
  const hits = rules.flatMap(({ rule: { action, id, mode, score, version }, test }): ReadonlyArray<RiskHit> =>
    mode !== "off" && test(input) ? [{ rule: id, version, mode, score, action }] : []
  )
  const live = verdictOf(
    hits.filter(({ mode }) => mode === "live"),
    thresholds
  )
  return { ...live, hits, shadowVerdict: verdictOf(hits, thresholds).verdict }
}
