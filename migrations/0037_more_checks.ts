import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** When the pay-out of a settlement is asked for again, and how checks find what changed. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`ALTER TABLE treasury.settlements ADD COLUMN payout_due_at timestamptz`
  yield* sql`
    CREATE INDEX settlements_payout_due_idx ON treasury.settlements (payout_due_at) WHERE payout_due_at IS NOT NULL
  `
  // Those that waited for an account when nobody asked again.
  yield* sql`
    UPDATE treasury.settlements SET payout_due_at = updated_at
    WHERE status = 'settled' AND payout_id IS NULL AND payout_note LIKE 'There is no verified account for %'
  `

  yield* sql`CREATE INDEX settlements_updated_idx ON treasury.settlements (updated_at)`
  yield* sql`CREATE INDEX payouts_updated_idx ON treasury.payouts (updated_at)`
  yield* sql`CREATE INDEX fx_quotes_accepted_idx ON treasury.fx_quotes (accepted_at) WHERE accepted_at IS NOT NULL`
  yield* sql`
    CREATE INDEX quota_counters_day_idx ON merchant_terms.quota_counters ("window", key) WHERE period = 'day'
  `
})
