import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Personal data is sealed under a key that is not in the database: `personal_data` holds it, `personal_data_key` names the key,
 * by which rows under another are found. `''` is a row of before, whose data is still in the clear until the sweep
 * `personal_data` seals it; null is one that has none, such as an order whose buyer was erased.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const table of ["identity.addresses", "identity.sessions", "identity.logins", "trade.orders"]) {
    const name = table.slice(table.indexOf(".") + 1)
    yield* sql`
      ALTER TABLE ${sql(table)}
        ADD COLUMN personal_data bytea,
        ADD COLUMN personal_data_key text DEFAULT '',
        ADD CONSTRAINT ${sql(`${name}_personal_data_check`)}
          CHECK ((personal_data IS NULL) = (coalesce(personal_data_key, '') = ''))
    `
    yield* sql`CREATE INDEX ${sql(`${name}_personal_data_key_idx`)} ON ${sql(table)} (personal_data_key)`
  }
  yield* sql`
    ALTER TABLE identity.addresses
      ALTER COLUMN recipient DROP NOT NULL, ALTER COLUMN phone DROP NOT NULL,
      ALTER COLUMN street DROP NOT NULL, ALTER COLUMN postal_code DROP NOT NULL,
      ADD CONSTRAINT addresses_contact_check
        CHECK (num_nonnulls(recipient, phone, street, postal_code) = CASE personal_data_key WHEN '' THEN 4 ELSE 0 END)
  `
  // The answers that are kept for retries say again what was asked; null is one in the clear, of before. They end within a day.
  yield* sql`ALTER TABLE platform.idempotency_keys ADD COLUMN body_key text`
})
