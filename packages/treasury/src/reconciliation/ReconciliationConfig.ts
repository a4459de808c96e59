import { Config, Context, Duration, Effect, Layer } from "effect"

const int = (name: string, fallback: number) => Config.Int(name).pipe(Config.withDefault(fallback))
const defaultHour = int("RECONCILIATION_HOUR", 10)

/** When and how far back the bills are compared. */
export class ReconciliationConfig extends Context.Service<
  ReconciliationConfig,
  {
    /** From which hour of its own clock on a channel is asked for the bill of the day before. */
    hourOf(channel: string): Effect.Effect<number, Config.ConfigError>
    /** What succeeds so shortly before midnight may come in the next day's bill. */
    readonly timingMargin: Duration.Duration
    /** How many days back one that was not compared yet is. */
    readonly catchUpDays: number
    /** How long after a failure a day is tried again. */
    readonly retryAfter: Duration.Duration
    /** From which age in days on an unresolved difference is an alarm. */
    readonly alarmAfterDays: number
  }
>()("@mall/treasury/reconciliation/ReconciliationConfig") {
  static readonly layer = Layer.effect(
    ReconciliationConfig,
    Effect.gen(function* () {
      const provider = yield* Effect.context<never>()
      const settings = yield* Config.all({
        timingMargin: Config.Duration("RECONCILIATION_TIMING_MARGIN").pipe(Config.withDefault(Duration.hours(1))),
        catchUpDays: int("RECONCILIATION_CATCH_UP_DAYS", 3),
        retryAfter: Config.Duration("RECONCILIATION_RETRY").pipe(Config.withDefault(Duration.minutes(30))),
        alarmAfterDays: int("RECONCILIATION_ALARM_DAYS", 3)
      })
      return ReconciliationConfig.of({
        ...settings,
        hourOf: (channel) =>
          Effect.provideContext(
            Config.Int(`RECONCILIATION_HOUR_${channel.toUpperCase()}`).pipe(Config.orElse(() => defaultHour)),
            provider
          )
      })
    })
  )
}
