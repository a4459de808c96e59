import type { Currency } from "@mall/domain/kernel/Currency"
import { generator } from "@mall/domain/kernel/Id"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import {
  FxRateDecided,
  FxRateMissing,
  FxRateNotFound,
  FxSourceUnavailable,
  SecondPersonForRate
} from "@mall/domain/treasury/FxError"
import type { RateDecisionRefused } from "@mall/domain/treasury/FxError"
import { FxFetch, FxRateId, FxRateInForce } from "@mall/domain/treasury/FxRate"
import type { FxRate, FxRateDecision, NewFxRate } from "@mall/domain/treasury/FxRate"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { crossRate } from "./crossRate.ts"
import type { CrossRate, KnownRate } from "./crossRate.ts"
import { readEcbRates } from "./ecbRates.ts"
import type { EcbRates } from "./ecbRates.ts"
import { ExchangeConfig } from "./ExchangeConfig.ts"
import { countFetch } from "./exchangeMetrics.ts"
import { isOutlier } from "./isOutlier.ts"
import { RateFeed } from "./RateFeed.ts"
import { RateRepo } from "./RateRepo.ts"
import type { RateFilter } from "./RateRepo.ts"

const newRateId = generator(FxRateId)

/** What money is worth: as the European Central Bank publishes it, or as two operators say. */
export class Rates extends Context.Service<
  Rates,
  {
    /** Those by which is exchanged, and those that would be, were they not too old. */
    readonly inForce: Effect.Effect<ReadonlyArray<FxRateInForce>>
    /** From one currency to another, however old. Joins the ambient transaction. */
    between(from: Currency, to: Currency): Effect.Effect<CrossRate, FxRateMissing | SqlError>
    /** Newest first, with those that are held. */
    list(filter: RateFilter): Effect.Effect<Page<FxRate>, InvalidCursor>
    /** Asks the source. What it said before changes nothing; what is unlikely is held. Kept in the trail where `isAct`. */
    fetch(isAct: boolean): Effect.Effect<FxFetch, FxSourceUnavailable>
    /** Held for a second person. The same id again answers with the rate that there is. */
    propose(id: FxRateId, rate: NewFxRate, actor: string): Effect.Effect<FxRate>
    approve(id: FxRateId, decision: FxRateDecision, actor: string): Effect.Effect<FxRate, RateDecisionRefused>
    reject(id: FxRateId, decision: FxRateDecision, actor: string): Effect.Effect<FxRate, RateDecisionRefused>
  }
>()("@mall/treasury/exchange/Rates") {
  static readonly layerNoDeps = Layer.effect(
    Rates,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* RateRepo
      const feed = yield* RateFeed
      const audit = yield* makeAuditRecorder
      const { manualMaxAge, maxAge, outlierPercent } = yield* ExchangeConfig

      const known = Effect.fnUntraced(function* (of?: ReadonlyArray<Currency>) {
        const [rates, now] = yield* Effect.all([repo.inForce(of), DateTime.nowAsDate])
        return rates.map((rate): KnownRate => {
          const bound = Duration.toMillis(rate.source === "manual" ? manualMaxAge : maxAge)
          return { ...rate, isStale: now.getTime() - rate.validFrom.getTime() > bound }
        })
      })

      const theRate = Effect.fnUntraced(function* (id: FxRateId) {
        const found = yield* repo.find(id)
        return Option.isSome(found) ? found.value : yield* new FxRateNotFound({ rateId: id })
      })

      /** All of a day's, or none of them. */
      const keep = Effect.fnUntraced(function* ({ rates, validFrom }: EcbRates) {
        const former = new Map(
          (yield* repo.inForce()).flatMap((rate) => (rate.source === "ecb" ? [[rate.quote, rate.rate]] : []))
        )
        let [added, held] = [0, 0]
        for (const { quote, rate } of rates) {
          const before = former.get(quote)
          const heldFor =
            before !== undefined && isOutlier(before, rate, outlierPercent)
              ? `more than ${outlierPercent} % from ${before}`
              : null
          const id = yield* newRateId
          const isNew = yield* repo.insert({
            ...{ id, source: "ecb", base: "EUR", quote, rate, validFrom, heldFor, proposedBy: "ecb" },
            reason: "published"
          })
          if (isNew) added++
          if (isNew && heldFor !== null) held++
        }
        return new FxFetch({ validFrom, added, held })
      })

      const fetch = Effect.fn("Rates.fetch")(
        function* (isAct: boolean) {
          const published = yield* Effect.flatMap(feed.download, readEcbRates)
          const now = yield* DateTime.nowAsDate
          if (published.validFrom.getTime() > now.getTime() + Duration.toMillis(Duration.days(1))) {
            return yield* new FxSourceUnavailable({ source: "ecb", reason: "its day is yet to come" })
          }
          const kept = keep(published).pipe(
            Effect.tap(({ added, held }) =>
              isAct
                ? audit.record({
                    action: "fx_rate.fetch",
                    resource: { type: "fx_source", id: "ecb" },
                    after: { added, held }
                  })
                : Effect.void
            )
          )
          const done = yield* sql.withTransaction(kept)
          if (done.held > 0) {
            yield* Effect.logWarning("Rates of exchange are held for a person").pipe(
              Effect.annotateLogs({ source: "ecb", held: done.held })
            )
          }
          return done
        },
        Effect.catchTags({
          SqlError: Effect.die,
          EcbMalformed: ({ reason }) => Effect.fail(new FxSourceUnavailable({ source: "ecb", reason }))
        }),
        (effect) => Effect.onExit(effect, countFetch)
      )

      const decide = (isApproved: boolean) =>
        Effect.fn("Rates.decide")(
          function* (id: FxRateId, { reason }: FxRateDecision, decidedBy: string) {
            const rate = yield* theRate(id)
            if (rate.status !== "held") return yield* new FxRateDecided({ rateId: id, state: rate.status })
            if (isApproved && rate.proposedBy === decidedBy) return yield* new SecondPersonForRate({ rateId: id })
            const isFirst = yield* repo.decide({ rate, isApproved, decidedBy, reason })
            const decided = yield* theRate(id)
            if (!isFirst) return yield* new FxRateDecided({ rateId: id, state: decided.status })
            yield* audit.record({
              action: isApproved ? "fx_rate.approve" : "fx_rate.reject",
              resource: { type: "fx_rate", id },
              reason,
              before: { status: rate.status },
              after: { status: decided.status }
            })
            return decided
          },
          sql.withTransaction,
          Effect.catchTag("SqlError", Effect.die)
        )

      return Rates.of({
        inForce: known().pipe(
          Effect.map((rates) => rates.map((rate) => new FxRateInForce(rate))),
          Effect.catchTag("SqlError", Effect.die),
          Effect.withSpan("Rates.inForce")
        ),
        between: Effect.fn("Rates.between")(function* (from, to) {
          const cross = crossRate(yield* known([from, to]), from, to)
          return cross ?? (yield* new FxRateMissing({ from, to }))
        }),
        list: Effect.fn("Rates.list")((filter) => repo.list(filter).pipe(Effect.catchTag("SqlError", Effect.die))),
        fetch,
        propose: Effect.fn("Rates.propose")(
          function* (id, { base, quote, rate, reason }, actor) {
            const validFrom = yield* DateTime.nowAsDate
            const isNew = yield* repo.insert({
              ...{ id, source: "manual", base, quote, rate, validFrom, reason, proposedBy: actor },
              heldFor: "by hand: a second person approves"
            })
            if (isNew) {
              yield* audit.record({
                action: "fx_rate.propose",
                resource: { type: "fx_rate", id },
                reason,
                after: { base, quote, rate }
              })
            }
            return yield* theRate(id)
          },
          sql.withTransaction,
          Effect.catchTags({ SqlError: Effect.die, FxRateNotFound: Effect.die })
        ),
        approve: decide(true),
        reject: decide(false)
      })
    })
  )
}
