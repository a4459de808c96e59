import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** How long orders wait may depend on the kind of what is bought: a category and all below it. Null stands for any. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // the name of the constraint stays: processes of before write by it
  yield* sql`
    ALTER TABLE trade.order_expiry_rules
      ADD COLUMN category_id uuid,
      DROP CONSTRAINT order_expiry_rules_key,
      ADD CONSTRAINT order_expiry_rules_key UNIQUE NULLS NOT DISTINCT (merchant_id, category_id, payment_method)
  `
  yield* sql`ALTER TABLE trade.order_expiry_changes ADD COLUMN category_id uuid`
})
