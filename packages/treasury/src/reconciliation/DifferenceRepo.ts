import {
  Correction,
  CorrectionId,
  Difference,
  DifferenceChange,
  DifferenceDetails,
  DifferenceId
} from "@mall/domain/treasury/Difference"
import type { DifferenceStatus } from "@mall/domain/treasury/Difference"
import { Legs } from "@mall/domain/ledger/Transfer"
import type { Leg } from "@mall/domain/ledger/Transfer"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { proposalOf } from "./corrections.ts"

/** Who changes something, when and why. */
export interface Act {
  readonly actor: string
  readonly reason: string
  readonly traceId: string | null
  readonly now: Date
}

const legsJson = Schema.encodeSync(Schema.fromJsonString(Legs))

/** The columns of a difference, as `Difference` has them. */
export const differenceColumns = (sql: SqlClient.SqlClient) => sql`
  d.id, d.run_id, d.channel, d.account, d.merchant_id, to_char(d.day, 'YYYY-MM-DD') AS day, d.class, d.kind, d.reference,
  d.channel_reference, d.payment_id, d.line, d.bill_amount, d.bill_currency, d.bill_state, d.our_amount, d.our_currency,
  d.our_state, d.bill_fee, d.our_fee, d.excess, d.status, d.assignee, d.note, d.resolution, d.created_at, d.updated_at`

/** Rows of differences, their corrections and their history. */
export class DifferenceRepo extends Context.Service<
  DifferenceRepo,
  {
    details(id: DifferenceId): Effect.Effect<Option.Option<DifferenceDetails>, SqlError>
    /** Needs a transaction, until whose end nobody else changes it. */
    lock(id: DifferenceId): Effect.Effect<Option.Option<Difference>, SqlError>
    /** The correction that waits for its approval. */
    drafted(id: DifferenceId): Effect.Effect<Option.Option<Correction>, SqlError>
    /** `resolution` where it is resolved by this. */
    move(from: Difference, to: DifferenceStatus, act: Act, resolution: string | null): Effect.Effect<void, SqlError>
    note(from: Difference, assignee: string | null, note: string | null, act: Act): Effect.Effect<void, SqlError>
    hasCorrection(id: CorrectionId, of: DifferenceId): Effect.Effect<boolean, SqlError>
    addCorrection(id: CorrectionId, of: DifferenceId, legs: ReadonlyArray<Leg>, act: Act): Effect.Effect<void, SqlError>
    decide(id: CorrectionId, status: "approved" | "rejected" | "superseded", act: Act): Effect.Effect<void, SqlError>
  }
>()("@mall/treasury/reconciliation/DifferenceRepo") {
  static readonly layer = Layer.effect(
    DifferenceRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const columns = differenceColumns(sql)

      const find = SqlSchema.findOneOption({
        Request: DifferenceId,
        Result: Difference,
        execute: (id) => sql`SELECT ${columns} FROM treasury.differences AS d WHERE d.id = ${id}`
      })
      const lock = SqlSchema.findOneOption({
        Request: DifferenceId,
        Result: Difference,
        execute: (id) => sql`SELECT ${columns} FROM treasury.differences AS d WHERE d.id = ${id} FOR UPDATE`
      })
      const corrections = SqlSchema.findAll({
        Request: DifferenceId,
        Result: Correction,
        execute: (id) => sql`SELECT c.* FROM treasury.corrections AS c WHERE c.difference_id = ${id} ORDER BY c.id`
      })
      const history = SqlSchema.findAll({
        Request: DifferenceId,
        Result: DifferenceChange,
        execute: (id) => sql`
          SELECT h.from_status, h.to_status, h.actor, h.reason, h.trace_id, h.at
          FROM treasury.difference_history AS h WHERE h.difference_id = ${id} ORDER BY h.id`
      })

      const tell = (id: DifferenceId, from: string, to: string, { actor, now, reason, traceId }: Act) => sql`
        INSERT INTO treasury.difference_history (difference_id, from_status, to_status, actor, reason, trace_id, at)
        VALUES (${id}, ${from}, ${to}, ${actor}, ${reason}, ${traceId}, ${now})`

      return DifferenceRepo.of({
        details: Effect.fnUntraced(
          function* (id) {
            const difference = yield* find(id)
            if (Option.isNone(difference)) return Option.none()
            const made = yield* corrections(id)
            return Option.some(
              new DifferenceDetails({
                difference: difference.value,
                proposal: proposalOf(difference.value, made),
                corrections: made,
                history: yield* history(id)
              })
            )
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        lock: (id) => lock(id).pipe(Effect.catchTag("SchemaError", Effect.die)),
        drafted: (id) =>
          corrections(id).pipe(
            Effect.map((all) => Option.fromUndefinedOr(all.find(({ status }) => status === "drafted"))),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        move: Effect.fnUntraced(function* ({ id, status }, to, act, resolution) {
          yield* sql`
            UPDATE treasury.differences SET status = ${to}, resolution = ${resolution}, updated_at = ${act.now}
            WHERE id = ${id}`
          yield* tell(id, status, to, act)
        }),
        note: Effect.fnUntraced(function* ({ id, status }, assignee, note, act) {
          yield* sql`
            UPDATE treasury.differences SET assignee = ${assignee}, note = ${note}, updated_at = ${act.now}
            WHERE id = ${id}`
          yield* tell(id, status, status, act)
        }),
        hasCorrection: (id, of) =>
          Effect.map(
            sql`SELECT FROM treasury.corrections WHERE id = ${id} AND difference_id = ${of}`,
            ({ length }) => length > 0
          ),
        addCorrection: (id, of, legs, { actor, now, reason }) => sql`
          INSERT INTO treasury.corrections (id, difference_id, legs, reason, status, drafted_by, drafted_at)
          VALUES (${id}, ${of}, ${legsJson(legs)}::jsonb, ${reason}, 'drafted', ${actor}, ${now})`,
        decide: (id, status, { actor, now, reason }) => sql`
          UPDATE treasury.corrections
          SET status = ${status}, decided_by = ${actor}, decided_at = ${now}, decision = ${reason}
          WHERE id = ${id}`
      })
    })
  )
}
