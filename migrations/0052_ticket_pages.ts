import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** A ticket that a page of ours was handed knows that page, by the hash of its secret. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE payments.tickets ADD COLUMN page bytea`
})
