import {
  Clock,
  Config,
  Context,
  DateTime,
  Duration,
  Effect,
  Layer,
  Metric,
  Predicate,
  Schedule,
  Schema,
  Semaphore
} from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { networkOf } from "../audit/CurrentActor.ts"
import { callerSignals, signals } from "./alertRules.ts"
import type { CallerSignal, Counts, Seen, Signal } from "./alertRules.ts"
import { CallerCounts } from "./CallerCounts.ts"
import type { CallerGain } from "./CallerCounts.ts"

const names = Object.keys(signals) as ReadonlyArray<Signal>
const callerNames = Object.keys(callerSignals) as ReadonlyArray<CallerSignal>

const CountRow = Schema.Struct({
  signal: Schema.Literals(names),
  perMinute: Schema.Int,
  fiveMinutes: Schema.Int,
  hour: Schema.Int
})

const CallerRow = Schema.Struct({
  signal: Schema.Literals(callerNames),
  caller: Schema.String,
  hour: Schema.Int
})

/** What an alert shows of a caller: it goes to a chat, where no full address belongs. */
const shown = (caller: string) =>
  caller.startsWith("ip:") ? `network ${networkOf(caller.slice(3))}` : caller.replace("user:", "user ")

const none: Counts = { perMinute: 0, fiveMinutes: 0, hour: 0 }

const gainsJson = Schema.encodeSync(
  Schema.fromJsonString(
    Schema.Array(Schema.Struct({ signal: Schema.String, caller: Schema.String, count: Schema.Int }))
  )
)

const deltasJson = Schema.encodeSync(
  Schema.fromJsonString(Schema.Array(Schema.Struct({ signal: Schema.String, count: Schema.Int })))
)

const isCount = (state: unknown): state is { readonly count: number | bigint } => Predicate.hasProperty(state, "count")

/**
 * Signals of all processes. Each takes what its own metrics have gained since it looked last to the database, so that nothing
 * is counted twice and the paths that count stay as cheap as they are. What a process gained in its last seconds is
 * written when it ends; a crash loses it.
 */
export class SignalCounts extends Context.Service<
  SignalCounts,
  {
    /** Writes what was gained here. */
    readonly flush: Effect.Effect<void, SqlError>
    /** Writes what callers did. */
    writeCallers(gains: ReadonlyArray<CallerGain>): Effect.Effect<void, SqlError>
    readonly read: Effect.Effect<Seen, SqlError>
    /** Drops counts older than a day, and of callers older than two hours, up to `limit` each; answers with how many. */
    purge(limit: number): Effect.Effect<number, SqlError>
  }
>()("@mall/platform/alerts/SignalCounts") {
  static readonly layer = Layer.effect(
    SignalCounts,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const clock = yield* Clock.Clock
      const written = new Map<Signal, number>()
      /** Two that look at the same time would write the same gain. */
      const turn = Semaphore.makeUnsafe(1)

      const totals = Effect.map(Metric.snapshot, (all) => {
        const sums = new Map<Signal, number>()
        for (const { attributes = {}, id, state } of all) {
          if (!isCount(state)) continue
          for (const name of names) {
            if (signals[name]({ id, attributes })) sums.set(name, (sums.get(name) ?? 0) + Number(state.count))
          }
        }
        return sums
      })

      const flush = Effect.gen(function* () {
        const now = yield* totals
        const gained = [...now]
          .map(([signal, total]) => ({ signal, total, count: total - (written.get(signal) ?? 0) }))
          .filter(({ count }) => count > 0)
        if (gained.length === 0) return
        const minute = new Date(Math.floor(clock.currentTimeMillisUnsafe() / 60_000) * 60_000)
        yield* sql`
          INSERT INTO platform.signal_counts AS kept (signal, minute, count)
          SELECT signal, ${minute}::timestamptz, count
          FROM jsonb_to_recordset(${deltasJson(gained)}::jsonb) AS g(signal text, count bigint) ORDER BY signal
          ON CONFLICT ON CONSTRAINT signal_counts_pkey DO UPDATE SET count = kept.count + excluded.count`
        for (const { signal, total } of gained) written.set(signal, total)
      }).pipe(turn.withPermit)

      const select = SqlSchema.findAll({
        Request: Schema.Date,
        Result: CountRow,
        execute: (now) => sql`
          SELECT signal,
            coalesce(max(count) FILTER (WHERE minute > ${now}::timestamptz - interval '2 minutes'), 0) AS per_minute,
            coalesce(sum(count) FILTER (WHERE minute > ${now}::timestamptz - interval '5 minutes'), 0)::bigint AS five_minutes,
            sum(count)::bigint AS hour
          FROM platform.signal_counts
          WHERE minute > ${now}::timestamptz - interval '1 hour' AND signal = ANY(${names}::text[])
          GROUP BY signal`
      })

      const selectBusiest = SqlSchema.findAll({
        Request: Schema.Date,
        Result: CallerRow,
        execute: (now) => sql`
          SELECT DISTINCT ON (signal) signal, caller, sum(count)::bigint AS hour
          FROM platform.caller_counts
          WHERE since > ${now}::timestamptz - interval '1 hour' AND signal = ANY(${callerNames}::text[])
          GROUP BY signal, caller
          ORDER BY signal, hour DESC, caller`
      })

      const dropCounts = (now: Date, limit: number) => sql`
        DELETE FROM platform.signal_counts WHERE (signal, minute) IN (
          SELECT signal, minute FROM platform.signal_counts
          WHERE minute < ${now}::timestamptz - interval '1 day' LIMIT ${limit} FOR UPDATE SKIP LOCKED)
        RETURNING signal`

      const dropCallers = (now: Date, limit: number) => sql`
        DELETE FROM platform.caller_counts WHERE (since, signal, caller) IN (
          SELECT since, signal, caller FROM platform.caller_counts
          WHERE since < ${now}::timestamptz - interval '2 hours' LIMIT ${limit} FOR UPDATE SKIP LOCKED)
        RETURNING signal`

      return SignalCounts.of({
        flush,
        writeCallers: Effect.fn("SignalCounts.writeCallers")(function* (gains) {
          if (gains.length === 0) return
          const since = new Date(Math.floor(clock.currentTimeMillisUnsafe() / 300_000) * 300_000)
          yield* sql`
            INSERT INTO platform.caller_counts AS kept (since, signal, caller, count)
            SELECT ${since}::timestamptz, signal, caller, count
            FROM jsonb_to_recordset(${gainsJson(gains)}::jsonb) AS g(signal text, caller text, count bigint)
            ORDER BY signal, caller
            ON CONFLICT ON CONSTRAINT caller_counts_pkey DO UPDATE SET count = kept.count + excluded.count`
        }),
        read: Effect.gen(function* () {
          const now = yield* DateTime.nowAsDate
          const rows = yield* select(now).pipe(Effect.catchTag("SchemaError", Effect.die))
          const busiest = yield* selectBusiest(now).pipe(Effect.catchTag("SchemaError", Effect.die))
          const counts = new Map(rows.map(({ signal, ...row }) => [signal, row]))
          const callers = new Map(
            busiest.map(({ caller, hour, signal }) => [signal, { caller: shown(caller), hour }] as const)
          )
          return { counts: (signal) => counts.get(signal) ?? none, busiest: (signal) => callers.get(signal) }
        }),
        purge: Effect.fn("SignalCounts.purge")(function* (limit) {
          const now = yield* DateTime.nowAsDate
          const dropped = yield* Effect.all([dropCounts(now, limit), dropCallers(now, limit)])
          // the fuller of the two says whether there is more
          return Math.max(...dropped.map((rows) => rows.length))
        })
      })
    })
  )

  /** Writes by itself every `ALERTS_INTERVAL`, and once more at the end: for each process that serves requests. */
  static readonly layerFlushing = Layer.effectDiscard(
    Effect.gen(function* () {
      const counts = yield* SignalCounts
      const callers = yield* CallerCounts
      const interval = yield* Config.Duration("ALERTS_INTERVAL").pipe(Config.withDefault(Duration.seconds(15)))
      const flush = Effect.gen(function* () {
        yield* counts.flush
        const gains = callers.take()
        yield* counts.writeCallers(gains).pipe(Effect.onError(() => Effect.sync(() => callers.giveBack(gains))))
      }).pipe(
        Effect.catchTag("SqlError", (error) =>
          Effect.logWarning("Security signals could not be counted and will be later", error.message)
        )
      )
      yield* Effect.addFinalizer(() => flush)
      yield* Effect.forkScoped(Effect.repeat(flush, Schedule.spaced(interval)))
    })
  )
}
