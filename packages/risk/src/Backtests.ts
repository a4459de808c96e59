import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { PaymentOutcomes } from "@mall/domain/payments/PaymentOutcomes"
import type { RiskRuleInvalid } from "@mall/domain/risk/RiskError"
import { CheckId } from "@mall/domain/risk/RiskRecord"
import type { RiskCheckRecord } from "@mall/domain/risk/RiskRecord"
import type { BacktestReport, BacktestRequest, Verdict } from "@mall/domain/risk/RiskRule"
import { Array, Context, DateTime, Effect, Layer } from "effect"
import { compile } from "./compile.ts"
import { decide } from "./decide.ts"
import type { CompiledRule } from "./decide.ts"
import { ReplayedVelocity } from "./ReplayedVelocity.ts"
import { RiskChecks } from "./RiskChecks.ts"
import type { Place } from "./RiskChecks.ts"
import { RiskConfig } from "./RiskConfig.ts"
import { RiskRules } from "./RiskRules.ts"

const pageSize = 1_000
const outcomeBatch = 500
const dayMillis = 24 * 3600 * 1000

/** The longest window of any rule: as much is replayed before the first check that counts. */
const warmUpMillis = 7 * dayMillis

const firstId = CheckId.make("00000000-0000-7000-8000-000000000000")

/** What is counted while checks are replayed. */
class Counts {
  checks = 0
  hits = 0
  readonly payments = new Set<PaymentId>()
  readonly hitPayments = new Set<PaymentId>()
  readonly changes = new Map<string, { readonly from: Verdict; readonly to: Verdict; readonly checks: number }>()

  add(paymentId: PaymentId, isHit: boolean, from: Verdict, to: Verdict) {
    this.checks++
    this.payments.add(paymentId)
    if (isHit) {
      this.hits++
      this.hitPayments.add(paymentId)
    }
    if (from === to) return
    const key = `${from} ${to}`
    this.changes.set(key, { from, to, checks: (this.changes.get(key)?.checks ?? 0) + 1 })
  }
}

/** Checks of the past asked of two sets of rules. Declines come in between, at the time at which they were told. */
class Replay {
  readonly counts = new Counts()
  readonly #velocity: ReplayedVelocity
  #declines: Array<{ readonly at: Date; readonly check: RiskCheckRecord }> = []
  readonly #compare: (check: RiskCheckRecord, velocity: ReturnType<ReplayedVelocity["of"]>) => void

  constructor(
    today: ReadonlyArray<CompiledRule>,
    candidate: CompiledRule,
    { thresholds }: RiskConfig["Service"],
    since: Date
  ) {
    const changed = [...today.filter(({ rule }) => rule.id !== candidate.rule.id), candidate]
    this.#velocity = new ReplayedVelocity([...today, candidate].flatMap(({ needs }) => needs))
    this.#compare = ({ at, facts, paymentId }, velocity) => {
      if (at < since) return
      const input = { facts, at, velocity }
      const before = decide(today, input, thresholds)
      const after = decide(changed, input, thresholds)
      this.counts.add(
        paymentId,
        after.hits.some(({ rule }) => rule === candidate.rule.id),
        before.verdict,
        after.verdict
      )
    }
  }

  take(check: RiskCheckRecord) {
    const { at, declinedAt, facts } = check
    const due = this.#declines.filter((decline) => decline.at < at)
    if (due.length > 0) {
      this.#declines = this.#declines.filter((decline) => decline.at >= at)
      for (const decline of due) this.#velocity.decline(decline.check.facts, decline.at)
    }
    this.#velocity.check(facts, at)
    this.#compare(check, this.#velocity.of(facts, at))
    if (declinedAt === null) return
    const index = this.#declines.findIndex((decline) => decline.at > declinedAt)
    this.#declines.splice(index < 0 ? this.#declines.length : index, 0, { at: declinedAt, check })
  }
}

/** Tries rules on what was checked before they are let loose on who pays. */
export class Backtests extends Context.Service<
  Backtests,
  {
    /** Replays the checks of the last days once with today's live rules and once with the candidate among them. Changes nothing. */
    run(request: BacktestRequest): Effect.Effect<BacktestReport, RiskRuleInvalid>
  }
>()("@mall/risk/Backtests") {
  static readonly layerNoDeps = Layer.effect(
    Backtests,
    Effect.gen(function* () {
      const checks = yield* RiskChecks
      const config = yield* RiskConfig
      const outcomes = yield* PaymentOutcomes
      const rules = yield* RiskRules

      const outcomesOf = Effect.fnUntraced(function* (ids: ReadonlySet<PaymentId>) {
        const found = { captured: 0, refunded: 0, disputed: 0, unpaid: 0 }
        for (const batch of Array.chunksOf(ids, outcomeBatch)) {
          const known = yield* outcomes.of(batch)
          for (const id of batch) {
            const outcome = known.get(id)
            if (outcome?.isCaptured !== true) found.unpaid++
            else found.captured++
            if (outcome?.isRefunded === true) found.refunded++
            if (outcome?.isDisputed === true) found.disputed++
          }
        }
        return found
      })

      const run = Effect.fn("Backtests.run")(function* ({ days, rule }: BacktestRequest) {
        const compiled = yield* Effect.fromResult(compile(rule.when))
        const candidate: CompiledRule = { ...compiled, rule: { ...rule, version: 0, mode: "live" } }
        const until = yield* DateTime.nowAsDate
        const since = new Date(until.getTime() - days * dayMillis)
        const today = (yield* rules.current).rules.filter(({ rule }) => rule.mode === "live")
        const replay = new Replay(today, candidate, config, since)
        let place: Place = { at: new Date(since.getTime() - warmUpMillis), id: firstId }
        let replayed = 0
        let isTruncated = false
        while (true) {
          const page = yield* checks.replay(place, until, pageSize)
          for (const check of page) replay.take(check)
          const last = page.at(-1)
          if (last === undefined || page.length < pageSize) break
          place = last
          replayed += page.length
          isTruncated = replayed >= config.backtestMaxChecks
          if (isTruncated) break
        }
        const { changes, checks: asked, hitPayments, hits, payments } = replay.counts
        const report: BacktestReport = {
          since,
          until,
          checks: asked,
          payments: payments.size,
          hits: { checks: hits, payments: hitPayments.size },
          outcomes: yield* outcomesOf(hitPayments),
          changes: [...changes.values()],
          isTruncated
        }
        return report
      })

      return Backtests.of({ run })
    })
  )
}
