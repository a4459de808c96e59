import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import type { DisputeId } from "@mall/domain/payments/Dispute"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { DisputeHistoryRow } from "./DisputeRecord.ts"
import { DisputeRow } from "./DisputeRecord.ts"

const Claim = Schema.Struct({ now: Schema.Date, until: Schema.Date, limit: Schema.Int })
const Key = Schema.Struct({ channel: Schema.String, reference: Schema.String })
const Due = Schema.Struct({ ...DisputeRow.fields, evidence: Schema.Int })

/** The payment that a number of a channel stands for, and what is known of its money. */
const DisputedPayment = Schema.Struct({
  paymentId: PaymentId,
  merchantId: Schema.NullOr(MerchantId),
  captured: MinorUnits,
  refunded: MinorUnits,
  currency: Currency
})
export type DisputedPayment = typeof DisputedPayment.Type

const first = <A>([row]: ReadonlyArray<A>) => Option.fromUndefinedOr(row)

/** The rows of disputes and of their history. */
export class DisputeRepo extends Context.Service<
  DisputeRepo,
  {
    /** False where the channel's dispute has a row already, which is then committed. */
    insert(row: DisputeRow): Effect.Effect<boolean, SqlError>
    update(row: DisputeRow): Effect.Effect<void, SqlError>
    note(id: DisputeId, row: DisputeHistoryRow): Effect.Effect<void, SqlError>
    /** Waits for the lock of the row; needs a transaction. */
    lock(id: DisputeId): Effect.Effect<Option.Option<DisputeRow>, SqlError>
    lockOf(channel: string, reference: string): Effect.Effect<Option.Option<DisputeRow>, SqlError>
    find(id: DisputeId): Effect.Effect<Option.Option<DisputeRow>, SqlError>
    findOf(channel: string, reference: string): Effect.Effect<Option.Option<DisputeRow>, SqlError>
    /** By the number of a try through the platform's account: of one through an account of their own, its merchant may say any. */
    paymentOf(channel: string, paymentReference: string): Effect.Effect<Option.Option<DisputedPayment>, SqlError>
    payment(id: PaymentId): Effect.Effect<Option.Option<DisputedPayment>, SqlError>
    /** Disputes that the channel has to be asked about, each left alone until `until`. */
    claimSync(now: Date, until: Date, limit: number): Effect.Effect<ReadonlyArray<DisputeRow>, SqlError>
    askAt(id: DisputeId, at: Date): Effect.Effect<void, SqlError>
    /** Disputes whose bank listens until some time before `until`, and that nobody was told of since that was so. */
    claimDue(now: Date, until: Date, limit: number): Effect.Effect<ReadonlyArray<typeof Due.Type>, SqlError>
  }
>()("@mall/payments/disputes/DisputeRepo") {
  static readonly layer = Layer.effect(
    DisputeRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const select = <Fields extends Schema.Codec<unknown, unknown>>(
        Request: Fields,
        execute: Parameters<typeof SqlSchema.findAll<Fields, typeof DisputeRow, SqlError, never>>[0]["execute"]
      ) => SqlSchema.findAll({ Request, Result: DisputeRow, execute })

      const lock = select(
        Schema.String,
        (id) => sql`SELECT d.* FROM payments.disputes AS d WHERE d.id = ${id} FOR UPDATE`
      )
      const find = select(Schema.String, (id) => sql`SELECT d.* FROM payments.disputes AS d WHERE d.id = ${id}`)
      const lockOf = select(
        Key,
        ({ channel, reference }) => sql`
          SELECT d.* FROM payments.disputes AS d
          WHERE d.channel = ${channel} AND d.channel_reference = ${reference} FOR UPDATE`
      )
      const findOf = select(
        Key,
        ({ channel, reference }) => sql`
          SELECT d.* FROM payments.disputes AS d WHERE d.channel = ${channel} AND d.channel_reference = ${reference}`
      )
      const claimSync = select(
        Claim,
        ({ limit, now, until }) => sql`
          UPDATE payments.disputes AS t SET next_sync_at = ${until}
          WHERE t.id IN (
            SELECT d.id FROM payments.disputes AS d WHERE d.next_sync_at <= ${now}
            ORDER BY d.next_sync_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
          RETURNING t.*`
      )
      const claimDue = SqlSchema.findAll({
        Request: Claim,
        Result: Due,
        execute: ({ limit, now, until }) => sql`
          UPDATE payments.disputes AS t SET warned_of = t.evidence_due_at
          WHERE t.id IN (
            SELECT d.id FROM payments.disputes AS d
            WHERE d.status IN ('warning_needs_response', 'needs_response')
              AND d.evidence_due_at > ${now} AND d.evidence_due_at <= ${until}
              AND d.warned_of IS DISTINCT FROM d.evidence_due_at
            ORDER BY d.evidence_due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
          RETURNING t.*, (SELECT count(*) FROM payments.dispute_evidence AS e WHERE e.dispute_id = t.id) AS evidence`
      })
      const money = sql`i.id AS payment_id, i.merchant_id, i.captured, i.refunded, i.currency`
      const selectPaymentOf = SqlSchema.findAll({
        Request: Key,
        Result: DisputedPayment,
        execute: ({ channel, reference }) => sql`
          SELECT ${money} FROM payments.attempts AS a JOIN payments.intents AS i ON i.id = a.payment_id
          WHERE a.channel = ${channel} AND a.channel_reference = ${reference} AND a.credential_id IS NULL`
      })
      const selectPayment = SqlSchema.findAll({
        Request: Schema.String,
        Result: DisputedPayment,
        execute: (id) => sql`SELECT ${money} FROM payments.intents AS i WHERE i.id = ${id}`
      })

      // A row that fails to decode is a defect.
      const rows = <A>(effect: Effect.Effect<A, SqlError | Schema.SchemaError>) =>
        Effect.catchTag(effect, "SchemaError", Effect.die)
      const one = <A>(effect: Effect.Effect<ReadonlyArray<A>, SqlError | Schema.SchemaError>) =>
        Effect.map(rows(effect), first)

      return DisputeRepo.of({
        insert: (row) =>
          Effect.map(
            sql`
              INSERT INTO payments.disputes (id, channel, channel_reference, payment_reference, payment_id, merchant_id,
                status, amount, currency, reason, evidence_due_at, withdrawn, fees, balance_currency, told_at, version,
                accepted_by, next_sync_at, opened_at, created_at, updated_at)
              VALUES (${row.id}, ${row.channel}, ${row.channelReference}, ${row.paymentReference}, ${row.paymentId},
                ${row.merchantId}, ${row.status}, ${row.amount}, ${row.currency}, ${row.reason}, ${row.evidenceDueAt},
                ${row.withdrawn}, ${row.fees}, ${row.balanceCurrency}, ${row.toldAt}, ${row.version}, ${row.acceptedBy},
                ${row.nextSyncAt}, ${row.openedAt}, ${row.createdAt}, ${row.updatedAt})
              ON CONFLICT (channel, channel_reference) DO NOTHING RETURNING id`,
            (inserted) => inserted.length > 0
          ),
        update: (row) =>
          Effect.asVoid(sql`
            UPDATE payments.disputes SET payment_id = ${row.paymentId}, merchant_id = ${row.merchantId},
              status = ${row.status}, amount = ${row.amount}, reason = ${row.reason},
              evidence_due_at = ${row.evidenceDueAt}, withdrawn = ${row.withdrawn}, fees = ${row.fees},
              balance_currency = ${row.balanceCurrency}, told_at = ${row.toldAt}, version = ${row.version},
              accepted_by = ${row.acceptedBy}, next_sync_at = ${row.nextSyncAt}, updated_at = ${row.updatedAt}
            WHERE id = ${row.id}`),
        note: (id, row) =>
          Effect.asVoid(sql`
            INSERT INTO payments.dispute_history
              (dispute_id, from_status, to_status, amount, currency, actor, reason, trace_id, at)
            VALUES (${id}, ${row.fromStatus}, ${row.toStatus}, ${row.amount}, ${row.currency}, ${row.actor},
              ${row.reason}, ${row.traceId}, ${row.at})`),
        lock: (id) => one(lock(id)),
        lockOf: (channel, reference) => one(lockOf({ channel, reference })),
        find: (id) => one(find(id)),
        findOf: (channel, reference) => one(findOf({ channel, reference })),
        paymentOf: (channel, reference) => one(selectPaymentOf({ channel, reference })),
        payment: (id) => one(selectPayment(id)),
        claimSync: (now, until, limit) => rows(claimSync({ now, until, limit })),
        askAt: (id, at) => Effect.asVoid(sql`UPDATE payments.disputes SET next_sync_at = ${at} WHERE id = ${id}`),
        claimDue: (now, until, limit) => rows(claimDue({ now, until, limit }))
      })
    })
  )
}
