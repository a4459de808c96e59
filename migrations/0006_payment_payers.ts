import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What a way to pay had to know of the buyer: a try that is sent again is sent in the same words. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE payments.attempts ADD COLUMN payer jsonb NOT NULL DEFAULT '{}'`
})
