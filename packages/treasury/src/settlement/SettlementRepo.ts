import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { Purpose } from "@mall/domain/ledger/Transfer"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import type { Payable, PayableEntry } from "@mall/domain/ledger/PayableEntries"
import { Settlement, SettlementId, SettlementLine, settlementStates } from "@mall/domain/treasury/Settlement"
import type { SettlementStatus } from "@mall/domain/treasury/Settlement"
import { SettlementTerms } from "@mall/domain/treasury/SettlementTerms"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** A settlement as the steps see it: with the terms that it was begun under. */
export const SettlementRow = Schema.Struct({
  ...Settlement.fields,
  terms: Schema.toCodecJson(SettlementTerms),
  gatheredFrom: Schema.NullOr(Schema.Date),
  carriedFrom: Schema.NullOr(SettlementId),
  payoutDueAt: Schema.NullOr(Schema.Date),
  notifiedAt: Schema.NullOr(Schema.Date)
})
export type SettlementRow = typeof SettlementRow.Type

/** Whose money it is. */
export interface Owed {
  readonly merchantId: MerchantId
  readonly currency: Currency
}

/** How far a merchant is settled. */
const Schedule = Schema.Struct({
  merchantId: MerchantId,
  currency: Currency,
  settledThrough: Schema.NullOr(Schema.Date),
  nextDueAt: Schema.Date
})
export type Schedule = typeof Schedule.Type

/** Why a settlement goes from one state to another. */
export interface Act {
  readonly actor: string
  readonly reason: string
}

const Sum = Schema.Struct({
  purpose: Purpose,
  items: Schema.Int,
  added: MinorUnits,
  taken: MinorUnits
})
const Carried = Schema.Struct({ id: SettlementId, carriedOut: MinorUnits })
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(SettlementRow))
const decodeSums = Schema.decodeUnknownEffect(Schema.Array(Sum))
const decodeCarried = Schema.decodeUnknownEffect(Schema.Array(Carried))
const decodeCaptured = Schema.decodeUnknownEffect(Schema.NonEmptyArray(Schema.Struct({ captured: Schema.Int })))
const decodeSchedules = Schema.decodeUnknownEffect(Schema.Array(Schedule))
const termsJson = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(SettlementTerms)))
const linesJson = Schema.encodeSync(Schema.fromJsonString(Schema.Array(SettlementLine)))

export interface NewRow extends Owed {
  readonly id: SettlementId
  readonly cutOff: Date
  readonly terms: SettlementTerms
}

/** What a statement says. */
export type Statement = Required<{
  readonly [Name in "carriedIn" | "carriedOut" | "net" | "reserve" | "settled"]: number
}> & { readonly lines: ReadonlyArray<SettlementLine>; readonly reserveReleaseAt: Date | null }

/** The tables of settlements. Everything here needs a transaction. */
export class SettlementRepo extends Context.Service<
  SettlementRepo,
  {
    /** The row of the merchant's schedule, held until the end of the transaction; it is made where there is none. */
    holdSchedule(owed: Owed): Effect.Effect<Schedule, SqlError>
    /** The same of those whose time has come and that nobody else holds. */
    claimDue(now: Date, limit: number): Effect.Effect<ReadonlyArray<Schedule>, SqlError>
    /** Gives a schedule to those for whom something was posted for the first time; it is to be looked at `now`. */
    adopt(opened: ReadonlyArray<Payable>, now: Date): Effect.Effect<void, SqlError>
    /** When the newest account was opened that has a schedule. */
    readonly newestOpening: Effect.Effect<Date | null, SqlError>
    reschedule(owed: Owed, nextDueAt: Date): Effect.Effect<void, SqlError>
    settledThrough(owed: Owed, through: Date | null): Effect.Effect<void, SqlError>
    find(id: SettlementId): Effect.Effect<SettlementRow | undefined, SqlError>
    /** The row, held until the end of the transaction. The schedule is held before it. */
    hold(id: SettlementId): Effect.Effect<SettlementRow | undefined, SqlError>
    underWay(owed: Owed): Effect.Effect<SettlementRow | undefined, SqlError>
    ofCutOff(owed: Owed, cutOff: Date): Effect.Effect<SettlementRow | undefined, SqlError>
    insert(row: NewRow, act: Act): Effect.Effect<SettlementRow, SqlError>
    /** By the table of states; kept in the history. */
    move(row: SettlementRow, to: SettlementStatus, act: Act): Effect.Effect<void, SqlError>
    /** How many of the entries no settlement has. */
    countNew(entries: ReadonlyArray<PayableEntry>): Effect.Effect<number, SqlError>
    /** Those that another settlement has stay there. */
    addItems(id: SettlementId, entries: ReadonlyArray<PayableEntry>): Effect.Effect<void, SqlError>
    /** What an earlier settlement carried and no later one took. */
    carried(owed: Owed): Effect.Effect<typeof Carried.Type | undefined, SqlError>
    /** What was captured in this one and in those that it took over. */
    capturedUpTo(id: SettlementId): Effect.Effect<number, SqlError>
    gathered(row: SettlementRow, from: Date | null, carriedFrom: SettlementId | null): Effect.Effect<void, SqlError>
    sums(id: SettlementId): Effect.Effect<ReadonlyArray<SettlementLine>, SqlError>
    state(id: SettlementId, statement: Statement): Effect.Effect<void, SqlError>
    /** Its items are free, and what it took over is again to be taken. */
    release(row: SettlementRow): Effect.Effect<void, SqlError>
  }
>()("@mall/treasury/settlement/SettlementRepo") {
  static readonly layer = Layer.effect(
    SettlementRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const first = (rows: Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
        rows.pipe(
          Effect.flatMap(decodeRows),
          Effect.map(([row]) => row),
          Effect.catchTag("SchemaError", Effect.die)
        )
      const of = ({ currency, merchantId }: Owed) => sql`merchant_id = ${merchantId} AND currency = ${currency}`
      const schedules = (rows: Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
        rows.pipe(Effect.flatMap(decodeSchedules), Effect.catchTag("SchemaError", Effect.die))
      const hold = (id: SettlementId) =>
        first(sql`SELECT s.* FROM treasury.settlements AS s WHERE s.id = ${id} FOR UPDATE`)

      const note = Effect.fnUntraced(function* (id: SettlementId, from: string | null, to: string, act: Act) {
        yield* sql`
          INSERT INTO treasury.settlement_history (settlement_id, from_status, to_status, actor, reason, trace_id, at)
          VALUES (${id}, ${from}, ${to}, ${act.actor}, ${act.reason}, ${yield* currentTraceId}, ${yield* DateTime.nowAsDate})`
      })

      const insertItems = SqlSchema.void({
        Request: Schema.Struct({ id: SettlementId, rows: Schema.String }),
        execute: ({ id, rows }) => sql`
          INSERT INTO treasury.settlement_items (entry_id, settlement_id, transfer_id, purpose, subject, amount, at)
          SELECT "entryId", ${id}::uuid, "transferId", purpose, subject, amount, at
          FROM json_to_recordset(${rows}::json) AS e (
            "entryId" bigint, "transferId" uuid, purpose text, subject text, amount bigint, at timestamptz)
          ON CONFLICT (entry_id) DO NOTHING`
      })

      const openings = SqlSchema.findAll({
        Request: Schema.Void,
        Result: Schema.Struct({ openedAt: Schema.NullOr(Schema.Date) }),
        execute: () => sql`SELECT max(s.opened_at) AS opened_at FROM treasury.settlement_schedules AS s`
      })

      return SettlementRepo.of({
        hold,
        find: (id) => first(sql`SELECT s.* FROM treasury.settlements AS s WHERE s.id = ${id}`),
        adopt: (opened, now) =>
          Effect.asVoid(sql`
            INSERT INTO treasury.settlement_schedules (merchant_id, currency, opened_at, next_due_at)
            SELECT "merchantId", currency, "openedAt", ${now}::timestamptz
            FROM json_to_recordset(${JSON.stringify(opened)}::json) AS o (
              "merchantId" uuid, currency text, "openedAt" timestamptz)
            ON CONFLICT (merchant_id, currency) DO UPDATE SET opened_at = excluded.opened_at
            WHERE settlement_schedules.opened_at < excluded.opened_at`),
        newestOpening: openings(undefined).pipe(
          Effect.map(([row]) => row?.openedAt ?? null),
          Effect.catchTag("SchemaError", Effect.die)
        ),
        holdSchedule: Effect.fnUntraced(function* (owed) {
          const now = yield* DateTime.nowAsDate
          // when its account was opened is not known here: `now` would pass over those opened before that have no schedule yet
          yield* sql`
            INSERT INTO treasury.settlement_schedules (merchant_id, currency, opened_at, next_due_at)
            VALUES (${owed.merchantId}, ${owed.currency}, 'epoch'::timestamptz, ${now}) ON CONFLICT DO NOTHING`
          const [row] = yield* schedules(
            sql`SELECT s.* FROM treasury.settlement_schedules AS s WHERE ${of(owed)} FOR UPDATE`
          )
          return row ?? (yield* Effect.die("the schedule is not there"))
        }),
        claimDue: (now, limit) =>
          schedules(sql`
            SELECT s.* FROM treasury.settlement_schedules AS s WHERE s.next_due_at <= ${now}
            ORDER BY s.next_due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`),
        reschedule: (owed, nextDueAt) =>
          Effect.asVoid(sql`UPDATE treasury.settlement_schedules SET next_due_at = ${nextDueAt} WHERE ${of(owed)}`),
        settledThrough: (owed, through) =>
          Effect.asVoid(sql`UPDATE treasury.settlement_schedules SET settled_through = ${through} WHERE ${of(owed)}`),
        underWay: (owed) =>
          first(sql`
            SELECT s.* FROM treasury.settlements AS s
            WHERE ${of(owed)} AND s.status IN ('requested', 'gathered', 'stated')`),
        ofCutOff: (owed, cutOff) =>
          first(sql`SELECT s.* FROM treasury.settlements AS s WHERE ${of(owed)} AND s.cut_off = ${cutOff}`),
        insert: Effect.fnUntraced(function* ({ currency, cutOff, id, merchantId, terms }, act) {
          const now = yield* DateTime.nowAsDate
          yield* sql`
            INSERT INTO treasury.settlements (id, merchant_id, currency, cut_off, terms, status, attempt, created_at, updated_at)
            VALUES (${id}, ${merchantId}, ${currency}, ${cutOff}, ${termsJson(terms)}::jsonb, 'requested', 1, ${now}, ${now})`
          yield* note(id, null, "requested", act)
          return (yield* hold(id)) ?? (yield* Effect.die("the settlement is not there"))
        }),
        move: Effect.fnUntraced(function* ({ id, status }, to, act) {
          if (!settlementStates.can(status, to))
            return yield* Effect.die(`a settlement does not go from ${status} to ${to}`)
          yield* sql`
            UPDATE treasury.settlements SET status = ${to}, failure = ${to === "failed" ? act.reason : null},
              attempt = attempt + ${to === "requested" ? 1 : 0}, updated_at = ${yield* DateTime.nowAsDate}
            WHERE id = ${id}`
          yield* note(id, status, to, act)
        }),
        countNew: Effect.fnUntraced(function* (entries) {
          const known = yield* sql`
            SELECT entry_id FROM treasury.settlement_items WHERE entry_id = ANY(${entries.map(({ entryId }) => entryId)}::bigint[])`
          return entries.length - known.length
        }),
        addItems: (id, entries) =>
          insertItems({ id, rows: JSON.stringify(entries) }).pipe(Effect.catchTag("SchemaError", Effect.die)),
        carried: (owed) =>
          sql`
            SELECT s.id, s.carried_out FROM treasury.settlements AS s
            WHERE ${of(owed)} AND s.status = 'carried' AND s.carried_out <> 0
              AND NOT EXISTS (SELECT FROM treasury.settlements AS later WHERE later.carried_from = s.id)
            ORDER BY s.cut_off DESC LIMIT 1`.pipe(
            Effect.flatMap(decodeCarried),
            Effect.map(([row]) => row),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        capturedUpTo: (id) =>
          sql`
            WITH RECURSIVE chain AS (
              SELECT s.id, s.carried_from, s.lines FROM treasury.settlements AS s WHERE s.id = ${id}
              UNION ALL
              SELECT s.id, s.carried_from, s.lines FROM chain AS c JOIN treasury.settlements AS s ON s.id = c.carried_from
            )
            SELECT coalesce(sum((l ->> 'added')::bigint), 0)::bigint AS captured
            FROM chain AS c CROSS JOIN LATERAL jsonb_array_elements(c.lines) AS l WHERE l ->> 'purpose' = 'capture'`.pipe(
            Effect.flatMap(decodeCaptured),
            Effect.map(([{ captured }]) => captured),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        gathered: (row, from, carriedFrom) =>
          Effect.asVoid(sql`
            UPDATE treasury.settlements SET gathered_from = ${from}, carried_from = ${carriedFrom}::uuid WHERE id = ${row.id}`),
        sums: (id) =>
          sql`
            SELECT i.purpose, count(*) AS items, coalesce(sum(i.amount) FILTER (WHERE i.amount > 0), 0)::bigint AS added,
              coalesce(-sum(i.amount) FILTER (WHERE i.amount < 0), 0)::bigint AS taken
            FROM treasury.settlement_items AS i WHERE i.settlement_id = ${id} GROUP BY i.purpose ORDER BY i.purpose`.pipe(
            Effect.flatMap(decodeSums),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        state: (id, { carriedIn, carriedOut, lines, net, reserve, reserveReleaseAt, settled }) =>
          Effect.asVoid(sql`
            UPDATE treasury.settlements SET lines = ${linesJson(lines)}::jsonb, carried_in = ${carriedIn}, net = ${net},
              reserve = ${reserve}, settled = ${settled}, carried_out = ${carriedOut}, reserve_release_at = ${reserveReleaseAt}
            WHERE id = ${id}`),
        release: Effect.fnUntraced(function* ({ currency, cutOff, gatheredFrom, id, merchantId }) {
          yield* sql`DELETE FROM treasury.settlement_items WHERE settlement_id = ${id}`
          yield* sql`UPDATE treasury.settlements SET carried_from = NULL, payout_note = NULL, payout_due_at = NULL WHERE id = ${id}`
          yield* sql`
            UPDATE treasury.settlement_schedules SET settled_through = ${gatheredFrom}
            WHERE ${of({ currency, merchantId })} AND settled_through = ${cutOff}`
        })
      })
    })
  )
}
