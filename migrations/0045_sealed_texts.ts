import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Names, remarks, holders of bank accounts, devices, payers and the reasons of returns are sealed beside what was sealed of their
 * rows before. What is in the clear is still read there, until the sweep `personal_data` seals it, which finds it by these indexes.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    ALTER TABLE identity.users
      ALTER COLUMN name DROP NOT NULL,
      ADD CONSTRAINT users_name_check CHECK (num_nonnulls(name, personal_data) > 0)
  `
  // Who blocks a device ends its sessions; the digest is under the key of its row.
  yield* sql`ALTER TABLE identity.sessions ADD COLUMN device_digest bytea`
  yield* sql`CREATE INDEX sessions_device_digest_idx ON identity.sessions (device_digest) WHERE revoked_at IS NULL`
  yield* sql`ALTER TABLE trade.orders ALTER COLUMN remark SET DEFAULT ''`
  yield* sql`ALTER TABLE treasury.payout_accounts ALTER COLUMN holder DROP NOT NULL`
  for (const table of ["payments.attempts", "trade.returns"]) {
    const name = table.slice(table.indexOf(".") + 1)
    yield* sql`
      ALTER TABLE ${sql(table)}
        ADD COLUMN personal_data bytea,
        ADD COLUMN personal_data_key text,
        ADD CONSTRAINT ${sql(`${name}_personal_data_check`)}
          CHECK ((personal_data IS NULL) = (coalesce(personal_data_key, '') = ''))
    `
    yield* sql`
      CREATE INDEX ${sql(`${name}_personal_data_key_idx`)} ON ${sql(table)} (personal_data_key)
      WHERE personal_data_key IS NOT NULL
    `
  }
  yield* sql`
    ALTER TABLE trade.returns
      ALTER COLUMN reason DROP NOT NULL,
      ADD CONSTRAINT returns_reason_check CHECK (num_nonnulls(reason, personal_data) = 1)
  `
  // The reason of a return is the return's; its history said it once more.
  yield* sql`UPDATE trade.return_history SET reason = '' WHERE from_status IS NULL`

  const clear = {
    "identity.users": "deleted_at IS NULL AND num_nonnulls(email, name, avatar_url) > 0",
    "identity.sessions": "num_nonnulls(ip, device_id, user_agent) > 0",
    "identity.logins": "num_nonnulls(network, device_id, user_agent) > 0",
    "trade.orders": "remark <> ''",
    "trade.returns": "reason IS NOT NULL",
    "treasury.payout_accounts": "holder IS NOT NULL",
    "payments.attempts": "payer <> '{}'"
  }
  for (const [table, condition] of Object.entries(clear)) {
    const index = `${table.slice(table.indexOf(".") + 1)}_clear_idx`
    yield* sql`CREATE INDEX ${sql(index)} ON ${sql(table)} (id) WHERE ${sql.literal(condition)}`
  }
})
