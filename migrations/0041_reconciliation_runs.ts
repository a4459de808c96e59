import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Runs of the reconciliation as jobs with a history, over merchants' own accounts too, and documents found by their key. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // `claim_id` is of the worker that is at it, and of what it has staged: one that comes back after another took over finds nothing
  // of its own. `late_at` is when somebody has to know that there is no result.
  yield* sql`
    ALTER TABLE treasury.reconciliation_runs
      ADD COLUMN merchant_id uuid,
      ADD COLUMN stage text,
      ADD COLUMN matched bigint NOT NULL DEFAULT 0,
      ADD COLUMN attempt int NOT NULL DEFAULT 1,
      ADD COLUMN claim_id uuid,
      ADD COLUMN failure_kind text,
      ADD COLUMN next_attempt_at timestamptz,
      ADD COLUMN asked_at timestamptz,
      ADD COLUMN late_at timestamptz,
      ALTER COLUMN started_at DROP NOT NULL
  `
  // what a worker of before is at is begun anew
  yield* sql`
    UPDATE treasury.reconciliation_runs
    SET asked_at = started_at, late_at = started_at, matched = coalesce((counts->>'matched')::bigint, 0), claim_id = id
  `
  yield* sql`UPDATE treasury.reconciliation_runs SET stage = 'fetching', lease_until = started_at WHERE status = 'running'`
  yield* sql`
    ALTER TABLE treasury.reconciliation_runs
      ALTER COLUMN asked_at SET NOT NULL,
      ALTER COLUMN late_at SET NOT NULL,
      DROP CONSTRAINT reconciliation_runs_status_known,
      ADD CONSTRAINT reconciliation_runs_status_known
        CHECK (status IN ('queued', 'running', 'completed', 'failed', 'superseded')),
      ADD CONSTRAINT reconciliation_runs_failure_kind_known CHECK (failure_kind IN ('unavailable', 'malformed', 'internal')),
      ADD CONSTRAINT reconciliation_runs_stage_known CHECK (stage IN ('fetching', 'matching', 'comparing')),
      ADD CONSTRAINT reconciliation_runs_claimed_while_running
        CHECK (status <> 'running' OR num_nulls(stage, claim_id, started_at) = 0),
      ADD CONSTRAINT reconciliation_runs_tried_again_after_failure CHECK (next_attempt_at IS NULL OR status = 'failed'),
      ADD CONSTRAINT reconciliation_runs_attempt_sound CHECK (attempt >= 0)
  `
  // One run of a day that has not come to its end, whoever asks, and one result of it that counts.
  yield* sql`DROP INDEX treasury.reconciliation_runs_one_running_key, treasury.reconciliation_runs_one_completed_key`
  yield* sql`
    CREATE UNIQUE INDEX reconciliation_runs_one_open_key ON treasury.reconciliation_runs (channel, account, merchant_id, day)
    NULLS NOT DISTINCT WHERE status IN ('queued', 'running') OR next_attempt_at IS NOT NULL
  `
  yield* sql`
    CREATE UNIQUE INDEX reconciliation_runs_one_completed_key
    ON treasury.reconciliation_runs (channel, account, merchant_id, day) NULLS NOT DISTINCT WHERE status = 'completed'
  `
  yield* sql`
    CREATE INDEX reconciliation_runs_merchant_idx ON treasury.reconciliation_runs (merchant_id, id)
    WHERE merchant_id IS NOT NULL
  `
  yield* sql`
    CREATE TABLE treasury.reconciliation_run_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT reconciliation_run_history_pkey PRIMARY KEY,
      run_id uuid NOT NULL
        CONSTRAINT reconciliation_run_history_run_fkey REFERENCES treasury.reconciliation_runs (id),
      from_status text,
      to_status text NOT NULL,
      attempt int NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL
    )
  `
  yield* sql`
    CREATE INDEX reconciliation_run_history_run_idx ON treasury.reconciliation_run_history (run_id, id)
  `
  yield* sql`REVOKE UPDATE, DELETE ON treasury.reconciliation_run_history FROM mall_pay`

  // What was staged by another claim when the tables were analyzed says nothing of this one: by such statistics the planner would
  // expect a single row, and compare each line with each record.
  for (const table of ["bill_lines", "compared_records"]) {
    yield* sql`ALTER TABLE treasury.${sql(table)} RENAME COLUMN run_id TO claim_id`
    yield* sql`ALTER TABLE treasury.${sql(table)} ALTER COLUMN claim_id SET STATISTICS 0`
  }

  yield* sql`
    ALTER TABLE treasury.differences
      ADD COLUMN merchant_id uuid,
      DROP CONSTRAINT differences_movement_key,
      ADD CONSTRAINT differences_movement_key UNIQUE NULLS NOT DISTINCT
        (channel, account, day, merchant_id, kind, reference, occurrence, is_fee)
  `
  yield* sql`
    CREATE INDEX differences_merchant_idx ON treasury.differences (merchant_id, id) WHERE merchant_id IS NOT NULL
  `

  const merchant = "merchant_id = (SELECT platform.tenant_merchant())"
  const childOf = (parent: string, key: string) =>
    `EXISTS (SELECT FROM treasury.${parent} AS parent WHERE parent.id = ${key})`
  const policies = {
    reconciliation_runs: merchant,
    reconciliation_run_history: childOf("reconciliation_runs", "run_id"),
    differences: merchant,
    difference_history: childOf("differences", "difference_id"),
    corrections: childOf("differences", "difference_id")
  }
  for (const [name, isOwn] of Object.entries(policies)) {
    const table = sql`treasury.${sql(name)}`
    yield* sql`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`
    yield* sql`CREATE POLICY ${sql(`${name}_service`)} ON ${table} TO mall_pay USING (true)`
    yield* sql`CREATE POLICY ${sql(`${name}_tenant`)} ON ${table} TO mall_pay_tenant USING (${sql.literal(isOwn)})`
    yield* sql`GRANT SELECT ON ${table} TO mall_pay_tenant`
  }

  // By which a day's successes of one own account are read page by page.
  yield* sql`
    CREATE INDEX attempts_own_settled_idx ON payments.attempts (credential_id, updated_at, id)
    WHERE status = 'succeeded' AND credential_id IS NOT NULL
  `

  yield* sql`CREATE INDEX documents_sealed_idx ON merchants.documents (key_id, id)`
})
