import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA treasury`

  yield* sql`
    CREATE TABLE treasury.reconciliation_runs (
      id uuid CONSTRAINT reconciliation_runs_pkey PRIMARY KEY,
      channel text NOT NULL,
      account text NOT NULL,
      day date NOT NULL,
      status text NOT NULL,
      lease_until timestamptz,
      lines bigint NOT NULL DEFAULT 0,
      records bigint NOT NULL DEFAULT 0,
      counts jsonb,
      totals jsonb NOT NULL DEFAULT '[]',
      sha256 text,
      failure text,
      actor text NOT NULL,
      trace_id text,
      started_at timestamptz NOT NULL,
      finished_at timestamptz,
      CONSTRAINT reconciliation_runs_status_known CHECK (status IN ('running', 'completed', 'failed', 'superseded')),
      CONSTRAINT reconciliation_runs_lease_while_running CHECK ((status = 'running') = (lease_until IS NOT NULL)),
      CONSTRAINT reconciliation_runs_failure_told CHECK ((status = 'failed') = (failure IS NOT NULL))
    )
  `
  // One worker at a day, and one result of it that counts.
  yield* sql`
    CREATE UNIQUE INDEX reconciliation_runs_one_running_key ON treasury.reconciliation_runs (channel, account, day)
    WHERE status = 'running'
  `
  yield* sql`
    CREATE UNIQUE INDEX reconciliation_runs_one_completed_key ON treasury.reconciliation_runs (channel, account, day)
    WHERE status = 'completed'
  `
  yield* sql`CREATE INDEX reconciliation_runs_day_idx ON treasury.reconciliation_runs (day, channel)`

  // What a run compares is gone when it ends; after a crash of the database it is fetched again. A run reads nearly all that is
  // there, so an index would only slow its writing down.
  yield* sql`
    CREATE UNLOGGED TABLE treasury.bill_lines (
      run_id uuid NOT NULL,
      line int NOT NULL,
      kind text NOT NULL,
      reference text NOT NULL,
      channel_reference text NOT NULL,
      amount bigint NOT NULL,
      fee bigint NOT NULL,
      currency text NOT NULL,
      state text NOT NULL,
      at timestamptz NOT NULL
    )
  `
  yield* sql`
    CREATE UNLOGGED TABLE treasury.compared_records (
      run_id uuid NOT NULL,
      kind text NOT NULL,
      reference text NOT NULL,
      payment_id text NOT NULL,
      amount bigint NOT NULL,
      currency text NOT NULL,
      state text NOT NULL,
      at timestamptz NOT NULL
    )
  `

  // `occurrence` is 0 but for the second and later lines of one movement in a bill.
  yield* sql`
    CREATE TABLE treasury.differences (
      id uuid CONSTRAINT differences_pkey PRIMARY KEY,
      run_id uuid NOT NULL CONSTRAINT differences_run_fkey REFERENCES treasury.reconciliation_runs (id),
      channel text NOT NULL,
      account text NOT NULL,
      day date NOT NULL,
      class text NOT NULL,
      kind text NOT NULL,
      reference text NOT NULL,
      occurrence int NOT NULL,
      channel_reference text,
      payment_id text,
      line int,
      bill_amount bigint,
      bill_currency text,
      bill_state text,
      our_amount bigint,
      our_currency text,
      our_state text,
      excess bigint,
      status text NOT NULL,
      assignee text,
      note text,
      resolution text,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT differences_movement_key UNIQUE (channel, account, day, kind, reference, occurrence),
      CONSTRAINT differences_class_known CHECK (class IN
        ('amount_differs', 'missing_here', 'missing_there', 'duplicate', 'state_differs', 'timing')),
      CONSTRAINT differences_status_known CHECK (status IN ('open', 'carried', 'drafted', 'resolved', 'superseded')),
      CONSTRAINT differences_resolution_told CHECK (status <> 'resolved' OR resolution IS NOT NULL)
    )
  `
  yield* sql`CREATE INDEX differences_reference_idx ON treasury.differences (reference) WHERE class = 'timing'`
  yield* sql`
    CREATE INDEX differences_unresolved_idx ON treasury.differences (created_at)
    WHERE status IN ('open', 'carried', 'drafted')
  `
  yield* sql`CREATE INDEX differences_run_idx ON treasury.differences (run_id)`

  yield* sql`
    CREATE TABLE treasury.difference_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT difference_history_pkey PRIMARY KEY,
      difference_id uuid NOT NULL CONSTRAINT difference_history_difference_fkey REFERENCES treasury.differences (id),
      from_status text,
      to_status text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX difference_history_difference_idx ON treasury.difference_history (difference_id, id)`

  // Whoever reaches the table in whatever way: nobody approves what they drafted.
  yield* sql`
    CREATE TABLE treasury.corrections (
      id uuid CONSTRAINT corrections_pkey PRIMARY KEY,
      difference_id uuid NOT NULL CONSTRAINT corrections_difference_fkey REFERENCES treasury.differences (id),
      legs jsonb NOT NULL,
      reason text NOT NULL,
      status text NOT NULL,
      drafted_by text NOT NULL,
      drafted_at timestamptz NOT NULL,
      decided_by text,
      decided_at timestamptz,
      decision text,
      CONSTRAINT corrections_status_known CHECK (status IN ('drafted', 'approved', 'rejected', 'superseded')),
      CONSTRAINT corrections_decided CHECK ((status = 'drafted') = (decided_by IS NULL)),
      CONSTRAINT corrections_two_persons CHECK (status <> 'approved' OR decided_by <> drafted_by)
    )
  `
  yield* sql`
    CREATE UNIQUE INDEX corrections_one_drafted_key ON treasury.corrections (difference_id) WHERE status = 'drafted'
  `
  yield* sql`CREATE INDEX corrections_difference_idx ON treasury.corrections (difference_id, id)`

  yield* sql`
    CREATE TABLE treasury.resolution_rules (
      version int CONSTRAINT resolution_rules_pkey PRIMARY KEY,
      rules jsonb NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      at timestamptz NOT NULL
    )
  `

  // By which a day's successes are read page by page.
  yield* sql`
    CREATE INDEX attempts_settled_idx ON payments.attempts (channel, updated_at, id)
    WHERE status = 'succeeded' AND credential_id IS NULL
  `
  yield* sql`CREATE INDEX refunds_settled_idx ON payments.refunds (updated_at, id) WHERE status = 'succeeded'`

  yield* sql`GRANT USAGE ON SCHEMA treasury TO mall_pay`
  yield* sql`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA treasury TO mall_pay`
  yield* sql`
    ALTER DEFAULT PRIVILEGES IN SCHEMA treasury GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mall_pay
  `
  yield* sql`REVOKE UPDATE, DELETE ON treasury.difference_history, treasury.resolution_rules FROM mall_pay`
})
