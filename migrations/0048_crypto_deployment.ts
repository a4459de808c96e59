import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** The wallet makes contracts too: such a transaction moves no tokens, and may be to nobody. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    ALTER TABLE payments.crypto_payouts
      ALTER COLUMN recipient DROP NOT NULL,
      DROP CONSTRAINT crypto_payouts_amount_positive,
      ADD CONSTRAINT crypto_payouts_recipient_known CHECK (recipient IS NOT NULL OR call IS NOT NULL),
      ADD CONSTRAINT crypto_payouts_amount_sound CHECK (amount > 0 OR (amount = 0 AND call IS NOT NULL))`
})
