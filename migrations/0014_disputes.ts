import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // A dispute of a payment that is not ours is kept too, without its payment: somebody has to look at it.
  yield* sql`
    CREATE TABLE payments.disputes (
      id uuid CONSTRAINT disputes_pkey PRIMARY KEY,
      channel text NOT NULL,
      channel_reference text NOT NULL,
      payment_reference text NOT NULL,
      payment_id uuid,
      merchant_id uuid,
      status text NOT NULL,
      amount bigint NOT NULL,
      currency text NOT NULL,
      reason text NOT NULL,
      evidence_due_at timestamptz,
      withdrawn bigint,
      fees bigint,
      balance_currency text,
      told_at timestamptz NOT NULL,
      version int NOT NULL,
      accepted_by text,
      next_sync_at timestamptz,
      warned_of timestamptz,
      opened_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT disputes_channel_reference_key UNIQUE (channel, channel_reference),
      CONSTRAINT disputes_amount_not_negative CHECK (amount >= 0),
      CONSTRAINT disputes_balance_whole CHECK
        ((withdrawn IS NULL) = (balance_currency IS NULL) AND (fees IS NULL) = (balance_currency IS NULL)),
      CONSTRAINT disputes_status_known CHECK (status IN
        ('warning_needs_response', 'warning_under_review', 'warning_closed', 'needs_response', 'under_review', 'won', 'lost',
         'accepted', 'prevented'))
    )
  `
  yield* sql`CREATE INDEX disputes_payment_idx ON payments.disputes (payment_id) WHERE payment_id IS NOT NULL`
  yield* sql`CREATE INDEX disputes_merchant_idx ON payments.disputes (merchant_id, id DESC) WHERE merchant_id IS NOT NULL`
  yield* sql`CREATE INDEX disputes_status_idx ON payments.disputes (status, id DESC)`
  yield* sql`CREATE INDEX disputes_sync_idx ON payments.disputes (next_sync_at) WHERE next_sync_at IS NOT NULL`
  yield* sql`
    CREATE INDEX disputes_due_idx ON payments.disputes (evidence_due_at)
    WHERE status IN ('warning_needs_response', 'needs_response')
  `

  yield* sql`
    CREATE TABLE payments.dispute_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT dispute_history_pkey PRIMARY KEY,
      dispute_id uuid NOT NULL CONSTRAINT dispute_history_dispute_fkey REFERENCES payments.disputes (id),
      from_status text,
      to_status text NOT NULL,
      amount bigint NOT NULL,
      currency text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX dispute_history_dispute_idx ON payments.dispute_history (dispute_id, id)`

  // One piece of each kind; a file lies in the evidence store under its digest.
  yield* sql`
    CREATE TABLE payments.dispute_evidence (
      id uuid CONSTRAINT dispute_evidence_pkey PRIMARY KEY,
      dispute_id uuid NOT NULL CONSTRAINT dispute_evidence_dispute_fkey REFERENCES payments.disputes (id),
      kind text NOT NULL,
      text text,
      file_type text,
      sha256 text,
      size int NOT NULL,
      channel_file text,
      added_by text NOT NULL,
      created_at timestamptz NOT NULL,
      submitted_at timestamptz,
      CONSTRAINT dispute_evidence_kind_key UNIQUE (dispute_id, kind),
      CONSTRAINT dispute_evidence_text_or_file CHECK
        ((text IS NULL) <> (sha256 IS NULL) AND (file_type IS NULL) = (sha256 IS NULL))
    )
  `
})
