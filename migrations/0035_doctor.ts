import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What is always true, and what was found not to be: violations with their history, and accounts that are frozen. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`ALTER TABLE ledger.accounts ADD COLUMN frozen_at timestamptz`
  yield* sql`ALTER TABLE ledger.balances ADD COLUMN is_frozen boolean NOT NULL DEFAULT false`
  yield* sql`
    CREATE TABLE ledger.account_freezes (
      id uuid CONSTRAINT account_freezes_pkey PRIMARY KEY,
      account_id uuid NOT NULL CONSTRAINT account_freezes_account_fkey REFERENCES ledger.accounts (id),
      frozen_at timestamptz NOT NULL,
      frozen_by text NOT NULL,
      reason text NOT NULL,
      violation uuid,
      trace_id text,
      thawed_at timestamptz,
      thawed_by text,
      thaw_reason text,
      CONSTRAINT account_freezes_violation_key UNIQUE (account_id, violation),
      CONSTRAINT account_freezes_thaw_whole CHECK
        ((thawed_at IS NULL) = (thawed_by IS NULL) AND (thawed_at IS NULL) = (thaw_reason IS NULL))
    )`
  yield* sql`REVOKE DELETE ON ledger.account_freezes FROM mall_pay`

  yield* sql`
    CREATE TABLE platform.doctor_violations (
      id uuid CONSTRAINT doctor_violations_pkey PRIMARY KEY,
      "check" text NOT NULL,
      severity text NOT NULL,
      subject_type text NOT NULL,
      subject_id text NOT NULL,
      summary text NOT NULL,
      expected text,
      found text,
      accounts text[] NOT NULL,
      related jsonb NOT NULL,
      frozen text[] NOT NULL DEFAULT '{}',
      first_seen_at timestamptz NOT NULL,
      last_seen_at timestamptz NOT NULL,
      resolved_at timestamptz,
      acknowledged_at timestamptz,
      acknowledged_by text,
      acknowledge_reason text,
      trace_id text,
      CONSTRAINT doctor_violations_severity_known CHECK (severity IN ('P0', 'P1', 'P2'))
    )`
  yield* sql`
    CREATE UNIQUE INDEX doctor_violations_open_key ON platform.doctor_violations ("check", subject_type, subject_id)
    WHERE resolved_at IS NULL`
  yield* sql`
    CREATE TABLE platform.doctor_violation_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT doctor_violation_history_pkey PRIMARY KEY,
      violation_id uuid NOT NULL
        CONSTRAINT doctor_violation_history_violation_fkey REFERENCES platform.doctor_violations (id),
      change text NOT NULL,
      actor text NOT NULL,
      detail text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT doctor_violation_history_change_known CHECK
        (change IN ('found', 'changed', 'frozen', 'acknowledged', 'resolved'))
    )`
  yield* sql`
    CREATE INDEX doctor_violation_history_violation_idx ON platform.doctor_violation_history (violation_id, id)`
  yield* sql`REVOKE UPDATE, DELETE ON platform.doctor_violation_history FROM mall_store, mall_pay`

  // One row per check, of its latest run anywhere. What changed before `covered_until` was looked at.
  yield* sql`
    CREATE TABLE platform.doctor_runs (
      "check" text CONSTRAINT doctor_runs_pkey PRIMARY KEY,
      is_full boolean NOT NULL,
      started_at timestamptz NOT NULL,
      finished_at timestamptz NOT NULL,
      looked bigint NOT NULL,
      found bigint NOT NULL,
      failure text,
      covered_until timestamptz,
      last_full_at timestamptz
    )`

  // Alerts of one kind about several things.
  yield* sql`ALTER TABLE platform.alerts ADD COLUMN subject text NOT NULL DEFAULT ''`
  yield* sql`DROP INDEX platform.alerts_open_kind_key`
  yield* sql`CREATE UNIQUE INDEX alerts_open_key ON platform.alerts (kind, subject) WHERE resolved_at IS NULL`

  yield* sql`CREATE INDEX transfers_pending_idx ON ledger.transfers (id) WHERE type = 'pending'`
  yield* sql`CREATE INDEX intents_updated_idx ON payments.intents (updated_at)`
  yield* sql`CREATE INDEX stock_movements_at_idx ON trade.stock_movements (at)`
})
