import { MinorUnits } from "@mall/domain/kernel/Money"
import type { LimitsHolder } from "@mall/domain/merchants/LimitsHolder"
import { QuotaReport, QuotaStanding } from "@mall/domain/merchants/PaymentLimits"
import { calendarOf } from "@mall/domain/merchants/TimeZone"
import { inForce } from "@mall/domain/merchants/Version"
import { pageSize } from "@mall/platform/doctor/Checks"
import type { Selection } from "@mall/platform/doctor/Checks"
import { Array, Context, DateTime, Duration, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { counterKey } from "./counterKey.ts"
import { rowOf } from "./holderRow.ts"
import { Limits } from "./Limits.ts"
import { QuotaRepo } from "./QuotaRepo.ts"
import type { Compared } from "./QuotaRepo.ts"

/** Faults that a report names. */
const maxNamed = 20

/** Whether a counter is not the sum of its holds. */
export const isFault = ({ held, heldByPayments, used, usedByPayments }: Compared) =>
  held !== heldByPayments || used !== usedByPayments

/** No time zone is more than a day behind. */
const dayBefore = (at: Date) =>
  DateTime.formatIsoDateUtc(DateTime.subtractDuration(DateTime.fromDateUnsafe(at), Duration.days(1)))

/** How quotas stand, for people and for checks. Payments use the port `PaymentQuotas`. */
export class Quotas extends Context.Service<
  Quotas,
  {
    /** Of now, for each currency that has limits for a day or a month. */
    standing(holder: LimitsHolder): Effect.Effect<ReadonlyArray<QuotaStanding>>
    /** Counters beside the sums of their holds, one page of those after the key `after`. */
    compare(selection: Selection, after: string): Effect.Effect<ReadonlyArray<Compared>, SqlError>
    /** Whether each counter is the sum of its holds, page by page. Each fault is logged as an error. */
    readonly verify: Effect.Effect<QuotaReport>
  }
>()("@mall/merchants/terms/Quotas") {
  static readonly layerNoDeps = Layer.effect(
    Quotas,
    Effect.gen(function* () {
      const limits = yield* Limits
      const repo = yield* QuotaRepo
      const sql = yield* SqlClient.SqlClient
      const none = MinorUnits.make(0)

      /** Payments of a day change its counter, rarely that of a day before; those of months are for a full look. */
      const among = (selection: Selection) => {
        switch (selection.type) {
          case "all":
            return sql`true`
          case "since":
            return sql`c.period = 'day' AND c."window" >= ${dayBefore(selection.since)}`
          case "subjects":
            return sql`c.key = ANY(${selection.ids}::text[])`
        }
      }
      const compare = (selection: Selection, after: string) => repo.compare(among(selection), after, pageSize)

      return Quotas.of({
        standing: Effect.fn("Quotas.standing")(
          function* (holder) {
            const now = yield* DateTime.nowAsDate
            const byCurrency = Array.groupBy(yield* limits.of(holder), ({ currency }) => currency)
            const windows = Object.values(byCurrency).flatMap((versions) => {
              const current = inForce(versions, now)
              if (current === undefined) return []
              const { daily, monthly, timeZone } = current.content
              if (daily === null && monthly === null) return []
              const { day, month } = calendarOf(now, timeZone)
              const { currency } = current
              return [
                { currency, period: "day" as const, window: day, limit: daily },
                { currency, period: "month" as const, window: month, limit: monthly }
              ]
            })
            if (windows.length === 0) return []
            const keyed = windows.map((each) => ({ ...each, key: counterKey({ holder, ...each }) }))
            const rows = yield* repo.read(
              rowOf(holder),
              keyed.map(({ key }) => key)
            )
            const byKey = new Map(rows.map((row) => [row.key, row]))
            return keyed.map(({ key, limit, ...window }) => {
              const { held, used } = byKey.get(key) ?? { held: none, used: none }
              const left = limit === null ? null : MinorUnits.make(Math.max(0, limit - held - used))
              return new QuotaStanding({ ...window, limit, held, used, left })
            })
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        compare,
        verify: Effect.gen(function* () {
          const faults: Array<Compared> = []
          let counters = 0
          let after = ""
          for (;;) {
            const page = yield* compare({ type: "all" }, after)
            counters += page.length
            faults.push(...page.filter(isFault))
            if (page.length < pageSize) break
            after = page.at(-1)?.key ?? after
          }
          yield* Effect.forEach(faults, (fault) =>
            Effect.logError("a quota is not the sum of its holds").pipe(Effect.annotateLogs(fault))
          )
          return new QuotaReport({ counters, faults: faults.slice(0, maxNamed) })
        }).pipe(Effect.catchTag("SqlError", Effect.die), Effect.withSpan("Quotas.verify"))
      })
    })
  )
}
