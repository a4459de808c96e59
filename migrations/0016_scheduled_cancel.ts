import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** When a payment is to be canceled by itself, before its time is up, and who said so. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE payments.intents ADD COLUMN cancel_at timestamptz, ADD COLUMN cancel_by text`
})
