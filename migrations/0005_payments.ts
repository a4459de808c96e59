import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA payments`

  // `held` is the sum of the refunds on their way: with `refunded` it never passes what was captured.
  yield* sql`
    CREATE TABLE payments.intents (
      id uuid CONSTRAINT intents_pkey PRIMARY KEY,
      merchant_id uuid,
      payer_id uuid,
      amount bigint NOT NULL,
      currency text NOT NULL,
      captured bigint NOT NULL DEFAULT 0,
      refunded bigint NOT NULL DEFAULT 0,
      held bigint NOT NULL DEFAULT 0,
      status text NOT NULL,
      reference text NOT NULL,
      description text NOT NULL,
      channels text[],
      metadata jsonb NOT NULL,
      return_url text,
      expires_at timestamptz NOT NULL,
      next_close_at timestamptz NOT NULL,
      paid_at timestamptz,
      version int NOT NULL DEFAULT 0,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT intents_amount_positive CHECK (amount > 0),
      CONSTRAINT intents_captured_whole CHECK (captured IN (0, amount)),
      CONSTRAINT intents_refunded_within_captured CHECK (refunded >= 0 AND held >= 0 AND refunded + held <= captured),
      CONSTRAINT intents_status_known CHECK (status IN
        ('pending', 'processing', 'succeeded', 'failed', 'canceled', 'refunding', 'partially_refunded', 'refunded')),
      CONSTRAINT intents_captured_when_paid CHECK
        ((captured > 0) = (status IN ('succeeded', 'refunding', 'partially_refunded', 'refunded')))
    )
  `
  yield* sql`CREATE INDEX intents_payer_idx ON payments.intents (payer_id, id DESC) WHERE payer_id IS NOT NULL`
  yield* sql`CREATE INDEX intents_merchant_idx ON payments.intents (merchant_id, id DESC) WHERE merchant_id IS NOT NULL`
  yield* sql`CREATE INDEX intents_reference_idx ON payments.intents (reference, id DESC)`
  yield* sql`CREATE INDEX intents_status_idx ON payments.intents (status, id DESC)`
  yield* sql`
    CREATE INDEX intents_due_idx ON payments.intents (next_close_at)
    WHERE status IN ('pending', 'processing', 'failed')
  `

  yield* sql`
    CREATE TABLE payments.attempts (
      id uuid CONSTRAINT attempts_pkey PRIMARY KEY,
      payment_id uuid NOT NULL CONSTRAINT attempts_payment_fkey REFERENCES payments.intents (id),
      channel text NOT NULL,
      method text NOT NULL,
      amount bigint NOT NULL,
      currency text NOT NULL,
      status text NOT NULL,
      channel_reference text,
      action jsonb,
      error_code text,
      queries int NOT NULL DEFAULT 0,
      next_query_at timestamptz,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT attempts_amount_positive CHECK (amount > 0),
      CONSTRAINT attempts_status_known CHECK (status IN
        ('created', 'processing', 'succeeded', 'failed', 'closed', 'unknown'))
    )
  `
  yield* sql`CREATE INDEX attempts_payment_idx ON payments.attempts (payment_id)`
  yield* sql`
    CREATE UNIQUE INDEX attempts_one_open_key ON payments.attempts (payment_id)
    WHERE status IN ('created', 'processing', 'unknown')
  `
  yield* sql`
    CREATE UNIQUE INDEX attempts_channel_reference_key ON payments.attempts (channel, channel_reference)
    WHERE channel_reference IS NOT NULL
  `
  yield* sql`
    CREATE INDEX attempts_due_idx ON payments.attempts (next_query_at)
    WHERE status IN ('created', 'processing', 'unknown')
  `

  // A surplus refund gives back a second capture of the same payment, which its intent never counted.
  yield* sql`
    CREATE TABLE payments.refunds (
      id uuid CONSTRAINT refunds_pkey PRIMARY KEY,
      payment_id uuid NOT NULL CONSTRAINT refunds_payment_fkey REFERENCES payments.intents (id),
      attempt_id uuid NOT NULL CONSTRAINT refunds_attempt_fkey REFERENCES payments.attempts (id),
      amount bigint NOT NULL,
      currency text NOT NULL,
      surplus boolean NOT NULL,
      reason text NOT NULL,
      status text NOT NULL,
      channel_reference text,
      error_code text,
      queries int NOT NULL DEFAULT 0,
      next_query_at timestamptz,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT refunds_amount_positive CHECK (amount > 0),
      CONSTRAINT refunds_status_known CHECK (status IN ('pending', 'processing', 'succeeded', 'failed', 'unknown'))
    )
  `
  yield* sql`CREATE INDEX refunds_payment_idx ON payments.refunds (payment_id, id DESC)`
  yield* sql`CREATE UNIQUE INDEX refunds_one_surplus_key ON payments.refunds (attempt_id) WHERE surplus`
  yield* sql`
    CREATE INDEX refunds_due_idx ON payments.refunds (next_query_at)
    WHERE status IN ('pending', 'processing', 'unknown')
  `

  yield* sql`
    CREATE TABLE payments.history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT history_pkey PRIMARY KEY,
      payment_id uuid NOT NULL,
      subject text NOT NULL,
      subject_id uuid NOT NULL,
      from_status text,
      to_status text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT history_subject_known CHECK (subject IN ('payment', 'attempt', 'refund'))
    )
  `
  yield* sql`CREATE INDEX history_payment_idx ON payments.history (payment_id, id)`

  yield* sql`
    CREATE TABLE payments.callback_inbox (
      id uuid CONSTRAINT callback_inbox_pkey PRIMARY KEY,
      channel text NOT NULL,
      event_id text NOT NULL,
      event_type text NOT NULL,
      notice jsonb NOT NULL,
      payment_id uuid,
      status text NOT NULL,
      runs int NOT NULL DEFAULT 0,
      next_run_at timestamptz,
      outcome text,
      trace_id text,
      received_at timestamptz NOT NULL,
      processed_at timestamptz,
      CONSTRAINT callback_inbox_event_key UNIQUE (channel, event_id),
      CONSTRAINT callback_inbox_status_known CHECK (status IN ('received', 'processed', 'ignored', 'parked'))
    )
  `
  yield* sql`CREATE INDEX callback_inbox_due_idx ON payments.callback_inbox (next_run_at) WHERE status = 'received'`
  yield* sql`CREATE INDEX callback_inbox_payment_idx ON payments.callback_inbox (payment_id) WHERE payment_id IS NOT NULL`
  yield* sql`CREATE INDEX callback_inbox_status_idx ON payments.callback_inbox (status, id DESC)`

  yield* sql`
    CREATE TABLE payments.nonces (
      channel text NOT NULL,
      nonce text NOT NULL,
      seen_at timestamptz NOT NULL,
      CONSTRAINT nonces_pkey PRIMARY KEY (channel, nonce)
    )
  `
  yield* sql`CREATE INDEX nonces_seen_idx ON payments.nonces (seen_at)`

  yield* sql`
    CREATE TABLE payments.security_events (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT security_events_pkey PRIMARY KEY,
      kind text NOT NULL,
      channel text,
      payment_id uuid,
      details jsonb NOT NULL,
      trace_id text,
      at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX security_events_kind_idx ON payments.security_events (kind, id DESC)`

  yield* sql`
    CREATE TABLE payments.tickets (
      hash bytea CONSTRAINT tickets_pkey PRIMARY KEY,
      payment_id uuid NOT NULL,
      expires_at timestamptz NOT NULL,
      used_at timestamptz
    )
  `
  yield* sql`CREATE INDEX tickets_expires_idx ON payments.tickets (expires_at)`
})
