import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What was said to the channels, and what they answered: each time that a request left the house, or was kept from it. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE payments.channel_log (
      id uuid NOT NULL,
      payment_id uuid,
      attempt_id uuid NOT NULL,
      refund_id uuid,
      channel text NOT NULL,
      operation text NOT NULL,
      request jsonb,
      response jsonb,
      outcome text NOT NULL,
      duration_millis integer NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT channel_log_pkey PRIMARY KEY (id)
    )
  `
  yield* sql`CREATE INDEX channel_log_payment_idx ON payments.channel_log (payment_id, at)`
  yield* sql`CREATE INDEX channel_log_at_idx ON payments.channel_log (at)`
  // the log of a payment shows these too
  yield* sql`
    CREATE INDEX security_events_payment_idx ON payments.security_events (payment_id) WHERE payment_id IS NOT NULL`
})
