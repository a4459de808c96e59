import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** By which rules a payment goes to a channel, and why a try went where it went. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // A change is a new row: the newest version counts, the others tell who changed what and why.
  yield* sql`
    CREATE TABLE payments.routing_tables (
      version integer NOT NULL,
      rules jsonb NOT NULL,
      author text NOT NULL,
      reason text NOT NULL,
      created_at timestamptz NOT NULL,
      CONSTRAINT routing_tables_pkey PRIMARY KEY (version),
      CONSTRAINT routing_tables_version_positive CHECK (version > 0)
    )
  `
  yield* sql`ALTER TABLE payments.attempts ADD COLUMN decision jsonb`
})
