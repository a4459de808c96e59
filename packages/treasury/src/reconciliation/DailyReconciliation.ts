import { RunId } from "@mall/domain/treasury/Run"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import type { BillSource } from "@mall/domain/treasury/ChannelBills"
import { generator } from "@mall/domain/kernel/Id"
import { Context, DateTime, Duration, Effect, Layer } from "effect"
import { dayBefore, hourAt } from "./days.ts"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import { showOpen } from "./reconciliationMetrics.ts"
import { ReconciliationReads } from "./ReconciliationReads.ts"
import { Reconciler } from "./Reconciler.ts"
import { RunRepo } from "./RunRepo.ts"

const newRunId = generator(RunId)
const dayMillis = 86_400_000

/** What is done without anybody asking for it. */
export class DailyReconciliation extends Context.Service<
  DailyReconciliation,
  {
    /** Compares every day that is over and was not compared yet, the oldest first; answers with how many runs came to a result. */
    readonly run: Effect.Effect<number>
    /** Shows how many differences wait and raises the alarm over those that wait too long; answers with how many channels have such. */
    readonly watch: Effect.Effect<number>
  }
>()("@mall/treasury/reconciliation/DailyReconciliation") {
  static readonly layerNoDeps = Layer.effect(
    DailyReconciliation,
    Effect.gen(function* () {
      const bills = yield* ChannelBills
      const reconciler = yield* Reconciler
      const reads = yield* ReconciliationReads
      const repo = yield* RunRepo
      const config = yield* ReconciliationConfig

      const daysOf = Effect.fnUntraced(function* (source: BillSource, now: Date) {
        if (source.format === null) return []
        const hour = yield* config.hourOf(source.channel)
        const newest = hourAt(source, now) < hour ? 2 : 1
        const count = Math.max(0, config.catchUpDays - newest + 1)
        return Array.from({ length: count }, (_, index) => dayBefore(source, now, config.catchUpDays - index))
      })

      const runSource = Effect.fnUntraced(function* (source: BillSource, now: Date) {
        let done = 0
        for (const day of yield* daysOf(source, now)) {
          const key = { channel: source.channel, account: source.account, day }
          const since = new Date(now.getTime() - Duration.toMillis(config.retryAfter))
          if (yield* repo.isSettled(key, since)) continue
          done += yield* reconciler.run(source.channel, day, "sweep:reconciliation", yield* newRunId).pipe(
            Effect.as(1),
            // each is kept with its run and logged there; another worker is no failure
            Effect.catchTags({
              BillMalformed: () => Effect.succeed(0),
              BillUnavailable: () => Effect.succeed(0),
              DayNotOver: () => Effect.succeed(0),
              NoChannelBill: () => Effect.succeed(0),
              RunInProgress: () => Effect.succeed(0)
            })
          )
        }
        return done
      })

      return DailyReconciliation.of({
        run: Effect.gen(function* () {
          const now = yield* DateTime.nowAsDate
          const done = yield* Effect.forEach(bills.sources, (source) => runSource(source, now))
          return done.reduce((sum, count) => sum + count, 0)
        }).pipe(
          Effect.catchTags({ SqlError: Effect.die, ConfigError: Effect.die }),
          Effect.withSpan("DailyReconciliation.run")
        ),
        watch: Effect.gen(function* () {
          const now = yield* DateTime.nowAsDate
          const waiting = yield* reads.waiting
          let late = 0
          for (const { channel } of bills.sources) {
            const found = waiting.find((one) => one.channel === channel)
            const age = found === undefined ? 0 : now.getTime() - found.oldestAt.getTime()
            yield* showOpen(channel, found?.open ?? 0, age / 1000)
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
