import { AttemptId } from "@mall/domain/payments/Payment"
import { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { inquirySeconds } from "./inquirySchedule.ts"
import { IntentRow } from "./PaymentRecord.ts"

const Claim = Schema.Struct({ now: Schema.Date, limit: Schema.Int })
/** `canceledBy`: who had said that it is to be canceled by now, where its time is not up anyway. */
const Expired = Schema.Struct({ id: PaymentId, canceledBy: Schema.NullOr(Schema.String) })
const CancelSchedule = Schema.Struct({
  id: PaymentId,
  at: Schema.NullOr(Schema.Date),
  by: Schema.String,
  why: Schema.NullOr(Schema.String),
  now: Schema.Date,
  traceId: Schema.NullOr(Schema.String)
})

interface Due<Id> {
  readonly id: Id
  readonly paymentId: PaymentId
}

/** When a channel is asked again, and when a payment is closed: each claim takes what is due and says when it is next. */
export class PaymentSchedule extends Context.Service<
  PaymentSchedule,
  {
    /** Attempts that the channel has to be asked about, each scheduled for its next question at once. */
    claimAttempts(now: Date, limit: number): Effect.Effect<ReadonlyArray<Due<AttemptId>>, SqlError>
    claimRefunds(now: Date, limit: number): Effect.Effect<ReadonlyArray<Due<RefundId>>, SqlError>
    /** Payments past their time that are not over, each left alone for a minute. */
    claimExpired(now: Date, limit: number): Effect.Effect<ReadonlyArray<typeof Expired.Type>, SqlError>
    /** Says when a payment is to be canceled, null for never. None where it is over, or money was taken. */
    scheduleCancel(request: typeof CancelSchedule.Type): Effect.Effect<Option.Option<IntentRow>, SqlError>
  }
>()("@mall/payments/store/PaymentSchedule") {
  static readonly layer = Layer.effect(
    PaymentSchedule,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      // The schedule is in the statement, so that a claim is one round trip and a crash after it loses no question.
      const nextQuery = (now: Date) =>
        sql`${now}::timestamptz + make_interval(secs =>
          (${inquirySeconds}::int[])[least(t.queries + 2, ${inquirySeconds.length}::int)])`
      const claimUnanswered = <Id extends AttemptId | RefundId>(
        id: Schema.Codec<Id, string>,
        table: Fragment,
        openStatuses: Fragment
      ) => {
        const claim = SqlSchema.findAll({
          Request: Claim,
          Result: Schema.Struct({ id, paymentId: PaymentId }),
          execute: ({ limit, now }) => sql`
            UPDATE ${table} AS t SET queries = t.queries + 1, next_query_at = ${nextQuery(now)}
            WHERE t.id IN (
              SELECT d.id FROM ${table} AS d
              WHERE d.next_query_at <= ${now} AND d.status IN (${openStatuses})
              ORDER BY d.next_query_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
            RETURNING t.id, t.payment_id`
        })
        return (now: Date, limit: number) => Effect.catchTag(claim({ now, limit }), "SchemaError", Effect.die)
      }

      const claimExpired = SqlSchema.findAll({
        Request: Claim,
        Result: Expired,
        execute: ({ limit, now }) => sql`
          UPDATE payments.intents AS t SET next_close_at = ${now}::timestamptz + interval '1 minute'
          WHERE t.id IN (
            SELECT d.id FROM payments.intents AS d
            WHERE d.next_close_at <= ${now} AND d.status IN ('pending', 'processing', 'failed')
            ORDER BY d.next_close_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
          RETURNING t.id, CASE WHEN t.cancel_at <= ${now} AND t.expires_at > ${now} THEN t.cancel_by END AS canceled_by`
      })

      const scheduleCancel = SqlSchema.findAll({
        Request: CancelSchedule,
        Result: IntentRow,
        execute: ({ at, by, id, now, traceId, why }) => sql`
          WITH said AS (
            UPDATE payments.intents AS t
            SET cancel_at = ${at}::timestamptz, cancel_by = ${at === null ? null : by}::text,
              next_close_at = least(t.expires_at, ${at}::timestamptz), updated_at = ${now}
            WHERE t.id = ${id} AND t.status IN ('pending', 'processing', 'failed') AND t.captured = 0
            RETURNING t.*
          ), noted AS (
            INSERT INTO payments.history (payment_id, subject, subject_id, from_status, to_status, actor, reason, trace_id, at)
            SELECT id, 'payment', id, status, status, ${by},
              coalesce('to be canceled at ' || to_char(${at}::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                'not to be canceled by itself') || coalesce(': ' || ${why}::text, ''),
              ${traceId}::text, ${now}::timestamptz
            FROM said
          )
          SELECT * FROM said`
      })

      return PaymentSchedule.of({
        claimAttempts: claimUnanswered(AttemptId, sql`payments.attempts`, sql`'created', 'processing', 'unknown'`),
        claimRefunds: claimUnanswered(RefundId, sql`payments.refunds`, sql`'pending', 'processing', 'unknown'`),
        claimExpired: (now, limit) => Effect.catchTag(claimExpired({ now, limit }), "SchemaError", Effect.die),
        scheduleCancel: (request) =>
          scheduleCancel(request).pipe(
            Effect.map(([row]) => Option.fromUndefinedOr(row)),
            Effect.catchTag("SchemaError", Effect.die)
          )
      })
    })
  )
}
