import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * What was paid twice may be given back once more where that failed. And merchants are adopted again who were passed over because
 * another's settlement was begun by hand: when an account was opened is known of those alone that the sweep has adopted, and it
 * adopts nobody twice.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`DROP INDEX payments.refunds_one_surplus_key`
  yield* sql`
    CREATE UNIQUE INDEX refunds_one_surplus_key ON payments.refunds (attempt_id) WHERE surplus AND status <> 'failed'`
  yield* sql`UPDATE treasury.settlement_schedules SET opened_at = 'epoch'`
})
