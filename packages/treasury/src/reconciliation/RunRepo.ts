import type { BillDay } from "@mall/domain/treasury/Bill"
import { BillTotal } from "@mall/domain/treasury/Bill"
import { Run, RunCounts, RunId } from "@mall/domain/treasury/Run"
import { Context, DateTime, Duration, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** One account's day. */
export interface RunKey {
  readonly channel: string
  readonly account: string
  readonly day: BillDay
}

/** How long a worker may say nothing before another takes its day over. */
const lease = Duration.minutes(5)

const Claimed = Schema.Struct({ id: RunId })
const Due = Schema.Struct({ runs: Schema.Int })
const countsJson = Schema.encodeSync(Schema.fromJsonString(RunCounts))
const totalsJson = Schema.encodeSync(Schema.fromJsonString(Schema.Array(BillTotal)))

/** The columns of a run, as `Run` has them. */
export const runColumns = (sql: SqlClient.SqlClient) => sql`
  r.id, r.channel, r.account, to_char(r.day, 'YYYY-MM-DD') AS day, r.status, r.lines, r.records, r.counts, r.totals, r.sha256,
  r.failure, r.actor, r.trace_id, r.started_at, r.finished_at`

/** Runs and whose turn it is. */
export class RunRepo extends Context.Service<
  RunRepo,
  {
    /**
     * Begins a run; false where somebody is at the day. One whose worker was not heard of any more is failed first, and what it had
     * kept is dropped.
     */
    claim(id: RunId, key: RunKey, actor: string, traceId: string | null): Effect.Effect<boolean, SqlError>
    /** False where the run was taken over meanwhile. */
    renew(id: RunId): Effect.Effect<boolean, SqlError>
    /** Needs a transaction; the same, for its end. */
    hold(id: RunId): Effect.Effect<boolean, SqlError>
    /** It counts from now on, in the place of the former one of its day. */
    complete(
      id: RunId,
      key: RunKey,
      result: Pick<Run, "lines" | "records" | "sha256" | "totals"> & { readonly counts: RunCounts }
    ): Effect.Effect<void, SqlError>
    /** `failure` in one sentence. Nothing of the run is kept but that. */
    fail(id: RunId, failure: string): Effect.Effect<void, SqlError>
    find(id: RunId): Effect.Effect<Option.Option<Run>, SqlError>
    /** Whether a day is done, or was tried since `since`: then it is let alone. */
    isSettled(key: RunKey, since: Date): Effect.Effect<boolean, SqlError>
  }
>()("@mall/treasury/reconciliation/RunRepo") {
  static readonly layer = Layer.effect(
    RunRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const until = (now: Date) => new Date(now.getTime() + Duration.toMillis(lease))

      const drop = Effect.fnUntraced(function* (id: RunId) {
        yield* sql`DELETE FROM treasury.bill_lines WHERE run_id = ${id}`
        yield* sql`DELETE FROM treasury.compared_records WHERE run_id = ${id}`
      })

      const abandon = SqlSchema.findAll({
        Request: Schema.Struct({
          channel: Schema.String,
          account: Schema.String,
          day: Schema.String,
          now: Schema.Date
        }),
        Result: Claimed,
        execute: ({ account, channel, day, now }) => sql`
          UPDATE treasury.reconciliation_runs AS r
          SET status = 'failed', failure = 'its worker stopped in the middle', lease_until = NULL, finished_at = ${now}
          WHERE r.channel = ${channel} AND r.account = ${account} AND r.day = ${day}::text::date AND r.status = 'running'
            AND r.lease_until < ${now}
          RETURNING r.id`
      })

      const claim = Effect.fnUntraced(
        function* (id: RunId, { account, channel, day }: RunKey, actor: string, traceId: string | null) {
          const now = yield* DateTime.nowAsDate
          for (const stopped of yield* abandon({ channel, account, day, now })) yield* drop(stopped.id)
          const inserted = yield* sql`
            INSERT INTO treasury.reconciliation_runs (id, channel, account, day, status, lease_until, actor, trace_id, started_at)
            VALUES (${id}, ${channel}, ${account}, ${day}::text::date, 'running', ${until(now)}, ${actor}, ${traceId}, ${now})
            ON CONFLICT DO NOTHING
            RETURNING id`
          return inserted.length > 0
        },
        sql.withTransaction,
        Effect.catchTag("SchemaError", Effect.die)
      )

      const find = SqlSchema.findOneOption({
        Request: RunId,
        Result: Run,
        execute: (id) => sql`SELECT ${runColumns(sql)} FROM treasury.reconciliation_runs AS r WHERE r.id = ${id}`
      })

      const settled = SqlSchema.findOne({
        Request: Schema.Struct({
          ...{ channel: Schema.String, account: Schema.String, day: Schema.String },
          since: Schema.Date
        }),
        Result: Due,
        execute: ({ account, channel, day, since }) => sql`
          SELECT count(*) AS runs FROM treasury.reconciliation_runs AS r
          WHERE r.channel = ${channel} AND r.account = ${account} AND r.day = ${day}::text::date
            AND (r.status = 'completed' OR r.started_at > ${since})`
      })

      return RunRepo.of({
        claim,
        renew: Effect.fnUntraced(function* (id) {
          const rows = yield* sql`
            UPDATE treasury.reconciliation_runs SET lease_until = ${until(yield* DateTime.nowAsDate)}
            WHERE id = ${id} AND status = 'running' RETURNING id`
          return rows.length > 0
        }),
        hold: Effect.fnUntraced(function* (id) {
          const rows = yield* sql`
            SELECT FROM treasury.reconciliation_runs WHERE id = ${id} AND status = 'running' FOR UPDATE`
          return rows.length > 0
        }),
        complete: Effect.fnUntraced(function* (
          id,
          { account, channel, day },
          { counts, lines, records, sha256, totals }
        ) {
          yield* sql`
            UPDATE treasury.reconciliation_runs SET status = 'superseded'
            WHERE channel = ${channel} AND account = ${account} AND day = ${day}::text::date AND status = 'completed'`
          yield* sql`
            UPDATE treasury.reconciliation_runs
            SET status = 'completed', lease_until = NULL, lines = ${lines}, records = ${records}, sha256 = ${sha256},
              counts = ${countsJson(counts)}::jsonb, totals = ${totalsJson(totals)}::jsonb, finished_at = ${yield* DateTime.nowAsDate}
            WHERE id = ${id}`
          yield* drop(id)
        }),
        fail: Effect.fnUntraced(function* (id, failure) {
          yield* sql`
            UPDATE treasury.reconciliation_runs
            SET status = 'failed', lease_until = NULL, failure = ${failure}, finished_at = ${yield* DateTime.nowAsDate}
            WHERE id = ${id} AND status = 'running'`
          yield* drop(id)
        }, sql.withTransaction),
        find: (id) => find(id).pipe(Effect.catchTag("SchemaError", Effect.die)),
        isSettled: (key, since) =>
          settled({ ...key, since }).pipe(
            Effect.map(({ runs }) => runs > 0),
            Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die })
          )
      })
    })
  )
}
