import { generator } from "@mall/domain/kernel/Id"
import type { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import type { BillSource, OwnBillSource } from "@mall/domain/treasury/ChannelBills"
import { RunId } from "@mall/domain/treasury/Run"
import { Context, DateTime, Effect, Layer, Stream } from "effect"
import type { Config } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { boundsOf, dayBefore, hourAt } from "./days.ts"
import { ownAccounts } from "./ownAccounts.ts"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import { showOpen, showRuns } from "./reconciliationMetrics.ts"
import { ReconciliationReads } from "./ReconciliationReads.ts"
import { Reconciler } from "./Reconciler.ts"
import { RunRepo } from "./RunRepo.ts"
import { Runs } from "./Runs.ts"
import { UnaskedDays } from "./UnaskedDays.ts"
import { UncomparedDays } from "./UncomparedDays.ts"

const newRunId = generator(RunId)
const dayMillis = 86_400_000
/** Merchants' accounts that are looked at a time. */
const pageSize = 500

interface Asked {
  readonly source: BillSource
  readonly day: BillDay
}

/** What is done without anybody asking for it. */
export class DailyReconciliation extends Context.Service<
  DailyReconciliation,
  {
    /**
     * Asks for every day that is over and nobody asked for yet, the newest first, so that no day after the first one that was asked
     * for is missed in the meantime; answers with how many.
     */
    readonly run: Effect.Effect<number>
    /** Sees to runs that wait though their message was lost or their worker died; answers with how many it had in hand. */
    recover(limit: number): Effect.Effect<number>
    /** Shows what waits and what is late, and raises the alarm over differences that wait too long; answers with how many channels have such. */
    readonly watch: Effect.Effect<number>
  }
>()("@mall/treasury/reconciliation/DailyReconciliation") {
  static readonly layerNoDeps = Layer.effect(
    DailyReconciliation,
    Effect.gen(function* () {
      const bills = yield* ChannelBills
      const days = yield* UncomparedDays
      const unaskedDays = yield* UnaskedDays
      const reads = yield* ReconciliationReads
      const reconciler = yield* Reconciler
      const repo = yield* RunRepo
      const runs = yield* Runs
      const config = yield* ReconciliationConfig

      const daysOf = Effect.fnUntraced(function* (source: BillSource, now: Date) {
        if (source.format === null) return []
        const hour = yield* config.hourOf(source.channel)
        const newest = hourAt(source, now) < hour ? 2 : 1
        const count = Math.max(0, config.catchUpDays - newest + 1)
        return Array.from({ length: count }, (_, index): Asked => ({
          source,
          day: dayBefore(source, now, newest + index)
        }))
      })

      const askAll = Effect.fnUntraced(function* (wanted: ReadonlyArray<Asked>) {
        const keys = wanted.map(({ day, source }) => ({ ...source, day }))
        const missing = new Set<unknown>(yield* repo.neverAsked(keys))
        const asked = wanted.filter((_, index) => missing.has(keys[index]))
        yield* Effect.forEach(
          asked,
          ({ day, source }) => Effect.flatMap(newRunId, (id) => runs.enqueue(source, day, "sweep:reconciliation", id)),
          { discard: true }
        )
        return asked.length
      })

      /** What a merchant's account had been used for before it was set here is nothing of ours. */
      const ownDaysOf = Effect.fnUntraced(function* (source: OwnBillSource, now: Date) {
        return (yield* daysOf(source, now)).filter(({ day }) => boundsOf(source, day).to > source.since)
      })

      const askForOwn = (now: Date): Effect.Effect<number, SqlError | Config.ConfigError> =>
        ownAccounts(bills, new Date(now.getTime() - (config.catchUpDays + 1) * dayMillis), pageSize).pipe(
          Stream.mapEffect((page) =>
            Effect.forEach(page, (source) => ownDaysOf(source, now)).pipe(
              Effect.flatMap((wanted) => askAll(wanted.flat()))
            )
          ),
          Stream.runFold(
            () => 0,
            (sum, count) => sum + count
          )
        )

      return DailyReconciliation.of({
        run: Effect.gen(function* () {
          const now = yield* DateTime.nowAsDate
          const wanted = yield* Effect.forEach(bills.sources, (source) => daysOf(source, now))
          return (yield* askAll(wanted.flat())) + (yield* askForOwn(now))
        }).pipe(
          Effect.catchTags({ SqlError: Effect.die, ConfigError: Effect.die }),
          Effect.withSpan("DailyReconciliation.run")
        ),
        recover: Effect.fn("DailyReconciliation.recover")(
          function* (limit) {
            const due = yield* repo.due(yield* DateTime.nowAsDate, limit)
            yield* Effect.forEach(due, (id) => reconciler.work(id, "sweep:reconciliation_runs"), { discard: true })
            return due.length
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        watch: Effect.gen(function* () {
          const now = yield* DateTime.nowAsDate
          const waiting = yield* reads.waiting
          const uncompared = yield* Effect.orDie(days.list(now))
          const unasked = yield* Effect.orDie(unaskedDays.list(now, config.catchUpDays))
          const channels = new Set(
            [...bills.sources, ...waiting, ...uncompared, ...unasked].map(({ channel }) => String(channel))
          )
          let late = 0
          for (const channel of channels) {
            const found = waiting.find((one) => one.channel === channel)
            const age = found === undefined ? 0 : now.getTime() - found.oldestAt.getTime()
            const ofChannel = uncompared.filter((one) => one.channel === channel)
            yield* showOpen(channel, found?.open ?? 0, age / 1000)
            yield* showRuns(
              channel,
              ofChannel.filter(({ isLate }) => isLate).length + unasked.filter((one) => one.channel === channel).length,
              ofChannel.filter(({ status }) => status === "failed").length
            )
            if (age < config.alarmAfterDays * dayMillis) continue
            late += 1
            yield* Effect.logError("differences with a channel wait too long").pipe(
              Effect.annotateLogs({ channel, open: found?.open ?? 0, oldestDays: Math.floor(age / dayMillis) })
            )
          }
          return late
        }).pipe(Effect.withSpan("DailyReconciliation.watch"))
      })
    })
  )
}
