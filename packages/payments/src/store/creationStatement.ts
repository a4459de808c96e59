import type { AuditEntry } from "@mall/domain/operations/Audit"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { transactionTimeout } from "@mall/domain/payments/PaymentTopics"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import * as OutboxTable from "@mall/platform/OutboxTable"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { HistoryRow, IntentRow } from "./PaymentRecord.ts"
import { rowsJson } from "./rowsJson.ts"

const intentsJson = rowsJson(IntentRow)
const historyJson = rowsJson(HistoryRow)

/** A payment with what begins with it; `acts` are entries of the audit trail whose resource is the payment. */
export interface NewPayment {
  readonly row: IntentRow
  readonly history: HistoryRow
  readonly acts: ReadonlyArray<AuditEntry>
}

const Documents = Schema.Struct({
  intents: Schema.String,
  history: Schema.String,
  acts: Schema.String,
  timeouts: Schema.Struct({
    ids: Schema.Array(Schema.String),
    elements: Schema.Array(Schema.String),
    delays: Schema.Array(Schema.String)
  })
})

const timeoutsOf = Effect.fnUntraced(function* (rows: ReadonlyArray<IntentRow>) {
  const messages = rows.map(({ id }) => ({ paymentId: id }))
  const { elements, ids } = yield* OutboxTable.encode(transactionTimeout, messages)
  const delays = rows.map(({ createdAt, expiresAt }) =>
    String(Math.max(0, Math.ceil((+expiresAt - +createdAt) / 1000)))
  )
  return { ids, elements, delays }
})

/**
 * One statement that writes payments with their history, the messages that end them when their time is up, and what is
 * audited of them. None of their ids comes twice. One that exists already is left alone with all that is given for it; answers
 * with the others.
 */
export const makeCreationStatement = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const audit = yield* makeAuditRecorder

  const insertAll = SqlSchema.findAll({
    Request: Documents,
    Result: Schema.Struct({ id: PaymentId }),
    execute: ({ acts, history, intents, timeouts }) => sql`
      WITH input AS (
        SELECT * FROM jsonb_to_recordset(${intents}::jsonb) AS r(
          id uuid, "merchantId" uuid, "payerId" uuid, amount bigint, currency text, status text, reference text,
          description text, channels text[], metadata jsonb, "returnUrl" text, "expiresAt" timestamptz,
          "createdAt" timestamptz)
      ),
      inserted AS (
        INSERT INTO payments.intents (id, merchant_id, payer_id, amount, currency, status, reference, description,
          channels, metadata, return_url, expires_at, next_close_at, created_at, updated_at)
        SELECT id, "merchantId", "payerId", amount, currency, status, reference, description, channels, metadata,
          "returnUrl", "expiresAt", "expiresAt", "createdAt", "createdAt"
        FROM input ORDER BY input.id
        ON CONFLICT (id) DO NOTHING
        RETURNING id
      ),
      noted AS (
        INSERT INTO payments.history (payment_id, subject, subject_id, from_status, to_status, actor, reason, trace_id, at)
        SELECT h."paymentId", h.subject, h."subjectId", h."fromStatus", h."toStatus", h.actor, h.reason, h."traceId", h.at
        FROM jsonb_to_recordset(${history}::jsonb) AS h("paymentId" uuid, subject text, "subjectId" uuid,
          "fromStatus" text, "toStatus" text, actor text, reason text, "traceId" text, at timestamptz)
        JOIN inserted ON inserted.id = h."paymentId"
      ),
      published AS (${OutboxTable.insertInto(sql, {
        queues: OutboxTable.queuesOf(transactionTimeout),
        source: sql`
          SELECT given.id, given.element, given.delay_seconds FROM
            unnest(${timeouts.ids}::text[], ${timeouts.elements}::text[], ${timeouts.delays}::float8[])
              AS given (id, element, delay_seconds)
          JOIN inserted ON inserted.id = given.id::uuid`,
        delaySeconds: sql`message.delay_seconds`
      })}),
      ${audit.inserting(acts, sql`audited."resourceId" IN (SELECT id::text FROM inserted)`)}
      SELECT id FROM inserted`
  })

  return Effect.fnUntraced(
    function* (payments: ReadonlyArray<NewPayment>) {
      if (payments.length === 0) return new Set<PaymentId>()
      const rows = payments.map(({ row }) => row)
      const inserted = yield* insertAll({
        intents: intentsJson(rows),
        history: historyJson(payments.map(({ history }) => history)),
        acts: audit.encode(payments.flatMap(({ acts }) => acts)),
        timeouts: yield* timeoutsOf(rows)
      })
      return new Set(inserted.map(({ id }) => id))
    },
    Effect.catchTag("SchemaError", Effect.die)
  )
})
