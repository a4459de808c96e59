import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What channels charge us, and the fees of their bills that are something else. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Without basis points nothing is compared from then on.
  yield* sql`
    CREATE TABLE treasury.channel_fees (
      id uuid CONSTRAINT channel_fees_pkey PRIMARY KEY,
      channel text NOT NULL,
      currency text NOT NULL,
      basis_points numeric(8, 4),
      fixed bigint NOT NULL,
      rounding text NOT NULL,
      is_returned boolean NOT NULL,
      effective_from timestamptz NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT channel_fees_share_below_half CHECK (basis_points BETWEEN 0 AND 5000),
      CONSTRAINT channel_fees_fixed_not_negative CHECK (fixed >= 0),
      CONSTRAINT channel_fees_rounding_known CHECK (rounding IN ('half_even', 'half_up', 'up', 'down'))
    )
  `
  yield* sql`CREATE INDEX channel_fees_in_force_idx ON treasury.channel_fees (channel, currency, effective_from, id)`
  yield* sql`REVOKE UPDATE, DELETE ON treasury.channel_fees FROM mall_pay`

  // a fee in another currency than its movement is told by nobody
  yield* sql`ALTER TABLE treasury.bill_lines ALTER COLUMN fee DROP NOT NULL`

  // The fee of a line differs beside its movement. The name of the key stays: processes of before write by it.
  yield* sql`
    ALTER TABLE treasury.differences
      ADD COLUMN bill_fee bigint,
      ADD COLUMN our_fee bigint,
      ADD COLUMN is_fee boolean GENERATED ALWAYS AS (class = 'fee_differs') STORED,
      DROP CONSTRAINT differences_movement_key,
      ADD CONSTRAINT differences_movement_key UNIQUE (channel, account, day, kind, reference, occurrence, is_fee),
      DROP CONSTRAINT differences_class_known,
      ADD CONSTRAINT differences_class_known CHECK (class IN
        ('amount_differs', 'missing_here', 'missing_there', 'duplicate', 'state_differs', 'timing', 'fee_differs'))
  `
})
