import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What looks like an attack: counted by all processes together, judged by the workers, told to people. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE platform.signal_counts (
      signal text NOT NULL,
      minute timestamptz NOT NULL,
      count bigint NOT NULL,
      CONSTRAINT signal_counts_pkey PRIMARY KEY (signal, minute),
      CONSTRAINT signal_counts_count_positive CHECK (count > 0)
    )`
  yield* sql`CREATE INDEX signal_counts_minute_idx ON platform.signal_counts (minute)`
  yield* sql`
    CREATE TABLE platform.alerts (
      id uuid NOT NULL,
      kind text NOT NULL,
      severity text NOT NULL,
      message text NOT NULL,
      opened_at timestamptz NOT NULL,
      last_seen_at timestamptz NOT NULL,
      resolved_at timestamptz,
      acknowledged_at timestamptz,
      acknowledged_by text,
      notice_due_at timestamptz,
      notified_at timestamptz,
      CONSTRAINT alerts_pkey PRIMARY KEY (id),
      CONSTRAINT alerts_severity_known CHECK (severity IN ('P0', 'P1', 'P2'))
    )`
  // at most one of a kind is open, however many workers judge
  yield* sql`CREATE UNIQUE INDEX alerts_open_kind_key ON platform.alerts (kind) WHERE resolved_at IS NULL`
  yield* sql`CREATE INDEX alerts_notice_due_at_idx ON platform.alerts (notice_due_at) WHERE notice_due_at IS NOT NULL`
})
