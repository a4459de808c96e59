import type { SubjectEvent } from "@mall/domain/operations/Doctor"
import type { EventSource } from "@mall/platform/doctor/Checks"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Row = Schema.Struct({
  at: Schema.Date,
  source: Schema.String,
  what: Schema.String,
  actor: Schema.NullOr(Schema.String),
  traceId: Schema.NullOr(Schema.String)
})

/** Events that an explanation shows of one payment. */
const limit = 150

/** What happened to a payment: its history, what channels told and were told, and what was suspicious; and to a dispute. */
export const paymentEvents = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  const ofPayment = SqlSchema.findAll({
    Request: Schema.String,
    Result: Row,
    execute: (id) => sql`
      SELECT * FROM (
        SELECT at, 'payment history' AS source,
          subject || ' ' || subject_id || ': ' || coalesce(from_status || ' to ', '') || to_status || ', ' || reason AS what,
          actor, trace_id FROM payments.history WHERE payment_id = ${id}::uuid
        UNION ALL
        SELECT received_at, 'callback', channel || ' ' || event_type || ' ' || event_id || ': ' || status, channel, trace_id
        FROM payments.callback_inbox WHERE payment_id = ${id}::uuid
        UNION ALL
        SELECT at, 'channel log', channel || ' ' || operation || ': ' || outcome, NULL, trace_id
        FROM payments.channel_log WHERE payment_id = ${id}::uuid
        UNION ALL
        SELECT at, 'security event', kind || ' ' || coalesce(channel, ''), channel, trace_id
        FROM payments.security_events WHERE payment_id = ${id}::uuid
      ) AS event ORDER BY event.at DESC LIMIT ${limit}`
  })

  const ofDispute = SqlSchema.findAll({
    Request: Schema.String,
    Result: Row,
    execute: (id) => sql`
      SELECT at, 'dispute history' AS source, coalesce(from_status || ' to ', '') || to_status || ', ' || reason AS what,
        actor, trace_id
      FROM payments.dispute_history WHERE dispute_id = ${id}::uuid ORDER BY dispute_history.at DESC LIMIT ${limit}`
  })

  const source: EventSource = (subject) => {
    const rows =
      subject.type === "payment"
        ? ofPayment(subject.id)
        : subject.type === "dispute"
          ? ofDispute(subject.id)
          : Effect.succeed([])
    return Effect.map(rows, (found): ReadonlyArray<SubjectEvent> => found.map((row) => ({ ...row, subject })))
  }
  return source
})
