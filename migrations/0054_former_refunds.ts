import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** The refunds that an order and a return waited for before the one that they wait for now: the channel may carry out each after all. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const table of ["trade.orders", "trade.returns"]) {
    yield* sql`ALTER TABLE ${sql(table)} ADD COLUMN former_refund_ids uuid[] NOT NULL DEFAULT '{}'`
  }
})
