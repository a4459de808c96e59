import type { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import type { BillSource } from "@mall/domain/treasury/ChannelBills"
import { SettledPayments } from "@mall/domain/treasury/SettledPayments"
import { Context, Effect, Layer, Stream } from "effect"
import type { Config } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { boundsOf, dayBefore } from "./days.ts"
import { ownAccounts } from "./ownAccounts.ts"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import { RunRepo } from "./RunRepo.ts"
import type { RunKey } from "./RunRepo.ts"

const hourMillis = 3_600_000
const dayMillis = 24 * hourMillis
/** Merchants' accounts whose days are looked at a time. */
const pageSize = 100

interface ExpectedDay {
  readonly source: BillSource
  readonly day: BillDay
  /** Where nothing happened on the day, whether its bill is awaited all the same. */
  readonly isAwaited: boolean
}

/**
 * Days that are over, whose bill should have been compared by now, and that nobody asked for: of the platform's accounts from the
 * first day on that one was asked for, of a merchant's own from the day on that it was set here, and of any on which something went
 * through it.
 */
export class UnaskedDays extends Context.Service<
  UnaskedDays,
  {
    /** Of so many days before `now`, the oldest of an account first. */
    list(now: Date, days: number): Effect.Effect<ReadonlyArray<RunKey>, SqlError | Config.ConfigError>
  }
>()("@mall/treasury/reconciliation/UnaskedDays") {
  static readonly layerNoDeps = Layer.effect(
    UnaskedDays,
    Effect.gen(function* () {
      const bills = yield* ChannelBills
      const config = yield* ReconciliationConfig
      const payments = yield* SettledPayments
      const repo = yield* RunRepo

      const dueDaysOf = Effect.fnUntraced(function* (source: BillSource, now: Date, days: number) {
        if (source.format === null) return []
        const patience = (yield* config.lateHourOf(source.channel)) * hourMillis
        return Array.from({ length: days }, (_, index) => dayBefore(source, now, days - index)).filter(
          (day) => boundsOf(source, day).to.getTime() + patience <= now.getTime()
        )
      })

      const hasMoved = ({ day, source }: ExpectedDay) => {
        const { from, to } = boundsOf(source, day)
        return payments.stream(source, from, to).pipe(Stream.take(1), Stream.runCollect, Effect.map(isFilled))
      }

      const missingOf = Effect.fnUntraced(function* (expected: ReadonlyArray<ExpectedDay>) {
        const keys = expected.map(({ day, source: { account, channel, merchantId } }) => ({
          ...{ channel, account, merchantId, day }
        }))
        const unasked = new Set<unknown>(yield* repo.neverAsked(keys))
        const missing: Array<RunKey> = []
        for (const [index, one] of expected.entries()) {
          const key = keys[index]
          if (key === undefined || !unasked.has(key)) continue
          if (one.isAwaited || (yield* hasMoved(one))) missing.push(key)
        }
        return missing
      })

      const ofPlatform = Effect.fnUntraced(function* (now: Date, days: number) {
        const first = yield* repo.firstDays
        const expected = yield* Effect.forEach(bills.sources, (source) =>
          Effect.map(dueDaysOf(source, now, days), (due) => {
            const { account, channel } = source
            const since = first.find((one) => one.channel === channel && one.account === account)?.day
            return due.map((day): ExpectedDay => ({ source, day, isAwaited: since !== undefined && day > since }))
          })
        )
        return yield* missingOf(expected.flat())
      })

      const ofMerchants = (now: Date, days: number) => {
        const since = new Date(now.getTime() - (days + 1) * dayMillis)
        return ownAccounts(bills, since, pageSize).pipe(
          Stream.mapEffect((page) =>
            Effect.forEach(page, (source) =>
              Effect.map(dueDaysOf(source, now, days), (due) =>
                due
                  .filter((day) => boundsOf(source, day).to > source.since)
                  .map((day): ExpectedDay => ({ source, day, isAwaited: source.isCurrent }))
              )
            ).pipe(Effect.flatMap((expected) => missingOf(expected.flat())))
          ),
          Stream.runCollect,
          Effect.map((found) => found.flat())
        )
      }

      return UnaskedDays.of({
        list: Effect.fn("UnaskedDays.list")(function* (now, days) {
          return [...(yield* ofPlatform(now, days)), ...(yield* ofMerchants(now, days))]
        })
      })
    })
  )

  /** Needs `SqlClient` and the ports `ChannelBills` and `SettledPayments`. */
  static readonly layer = UnaskedDays.layerNoDeps.pipe(Layer.provide([ReconciliationConfig.layer, RunRepo.layer]))
}

const isFilled = ({ length }: ReadonlyArray<unknown>) => length > 0
