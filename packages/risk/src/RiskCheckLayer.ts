import { generator } from "@mall/domain/kernel/Id"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { RiskFacts } from "@mall/domain/risk/Fact"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import type { RiskAnswer, RiskQuestion } from "@mall/domain/risk/RiskCheck"
import { CheckId, ReviewId, RiskCheckRecord } from "@mall/domain/risk/RiskRecord"
import type { ChallengeNeed, DecidedBy } from "@mall/domain/risk/RiskRecord"
import type { Verdict } from "@mall/domain/risk/RiskRule"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Clock, DateTime, Duration, Effect, Layer, Metric } from "effect"
import type { Velocity } from "./compile.ts"
import { decide } from "./decide.ts"
import type { Decided } from "./decide.ts"
import { RiskConfig } from "./RiskConfig.ts"
import { RiskRepo } from "./RiskRepo.ts"
import type { Observed } from "./RiskRepo.ts"
import { RiskRules } from "./RiskRules.ts"

const newCheckId = generator(CheckId)
const newReviewId = generator(ReviewId)

const checkTotal = Metric.counter("risk_check_total", {
  description: "Checks of tries to pay, by what was decided; unchecked and unavailable are those that failed",
  incremental: true
})
const checkSeconds = Metric.histogram("risk_check_duration_seconds", {
  description: "How long checks of tries to pay take",
  boundaries: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]
})
const count = (verdict: string) => Metric.update(Metric.withAttributes(checkTotal, { verdict }), 1)

const nothing = { checks: 0, declines: 0, amount: 0 }

const velocityOf = ({ distincts, windows }: Observed): Velocity => ({
  tally: (by, within) => windows.find((row) => row.by === by && row.within === within) ?? nothing,
  distinct: (by, of, within) =>
    distincts.find((row) => row.by === by && row.of === of && row.within === within)?.members ?? 0
})

interface Ruling {
  readonly verdict: Verdict
  readonly decidedBy: DecidedBy
  readonly needs: ChallengeNeed | null
}

const ruling = (verdict: Verdict, decidedBy: DecidedBy): Ruling => ({ verdict, decidedBy, needs: null })

/** A challenge is met by who has signed in since, or pays by another way than the one that was challenged. */
const isMet = ({ channel, isGuest, method }: RiskFacts, { challenges }: Observed) =>
  !isGuest &&
  challenges.some(({ needs, ...way }) => needs === "sign_in" || way.channel !== channel || way.method !== method)

/** The block list stands above an operator's word, that above the allow list, and that above the rules. */
const rule = (facts: RiskFacts, observed: Observed, { verdict }: Decided): Ruling => {
  const { lists, review } = observed
  if (lists.includes("block")) return ruling("deny", "block_list")
  if (review === "approved") return ruling("allow", "operator")
  if (review === "rejected" || review === "expired") return ruling("deny", "operator")
  if (review === "open") return ruling("review", "rules")
  if (lists.includes("allow")) return ruling("allow", "allow_list")
  if (verdict !== "challenge") return ruling(verdict, "rules")
  if (isMet(facts, observed)) return ruling("allow", "challenge_met")
  return { verdict, decidedBy: "rules", needs: facts.isGuest ? "sign_in" : "other_method" }
}

const noteOf = ({ decidedBy, hits, id, score, verdict }: RiskCheckRecord) => {
  const why = hits.filter(({ mode }) => mode === "live").map((hit) => hit.rule)
  return `risk: ${verdict} by ${decidedBy}, score ${score}${why.length === 0 ? "" : ` (${why.join(", ")})`}, check ${id}`
}

/** The port `RiskCheck`. */
export const layerNoDeps = Layer.effect(
  RiskCheck,
  Effect.gen(function* () {
    const { openUpTo, reviewLifetime, thresholds, timeout } = yield* RiskConfig
    const repo = yield* RiskRepo
    const rules = yield* RiskRules

    const assess = Effect.fnUntraced(function* ({ endsAt, facts, paymentId }: RiskQuestion) {
      const at = yield* DateTime.nowAsDate
      const { needs, rules: all } = yield* rules.current
      const observed = yield* repo.observe(paymentId, facts, at, needs)
      const decided = decide(all, { facts, at, velocity: velocityOf(observed) }, thresholds)
      const { decidedBy, needs: asked, verdict } = rule(facts, observed, decided)
      const check = new RiskCheckRecord({
        id: yield* newCheckId,
        paymentId,
        at,
        facts,
        verdict,
        decidedBy,
        score: decided.score,
        hits: decided.hits,
        shadowVerdict: decided.shadowVerdict,
        needs: asked,
        declinedAt: null,
        traceId: yield* currentTraceId
      })
      const waitsUntil = new Date(Math.min(endsAt.getTime(), at.getTime() + Duration.toMillis(reviewLifetime)))
      const review = verdict === "review" ? { id: yield* newReviewId, expiresAt: waitsUntil } : undefined
      yield* repo.keep(check, review)
      yield* Effect.annotateCurrentSpan({ verdict, decidedBy, score: decided.score })
      yield* count(verdict)
      const answer: RiskAnswer = { verdict, needs: asked, note: noteOf(check) }
      return answer
    })

    const unchecked = ({ facts, paymentId }: RiskQuestion, why: unknown) =>
      Effect.gen(function* () {
        const limit = openUpTo.get(facts.currency)
        const verdict = limit !== undefined && facts.amount <= limit ? "allow" : "unavailable"
        yield* count(verdict === "allow" ? "unchecked" : "unavailable")
        yield* Effect.logError("a payment could not be checked for risk", why).pipe(
          Effect.annotateLogs({ paymentId, verdict })
        )
        const answer: RiskAnswer = { verdict, needs: null, note: `risk: ${verdict}, could not be checked` }
        return answer
      })

    const check = Effect.fn("RiskCheck")(function* (question: RiskQuestion) {
      const start = yield* Clock.currentTimeNanos
      const answer = yield* assess(question).pipe(
        Effect.timeout(timeout),
        Effect.catchTags({
          SqlError: (error) => unchecked(question, error),
          TimeoutError: (error) => unchecked(question, error)
        }),
        // a row that cannot be read is no reason to sell nothing
        Effect.catchDefect((defect) => unchecked(question, defect))
      )
      yield* Metric.update(checkSeconds, Number((yield* Clock.currentTimeNanos) - start) / 1e9)
      return answer
    })

    const declined = Effect.fn("RiskCheck.declined")(function* (paymentId: PaymentId) {
      const { needs } = yield* rules.current
      yield* repo.decline(paymentId, yield* DateTime.nowAsDate, needs).pipe(
        Effect.timeout(timeout),
        Effect.catchTags({
          SqlError: (error) => Effect.logWarning("a decline was not counted", error),
          TimeoutError: (error) => Effect.logWarning("a decline was not counted", error)
        }),
        Effect.annotateLogs({ paymentId })
      )
    })

    return RiskCheck.of({ check, declined })
  })
)
