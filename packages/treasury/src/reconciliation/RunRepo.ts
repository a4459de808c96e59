import { BillDay } from "@mall/domain/treasury/Bill"
import type { BilledAccount } from "@mall/domain/treasury/ChannelBills"
import { Run, RunChange, RunDetails, RunId, RunStatus } from "@mall/domain/treasury/Run"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Act } from "./DifferenceRepo.ts"

/** One account's day. */
export interface RunKey extends BilledAccount {
  readonly day: BillDay
}

const FirstDay = Schema.Struct({ channel: Schema.String, account: Schema.String, day: BillDay })
type FirstDay = typeof FirstDay.Type
const Due = Schema.Struct({ now: Schema.Date, limit: Schema.Int })
const Keyed = Schema.Struct({ day: BillDay, index: Schema.Int })

/** The columns of a run, as `Run` has them. */
export const runColumns = (sql: SqlClient.SqlClient) => sql`
  r.id, r.channel, r.account, r.merchant_id, to_char(r.day, 'YYYY-MM-DD') AS day, r.status,
  CASE r.status WHEN 'running' THEN r.stage END AS stage, r.lines, r.records, r.matched, r.counts, r.totals, r.sha256, r.failure,
  r.attempt, r.next_attempt_at, r.actor, r.trace_id, r.asked_at, r.started_at, r.finished_at`

/** Whose rows of an account: of a merchant's own where there is one, and never another's of the same name. */
export const ofAccount = (
  sql: SqlClient.SqlClient,
  alias: "d" | "r",
  { account, channel, merchantId }: BilledAccount
) =>
  sql`${sql(alias)}.channel = ${channel} AND ${sql(alias)}.account = ${account} AND ${
    merchantId === null ? sql`${sql(alias)}.merchant_id IS NULL` : sql`${sql(alias)}.merchant_id = ${merchantId}`
  }`

/** Runs, what became of them, and how one is asked for. What workers do with them is in `RunClaims`. */
export class RunRepo extends Context.Service<
  RunRepo,
  {
    /**
     * Needs a transaction. The run of the day that waits or is at work, of which there is one at most; a new one of this `id` where
     * there is none. One that was to be tried again later may be tried now.
     */
    ask(id: RunId, key: RunKey, lateAt: Date, act: Act): Effect.Effect<Run, SqlError>
    find(id: RunId): Effect.Effect<Option.Option<Run>, SqlError>
    details(id: RunId): Effect.Effect<Option.Option<RunDetails>, SqlError>
    /** Of these those that nobody ever asked for. */
    neverAsked(keys: ReadonlyArray<RunKey>): Effect.Effect<ReadonlyArray<RunKey>, SqlError>
    /** Of the platform's accounts the first days that anybody asked for. */
    readonly firstDays: Effect.Effect<ReadonlyArray<FirstDay>, SqlError>
    /** Runs that a worker may begin now, the longest waiting first. */
    due(now: Date, limit: number): Effect.Effect<ReadonlyArray<RunId>, SqlError>
    tell(
      run: Pick<Run, "id" | "attempt">,
      from: RunStatus | null,
      to: RunStatus,
      act: Act
    ): Effect.Effect<void, SqlError>
  }
>()("@mall/treasury/reconciliation/RunRepo") {
  static readonly layer = Layer.effect(
    RunRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const find = SqlSchema.findOneOption({
        Request: RunId,
        Result: Run,
        execute: (id) => sql`SELECT ${runColumns(sql)} FROM treasury.reconciliation_runs AS r WHERE r.id = ${id}`
      })
      const history = SqlSchema.findAll({
        Request: RunId,
        Result: RunChange,
        execute: (id) => sql`
          SELECT h.from_status, h.to_status, h.attempt, h.actor, h.reason, h.trace_id, h.at
          FROM treasury.reconciliation_run_history AS h WHERE h.run_id = ${id} ORDER BY h.id`
      })
      const decodeRuns = Schema.decodeUnknownEffect(Schema.Array(Run))

      const tell = (
        { attempt, id }: Pick<Run, "id" | "attempt">,
        from: RunStatus | null,
        to: RunStatus,
        { actor, now, reason, traceId }: Act
      ) => sql`
        INSERT INTO treasury.reconciliation_run_history (run_id, from_status, to_status, attempt, actor, reason, trace_id, at)
        VALUES (${id}, ${from}, ${to}, ${attempt}, ${actor}, ${reason}, ${traceId}, ${now})`

      const openRun = (key: RunKey) =>
        Effect.flatMap(
          sql`
            SELECT ${runColumns(sql)} FROM treasury.reconciliation_runs AS r
            WHERE ${ofAccount(sql, "r", key)} AND r.day = ${key.day}::text::date
              AND (r.status IN ('queued', 'running') OR r.next_attempt_at IS NOT NULL)`,
          decodeRuns
        )

      const ask = Effect.fnUntraced(
        function* (id: RunId, key: RunKey, lateAt: Date, act: Act) {
          const { account, channel, day, merchantId } = key
          // Whoever asks for a day of an account waits for who asked before; nobody waits for a worker that compares.
          yield* sql`
            SELECT pg_advisory_xact_lock(hashtextextended(${`reconciliation asked ${channel} ${account} ${merchantId} ${day}`}, 0))`
          const [open] = yield* openRun(key)
          if (open === undefined) {
            yield* sql`
              INSERT INTO treasury.reconciliation_runs
                (id, channel, account, merchant_id, day, status, attempt, actor, trace_id, asked_at, late_at)
              VALUES (${id}, ${channel}, ${account}, ${merchantId}, ${day}::text::date, 'queued', 0, ${act.actor},
                ${act.traceId}, ${act.now}, ${lateAt})`
            yield* tell({ id, attempt: 0 }, null, "queued", act)
          } else if (open.status === "failed") {
            const waiting = yield* sql`
              UPDATE treasury.reconciliation_runs SET status = 'queued', failure = NULL, failure_kind = NULL, next_attempt_at = NULL
              WHERE id = ${open.id} AND status = 'failed' RETURNING id`
            if (waiting.length > 0) yield* tell(open, open.status, "queued", act)
          }
          return yield* Effect.flatMap(find(open?.id ?? id), Effect.fromOption)
        },
        Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die })
      )

      const neverAsked = SqlSchema.findAll({
        Request: Schema.Struct({
          ...{ channels: Schema.Array(Schema.String), accounts: Schema.Array(Schema.String) },
          ...{ merchants: Schema.Array(Schema.String), days: Schema.Array(Schema.String) }
        }),
        Result: Keyed,
        execute: ({ accounts, channels, days, merchants }) => sql`
          SELECT k.day, k.index::int AS index
          FROM unnest(${channels}::text[], ${accounts}::text[], ${merchants}::text[], ${days}::text[])
            WITH ORDINALITY AS k (channel, account, merchant_id, day, index)
          WHERE NOT EXISTS (
            SELECT FROM treasury.reconciliation_runs AS r
            WHERE r.channel = k.channel AND r.account = k.account AND r.day = k.day::date
              AND coalesce(r.merchant_id::text, '') = k.merchant_id)
          ORDER BY k.index`
      })

      const firstDays = SqlSchema.findAll({
        Request: Schema.Void,
        Result: FirstDay,
        execute: () => sql`
          SELECT r.channel, r.account, to_char(min(r.day), 'YYYY-MM-DD') AS day FROM treasury.reconciliation_runs AS r
          WHERE r.merchant_id IS NULL GROUP BY r.channel, r.account`
      })

      const due = SqlSchema.findAll({
        Request: Due,
        Result: Schema.Struct({ id: RunId }),
        execute: ({ limit, now }) => sql`
          SELECT r.id FROM treasury.reconciliation_runs AS r
          WHERE ${claimable(sql, now)} ORDER BY coalesce(r.next_attempt_at, r.lease_until, r.asked_at), r.id LIMIT ${limit}`
      })

      return RunRepo.of({
        ask,
        tell,
        find: (id) => Effect.catchTag(find(id), "SchemaError", Effect.die),
        details: Effect.fnUntraced(
          function* (id) {
            const found = yield* find(id)
            if (Option.isNone(found)) return Option.none()
            return Option.some(new RunDetails({ ...found.value, history: yield* history(id) }))
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        neverAsked: (keys) =>
          neverAsked({
            channels: keys.map(({ channel }) => channel),
            accounts: keys.map(({ account }) => account),
            merchants: keys.map(({ merchantId }) => merchantId ?? ""),
            days: keys.map(({ day }) => day)
          }).pipe(
            Effect.map((rows) => rows.flatMap(({ index }) => keys[index - 1] ?? [])),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        firstDays: Effect.catchTag(firstDays(undefined), "SchemaError", Effect.die),
        due: (now, limit) =>
          due({ now, limit }).pipe(
            Effect.map((rows) => rows.map(({ id }) => id)),
            Effect.catchTag("SchemaError", Effect.die)
          )
      })
    })
  )
}

/** Runs that wait, those whose time to be tried again has come, and those whose worker was not heard of any more. */
export const claimable = (sql: SqlClient.SqlClient, now: Date) => sql`
  (r.status = 'queued' OR (r.status = 'running' AND r.lease_until < ${now})
    OR (r.status = 'failed' AND r.next_attempt_at <= ${now}))`
