import { MerchantId } from "@mall/domain/merchants/Merchant"
import { AttemptId } from "@mall/domain/payments/Payment"
import { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { gatherReads } from "@mall/platform/gatherReads"
import { beside } from "@mall/platform/planning"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { readsOf } from "@mall/platform/Tenancy"
import type { Tenant } from "@mall/platform/Tenancy"
import { Array, Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { makeCreationStatement } from "./creationStatement.ts"
import type { NewPayment } from "./creationStatement.ts"
import type { PaymentDraft } from "./PaymentDraft.ts"
import { HistoryRow, IntentRow, RefundRow } from "./PaymentRecord.ts"
import type { AttemptRow, PaymentRecord } from "./PaymentRecord.ts"
import { rowsJson } from "./rowsJson.ts"
import { openAttempt, sealAttempt, SealedAttempt, StoredAttempt } from "./sealedPayers.ts"

const attemptsJson = rowsJson(SealedAttempt)
const refundsJson = rowsJson(RefundRow)
const historyJson = rowsJson(HistoryRow)

const { captured, held, id, paidAt, refunded, status } = IntentRow.fields
const changedIntentsJson = rowsJson(
  Schema.Struct({ id, status, captured, refunded, held, paidAt, updatedAt: Schema.Date })
)

const Cancellation = Schema.Struct({
  id: PaymentId,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String)
})
const Canceled = Schema.Struct({
  id: PaymentId,
  merchantId: Schema.NullOr(MerchantId),
  reference: Schema.String,
  reason: Schema.String
})
const cancellationsJson = rowsJson(Cancellation)

/** The tables of payments. Everything that writes a payment, its attempts or its refunds holds the lock of its intent. */
export class PaymentRepo extends Context.Service<
  PaymentRepo,
  {
    /** In one statement, each with all that begins with it. An id that exists is left alone; answers with those that were new. */
    insert(payments: ReadonlyArray<NewPayment>): Effect.Effect<Set<PaymentId>, SqlError>
    /**
     * Cancels those that nobody ever confirmed, in one statement; answers with them. The others are left alone: they need a
     * question to their channel.
     */
    cancelPending(
      rows: ReadonlyArray<typeof Cancellation.Type>,
      now: Date
    ): Effect.Effect<ReadonlyArray<typeof Canceled.Type>, SqlError>
    findAll(ids: ReadonlyArray<PaymentId>): Effect.Effect<ReadonlyArray<IntentRow>, SqlError>
    /** Waits for the locks of these intents, taken in ascending order; needs a transaction. */
    lock(ids: ReadonlyArray<PaymentId>): Effect.Effect<ReadonlyMap<PaymentId, PaymentRecord>, SqlError>
    /** With a tenant, a payment that is not theirs is none. Within a transaction it is as the transaction sees it. */
    read(id: PaymentId, tenant?: Tenant): Effect.Effect<Option.Option<PaymentRecord>, SqlError>
    /** Writes what was decided, in one statement. Each draft is of another payment, whose lock is held. */
    save(drafts: ReadonlyArray<PaymentDraft>): Effect.Effect<void, SqlError>
    paymentsOfAttempts(ids: ReadonlyArray<AttemptId>): Effect.Effect<ReadonlyMap<AttemptId, PaymentId>, SqlError>
    paymentsOfRefunds(ids: ReadonlyArray<RefundId>): Effect.Effect<ReadonlyMap<RefundId, PaymentId>, SqlError>
  }
>()("@mall/payments/store/PaymentRepo") {
  static readonly layer = Layer.effect(
    PaymentRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* PersonalDataKeys
      const insertAll = yield* makeCreationStatement
      const open = openAttempt(keys)
      const seal = (row: AttemptRow) => sealAttempt(keys, row)

      const cancelAll = SqlSchema.findAll({
        Request: Schema.Struct({ rows: Schema.String, now: Schema.Date }),
        Result: Canceled,
        execute: ({ now, rows }) => sql`
          WITH input AS (
            SELECT * FROM jsonb_to_recordset(${rows}::jsonb) AS r(id uuid, actor text, reason text, "traceId" text)
          ), locked AS (
            SELECT i.id FROM payments.intents AS i JOIN input ON input.id = i.id
            WHERE ${beside(sql, "i.status")} = 'pending' ORDER BY i.id FOR UPDATE OF i
          ), canceled AS (
            UPDATE payments.intents AS i SET status = 'canceled', version = i.version + 1, updated_at = ${now}
            FROM locked WHERE i.id = locked.id
            RETURNING i.id, i.merchant_id, i.reference
          ), noted AS (
            INSERT INTO payments.history (payment_id, subject, subject_id, from_status, to_status, actor, reason, trace_id, at)
            SELECT canceled.id, 'payment', canceled.id, 'pending', 'canceled', input.actor, input.reason, input."traceId",
              ${now}::timestamptz
            FROM canceled JOIN input ON input.id = canceled.id
          )
          SELECT canceled.id, canceled.merchant_id, canceled.reference, input.reason FROM canceled JOIN input ON input.id = canceled.id`
      })

      const selectAll = SqlSchema.findAll({
        Request: Schema.Array(PaymentId),
        Result: IntentRow,
        execute: (ids) => sql`SELECT * FROM payments.intents WHERE id = ANY(${ids}::uuid[])`
      })
      const selectForUpdate = SqlSchema.findAll({
        Request: Schema.Array(PaymentId),
        Result: IntentRow,
        execute: (ids) => sql`
          SELECT i.* FROM payments.intents AS i WHERE i.id = ANY(${ids}::uuid[]) ORDER BY i.id FOR UPDATE`
      })
      const selectAttempts = SqlSchema.findAll({
        Request: Schema.Array(PaymentId),
        Result: StoredAttempt,
        execute: (ids) =>
          sql`SELECT a.* FROM payments.attempts AS a WHERE a.payment_id = ANY(${ids}::uuid[]) ORDER BY a.id`
      })
      const selectRefunds = SqlSchema.findAll({
        Request: Schema.Array(PaymentId),
        Result: RefundRow,
        execute: (ids) =>
          sql`SELECT r.* FROM payments.refunds AS r WHERE r.payment_id = ANY(${ids}::uuid[]) ORDER BY r.id`
      })
      const paymentsOf = <Id extends AttemptId | RefundId>(id: Schema.Codec<Id, string>, table: Fragment) => {
        const select = SqlSchema.findAll({
          Request: Schema.Array(id),
          Result: Schema.Struct({ id, paymentId: PaymentId }),
          execute: (ids) => sql`SELECT id, payment_id FROM ${table} WHERE id = ANY(${ids}::uuid[])`
        })
        return Effect.fnUntraced(
          function* (ids: ReadonlyArray<Id>) {
            const rows = ids.length === 0 ? [] : yield* select(ids)
            return new Map(rows.map(({ id, paymentId }) => [id, paymentId]))
          },
          Effect.catchTag("SchemaError", Effect.die)
        )
      }

      // The rows of `attempts` come in the order of their ids, so that the former try is closed before the next one opens. The
      // refund of another payment is never written over: its payment would be none, which the table refuses.
      const save = Effect.fnUntraced(function* (drafts: ReadonlyArray<PaymentDraft>) {
        if (drafts.length === 0) return
        yield* sql`
          WITH attempts AS (
            INSERT INTO payments.attempts AS a (id, payment_id, channel, method, amount, currency, status,
              channel_reference, action, payer, personal_data, personal_data_key,
              credential_id, decision, error_code, received, queries, next_query_at, created_at, updated_at)
            SELECT id, "paymentId", channel, method, amount, currency, status, "channelReference", action, payer,
              "personalData", "personalDataKey", "credentialId", decision, "errorCode", received,
              queries, "nextQueryAt", "createdAt", "updatedAt"
            FROM jsonb_to_recordset(${attemptsJson(drafts.flatMap((draft) => draft.rowsOfAttempts().map(seal)))}::jsonb) AS r(id uuid, "paymentId" uuid,
              channel text, method text, amount bigint, currency text, status text, "channelReference" text, action jsonb, payer jsonb,
              "personalData" bytea, "personalDataKey" text, "credentialId" uuid, decision jsonb,
              "errorCode" text, received bigint, queries int, "nextQueryAt" timestamptz, "createdAt" timestamptz, "updatedAt" timestamptz)
            ORDER BY r.id
            ON CONFLICT (id) DO UPDATE SET status = excluded.status, channel_reference = excluded.channel_reference,
              action = excluded.action, error_code = excluded.error_code, received = excluded.received,
              next_query_at = excluded.next_query_at, updated_at = excluded.updated_at
          ), refunds AS (
            INSERT INTO payments.refunds AS f (id, payment_id, attempt_id, amount, currency, surplus, reason, status,
              channel_reference, error_code, queries, next_query_at, created_at, updated_at)
            SELECT id, "paymentId", "attemptId", amount, currency, surplus, reason, status, "channelReference",
              "errorCode", queries, "nextQueryAt", "createdAt", "updatedAt"
            FROM jsonb_to_recordset(${refundsJson(drafts.flatMap((draft) => draft.rowsOfRefunds()))}::jsonb) AS r(id uuid, "paymentId" uuid,
              "attemptId" uuid, amount bigint, currency text, surplus boolean, reason text, status text,
              "channelReference" text, "errorCode" text, queries int, "nextQueryAt" timestamptz,
              "createdAt" timestamptz, "updatedAt" timestamptz)
            ON CONFLICT (id) DO UPDATE SET payment_id = CASE f.payment_id WHEN excluded.payment_id THEN f.payment_id END,
              status = excluded.status, channel_reference = excluded.channel_reference,
              error_code = excluded.error_code, next_query_at = excluded.next_query_at, updated_at = excluded.updated_at
          ), noted AS (
            INSERT INTO payments.history (payment_id, subject, subject_id, from_status, to_status, actor, reason, trace_id, at)
            SELECT "paymentId", subject, "subjectId", "fromStatus", "toStatus", actor, reason, "traceId", at
            FROM jsonb_to_recordset(${historyJson(drafts.flatMap((draft) => draft.history))}::jsonb) AS h("paymentId" uuid, subject text,
              "subjectId" uuid, "fromStatus" text, "toStatus" text, actor text, reason text, "traceId" text, at timestamptz)
          )
          UPDATE payments.intents AS i SET status = n.status, captured = n.captured, refunded = n.refunded, held = n.held,
            paid_at = n."paidAt", version = i.version + 1, updated_at = n."updatedAt"
          FROM jsonb_to_recordset(${changedIntentsJson(
            drafts.map(({ context, intent }) => ({ ...intent, updatedAt: context.now }))
          )}::jsonb) AS n(id uuid, status text, captured bigint, refunded bigint, held bigint, "paidAt" timestamptz,
            "updatedAt" timestamptz)
          WHERE i.id = n.id`
      })

      const withChildren = Effect.fnUntraced(function* (intents: ReadonlyArray<IntentRow>) {
        // A pending payment was never tried, and of one that never captured there is nothing to refund.
        const tried = intents.filter(({ status }) => status !== "pending").map(({ id }) => id)
        const captured = intents.filter((intent) => intent.captured > 0).map(({ id }) => id)
        const attemptRows = tried.length === 0 ? [] : yield* Effect.forEach(yield* selectAttempts(tried), open)
        const refundRows = captured.length === 0 ? [] : yield* selectRefunds(captured)
        const attempts = Array.groupBy(attemptRows, ({ paymentId }) => paymentId)
        const refunds = Array.groupBy(refundRows, ({ paymentId }) => paymentId)
        return new Map(
          intents.map((intent): [PaymentId, PaymentRecord] => [
            intent.id,
            { intent, attempts: attempts[intent.id] ?? [], refunds: refunds[intent.id] ?? [] }
          ])
        )
      })

      const readAll = (ids: ReadonlyArray<PaymentId>, tenant: Tenant | undefined) =>
        selectAll(ids).pipe(
          Effect.flatMap(withChildren),
          readsOf(sql, "mall_pay_tenant", tenant),
          Effect.catchTag("SchemaError", Effect.die)
        )
      const gatherAll = gatherReads(sql, readAll)

      return PaymentRepo.of({
        insert: insertAll,
        cancelPending: (rows, now) =>
          Effect.catchTag(cancelAll({ rows: cancellationsJson(rows), now }), "SchemaError", Effect.die),
        findAll: (ids) => Effect.catchTag(selectAll(ids), "SchemaError", Effect.die),
        lock: (ids) =>
          selectForUpdate(ids).pipe(Effect.flatMap(withChildren), Effect.catchTag("SchemaError", Effect.die)),
        read: (id, tenant) =>
          Effect.serviceOption(sql.transactionService).pipe(
            Effect.flatMap((transaction) => (Option.isSome(transaction) ? readAll : gatherAll)([id], tenant)),
            Effect.map((records) => Option.fromUndefinedOr(records.get(id)))
          ),
        save,
        paymentsOfAttempts: paymentsOf(AttemptId, sql`payments.attempts`),
        paymentsOfRefunds: paymentsOf(RefundId, sql`payments.refunds`)
      })
    })
  ).pipe(Layer.provide(PersonalDataKeys.layer))
}
