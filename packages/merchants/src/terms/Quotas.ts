import { MinorUnits } from "@mall/domain/kernel/Money"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { QuotaStanding } from "@mall/domain/merchants/PaymentLimits"
import type { QuotaReport } from "@mall/domain/merchants/PaymentLimits"
import { calendarOf } from "@mall/domain/merchants/TimeZone"
import { inForce } from "@mall/domain/merchants/Version"
import { Array, Context, DateTime, Effect, Layer } from "effect"
import { counterKey } from "./counterKey.ts"
import { Limits } from "./Limits.ts"
import { QuotaRepo } from "./QuotaRepo.ts"

/** How quotas stand, for people and for checks. Payments use the port `PaymentQuotas`. */
export class Quotas extends Context.Service<
  Quotas,
  {
    /** Of now, for each currency that has limits for a day or a month. */
    standing(merchantId: MerchantId): Effect.Effect<ReadonlyArray<QuotaStanding>>
    /** Whether each counter is the sum of its holds. Each fault is logged as an error. */
    readonly verify: Effect.Effect<QuotaReport>
  }
>()("@mall/merchants/terms/Quotas") {
  static readonly layerNoDeps = Layer.effect(
    Quotas,
    Effect.gen(function* () {
      const limits = yield* Limits
      const repo = yield* QuotaRepo
      const none = MinorUnits.make(0)

      return Quotas.of({
        standing: Effect.fn("Quotas.standing")(
          function* (merchantId) {
            const now = yield* DateTime.nowAsDate
            const byCurrency = Array.groupBy(yield* limits.of(merchantId), ({ currency }) => currency)
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
            const keyed = windows.map((each) => ({ ...each, key: counterKey({ merchantId, ...each }) }))
            const rows = yield* repo.read(
              merchantId,
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
        verify: repo.verify.pipe(
          Effect.tap(({ faults }) =>
            Effect.forEach(faults, (fault) =>
              Effect.logError("a quota is not the sum of its holds").pipe(Effect.annotateLogs(fault))
            )
          ),
          Effect.catchTag("SqlError", Effect.die),
          Effect.withSpan("Quotas.verify")
        )
      })
    })
  )
}
