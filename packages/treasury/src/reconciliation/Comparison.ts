import type { BillLine } from "@mall/domain/treasury/Bill"
import { BillTotal } from "@mall/domain/treasury/Bill"
import type { SettledRecord } from "@mall/domain/treasury/SettledPayments"
import type { RunCounts } from "@mall/domain/treasury/Run"
import { DifferenceClass } from "@mall/domain/treasury/Difference"
import { planForMany } from "@mall/platform/planning"
import { Config, Context, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { compareStatement } from "./compareStatement.ts"
import type { ComparedDay } from "./compareStatement.ts"
import type { ClaimId } from "./RunClaims.ts"

const Reference = Schema.Struct({ reference: Schema.String })
const Counted = Schema.Struct({ class: DifferenceClass, rows: Schema.Int, allLines: Schema.Int })
const Sizes = Schema.Struct({ lines: Schema.Int, records: Schema.Int, compared: Schema.Int })
const Matched = Schema.Struct({ matched: Schema.Int })
const Place = Schema.Struct({ claimId: Schema.String, after: Schema.String, limit: Schema.Int })

const timeOf = (sql: SqlClient.SqlClient, millis: string) =>
  sql.literal(`timestamptz 'epoch' + ${millis} * interval '1 millisecond'`)

/** Both sides of a run, side by side in the database, which sorts and joins what would not fit into memory. Staged by its claim. */
export class Comparison extends Context.Service<
  Comparison,
  {
    addLines(claimId: ClaimId, lines: ReadonlyArray<BillLine>): Effect.Effect<void, SqlError>
    addRecords(claimId: ClaimId, records: ReadonlyArray<SettledRecord>): Effect.Effect<void, SqlError>
    /** References of the bill that no record has, at most `limit` behind `after`. */
    unknown(claimId: ClaimId, after: string, limit: number): Effect.Effect<ReadonlyArray<string>, SqlError>
    /** How many lines a record agrees with, so far. */
    countMatched(claimId: ClaimId): Effect.Effect<number, SqlError>
    /** Needs a transaction, whose statements may take minutes from then on. */
    readonly allowTime: Effect.Effect<void, SqlError>
    /**
     * Needs such a transaction. Classifies, and writes the differences of the day in the place of those of an earlier
     * run.
     */
    compare(day: ComparedDay): Effect.Effect<
      {
        readonly counts: RunCounts
        readonly totals: ReadonlyArray<BillTotal>
        readonly lines: number
        readonly records: number
      },
      SqlError
    >
  }
>()("@mall/treasury/reconciliation/Comparison") {
  static readonly layer = Layer.effect(
    Comparison,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const timeout = yield* Config.Duration("RECONCILIATION_STATEMENT_TIMEOUT").pipe(
        Config.withDefault(Duration.minutes(5))
      )
      const ample = Effect.andThen(
        planForMany(sql),
        sql`
          SELECT set_config('statement_timeout', ${`${Duration.toMillis(timeout)}ms`}, true), set_config('work_mem', '64MB', true)`
      )

      // Of what was staged a moment ago the planner knows nothing, takes it for a handful of rows and compares each with each.
      const joined = sql`SELECT set_config('enable_nestloop', 'off', true)`

      const selectUnknown = SqlSchema.findAll({
        Request: Place,
        Result: Reference,
        execute: ({ after, claimId, limit }) => sql`
          SELECT DISTINCT l.reference FROM treasury.bill_lines AS l
          WHERE l.claim_id = ${claimId} AND l.kind <> 'other' AND l.reference > ${after} AND NOT EXISTS (
            SELECT FROM treasury.compared_records AS r
            WHERE r.claim_id = ${claimId} AND r.kind = l.kind AND r.reference = l.reference
          )
          ORDER BY l.reference LIMIT ${limit}`
      })

      const selectSizes = SqlSchema.findOne({
        Request: Schema.String,
        Result: Sizes,
        execute: (claimId) => sql`
          SELECT count(*) AS lines, count(*) FILTER (WHERE l.kind <> 'other') AS compared,
            (SELECT count(*) FROM treasury.compared_records WHERE claim_id = ${claimId}) AS records
          FROM treasury.bill_lines AS l WHERE l.claim_id = ${claimId}`
      })

      const selectTotals = SqlSchema.findAll({
        Request: Schema.String,
        Result: BillTotal,
        execute: (claimId) => sql`
          SELECT l.currency,
            coalesce(sum(l.amount) FILTER (WHERE l.kind = 'payment' AND l.state = 'succeeded'), 0)::bigint AS payments,
            coalesce(sum(l.amount) FILTER (WHERE l.kind = 'refund' AND l.state = 'succeeded'), 0)::bigint AS refunds,
            coalesce(sum(l.fee), 0)::bigint AS fees,
            coalesce(sum(l.amount) FILTER (WHERE l.kind = 'other'), 0)::bigint AS others
          FROM treasury.bill_lines AS l WHERE l.claim_id = ${claimId} GROUP BY l.currency ORDER BY l.currency`
      })

      const selectMatched = SqlSchema.findOne({
        Request: Schema.String,
        Result: Matched,
        execute: (claimId) => sql`
          SELECT count(*) AS matched FROM treasury.bill_lines AS l JOIN treasury.compared_records AS r
            ON r.claim_id = l.claim_id AND r.kind = l.kind AND r.reference = l.reference
          WHERE l.claim_id = ${claimId} AND (l.amount, l.currency, l.state) = (r.amount, r.currency, r.state)`
      })

      const decodeCounted = Schema.decodeUnknownEffect(Schema.Array(Counted))

      const compare = Effect.fn("Comparison.compare")(
        function* (day: ComparedDay) {
          const { claimId } = day
          const { compared, lines, records } = yield* selectSizes(claimId)
          const totals = yield* selectTotals(claimId)
          const counted = yield* decodeCounted(yield* compareStatement(sql, day))
          const of = (name: DifferenceClass) => counted.find((one) => one.class === name)?.rows ?? 0
          const counts: RunCounts = {
            matched: compared - (counted[0]?.allLines ?? 0),
            amountDiffers: of("amount_differs"),
            missingHere: of("missing_here"),
            missingThere: of("missing_there"),
            duplicate: of("duplicate"),
            stateDiffers: of("state_differs"),
            timing: of("timing"),
            feeDiffers: of("fee_differs")
          }
          return { counts, totals, lines, records }
        },
        Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die })
      )

      return Comparison.of({
        compare,
        allowTime: Effect.asVoid(ample),
        countMatched: Effect.fnUntraced(
          function* (claimId) {
            yield* ample
            yield* joined
            return (yield* selectMatched(claimId)).matched
          },
          sql.withTransaction,
          Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die })
        ),
        addLines: (claimId, lines) => sql`
          INSERT INTO treasury.bill_lines
            (claim_id, line, kind, reference, channel_reference, amount, fee, currency, state, at)
          SELECT ${claimId}::uuid, u.line, u.kind, u.reference, u.channel_reference, u.amount,
            nullif(u.fee, '')::bigint, u.currency, u.state, ${timeOf(sql, "u.millis")}
          FROM unnest(
            ${lines.map(({ line }) => line)}::int[], ${lines.map(({ kind }) => kind)}::text[],
            ${lines.map(({ reference }) => reference)}::text[],
            ${lines.map(({ channelReference }) => channelReference)}::text[],
            ${lines.map(({ amount }) => amount)}::bigint[],
            ${lines.map(({ fee }) => (fee === null ? "" : `${fee}`))}::text[],
            ${lines.map(({ currency }) => currency)}::text[], ${lines.map(({ state }) => state)}::text[],
            ${lines.map(({ at }) => at.getTime())}::bigint[]
          ) AS u (line, kind, reference, channel_reference, amount, fee, currency, state, millis)`,
        addRecords: (claimId, records) => sql`
          INSERT INTO treasury.compared_records (claim_id, kind, reference, payment_id, amount, currency, state, at)
          SELECT ${claimId}::uuid, u.kind, u.reference, u.payment_id, u.amount, u.currency, u.state,
            ${timeOf(sql, "u.millis")}
          FROM unnest(
            ${records.map(({ kind }) => kind)}::text[], ${records.map(({ reference }) => reference)}::text[],
            ${records.map(({ paymentId }) => paymentId)}::text[], ${records.map(({ amount }) => amount)}::bigint[],
            ${records.map(({ currency }) => currency)}::text[], ${records.map(({ state }) => state)}::text[],
            ${records.map(({ at }) => at.getTime())}::bigint[]
          ) AS u (kind, reference, payment_id, amount, currency, state, millis)`,
        unknown: Effect.fnUntraced(
          function* (claimId, after, limit) {
            yield* ample
            yield* joined
            return (yield* selectUnknown({ claimId, after, limit })).map(({ reference }) => reference)
          },
          sql.withTransaction,
          Effect.catchTag("SchemaError", Effect.die)
        )
      })
    })
  )
}
