import { Config, Context, Duration, Effect, Layer } from "effect"

const int = (name: string, fallback: number) => Config.Int(name).pipe(Config.withDefault(fallback))
const duration = (name: string, fallback: Duration.Duration) => Config.Duration(name).pipe(Config.withDefault(fallback))
const defaultHour = int("RECONCILIATION_HOUR", 10)
const defaultLateHour = int("RECONCILIATION_LATE_HOUR", 14)

/** When and how far back the bills are compared. */
export class ReconciliationConfig extends Context.Service<
  ReconciliationConfig,
  {
    /** From which hour of its own clock on a channel is asked for the bill of the day before. */
    hourOf(channel: string): Effect.Effect<number, Config.ConfigError>
    /** By which hour of its own clock the bill of the day before has to be compared, or somebody is told. */
    lateHourOf(channel: string): Effect.Effect<number, Config.ConfigError>
    /** What succeeds so shortly before midnight may come in the next day's bill. */
    readonly timingMargin: Duration.Duration
    /** How many days back one that was not compared yet is. */
    readonly catchUpDays: number
    /** How long after its first failure a run is tried again; after each more twice as long, an hour at most. */
    readonly retryAfter: Duration.Duration
    /** How long after it was asked for a run is tried again at most. */
    readonly giveUpAfter: Duration.Duration
    /** How long a worker may say nothing before another takes its run over. */
    readonly lease: Duration.Duration
    /** From which age in days on an unresolved difference is an alarm. */
    readonly alarmAfterDays: number
  }
>()("@mall/treasury/reconciliation/ReconciliationConfig") {
  static readonly layer = Layer.effect(
    ReconciliationConfig,
    Effect.gen(function* () {
      const provider = yield* Effect.context<never>()
      const settings = yield* Config.all({
        timingMargin: duration("RECONCILIATION_TIMING_MARGIN", Duration.hours(1)),
        catchUpDays: int("RECONCILIATION_CATCH_UP_DAYS", 3),
        retryAfter: duration("RECONCILIATION_RETRY", Duration.minutes(1)),
        giveUpAfter: duration("RECONCILIATION_GIVE_UP", Duration.days(3)),
        lease: duration("RECONCILIATION_LEASE", Duration.minutes(1)),
        alarmAfterDays: int("RECONCILIATION_ALARM_DAYS", 3)
      })
      const hourOf = (name: string, channel: string, fallback: Config.Config<number>) =>
        Effect.provideContext(
          Config.Int(`${name}_${channel.toUpperCase()}`).pipe(Config.orElse(() => fallback)),
          provider
        )
      return ReconciliationConfig.of({
        ...settings,
        hourOf: (channel) => hourOf("RECONCILIATION_HOUR", channel, defaultHour),
        lateHourOf: (channel) => hourOf("RECONCILIATION_LATE_HOUR", channel, defaultLateHour)
      })
    })
  )
}
