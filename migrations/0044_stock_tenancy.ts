import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Stock is a merchant's: each row says whose, and row-level security keeps it, and what moved it, from others; so it does with
 * the audit trail and with the last children of merchants' rows that had no policy.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE trade.stock ADD COLUMN merchant_id uuid`
  // Whose a SKU is the catalogue knows. This once it is asked here: from now on it says so with the level.
  yield* sql`
    UPDATE trade.stock SET merchant_id = skus.merchant_id FROM catalog.skus WHERE skus.id = stock.sku_id
  `
  yield* sql`
    UPDATE trade.stock SET merchant_id = sold.merchant_id
    FROM (
      SELECT DISTINCT ON (order_lines.sku_id) order_lines.sku_id, orders.merchant_id
      FROM trade.order_lines JOIN trade.orders ON orders.id = order_lines.order_id
      ORDER BY order_lines.sku_id, orders.id DESC
    ) AS sold
    WHERE stock.merchant_id IS NULL AND sold.sku_id = stock.sku_id
  `
  // Of a SKU that no catalogue has and nobody ever ordered, as a seed that was cut off leaves it: nobody's, and out of the books.
  yield* sql`
    WITH removed AS (DELETE FROM trade.stock WHERE merchant_id IS NULL RETURNING sku_id, on_hand)
    INSERT INTO trade.stock_movements (sku_id, kind, quantity, actor, at)
    SELECT sku_id, 'adjust', -on_hand, 'system', now() FROM removed WHERE on_hand > 0
  `
  // An older server that would still make a row without a merchant is refused, and changes what is there as before.
  yield* sql`ALTER TABLE trade.stock ALTER COLUMN merchant_id SET NOT NULL`

  const guard = Effect.fnUntraced(function* (service: "mall_store" | "mall_pay", table: string, isOwn: string) {
    const [schema = "", name = ""] = table.split(".")
    const target = sql`${sql(schema)}.${sql(name)}`
    const own = sql.literal(isOwn)
    yield* sql`ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY`
    yield* sql`CREATE POLICY ${sql(`${name}_service`)} ON ${target} TO ${sql(service)} USING (true)`
    yield* sql`
      CREATE POLICY ${sql(`${name}_tenant`)} ON ${target} TO ${sql(`${service}_tenant`)} USING (${own}) WITH CHECK (${own})
    `
  })
  // What a parent's own policy leaves visible is what its children may be of.
  const guardChild = (service: "mall_store" | "mall_pay", table: string, by: string, parent: string, key: string) =>
    guard(service, table, `EXISTS (SELECT FROM ${parent} AS parent WHERE parent.${key} = ${table}.${by})`)

  const merchant = "merchant_id = (SELECT platform.tenant_merchant())"
  yield* guard("mall_store", "trade.stock", merchant)
  yield* guardChild("mall_store", "trade.stock_movements", "sku_id", "trade.stock", "sku_id")
  // Staff are granted none of the following, and what they are of is a merchant's: a right given later shows no other's.
  yield* guardChild("mall_store", "trade.payment_incidents", "checkout_id", "trade.checkouts", "id")
  yield* guardChild("mall_store", "identity.request_nonces", "key_id", "identity.api_keys", "id")
  yield* guardChild("mall_pay", "payments.channel_log", "payment_id", "payments.intents", "id")
  yield* guardChild("mall_pay", "payments.security_events", "payment_id", "payments.intents", "id")
  yield* guardChild("mall_pay", "payments.crypto_deposits", "attempt_id", "payments.attempts", "id")
  yield* guardChild("mall_pay", "merchant_terms.fee_returns", "attempt_id", "merchant_terms.fees", "attempt_id")
  yield* guardChild("mall_pay", "ledger.account_freezes", "account_id", "ledger.accounts", "id")
  for (const table of ["ledger.expiries", "ledger.unsealed", "ledger.seals"]) {
    yield* guardChild("mall_pay", table, "transfer_id", "ledger.transfers", "id")
  }

  // Whose staff somebody is, a shop's own may read: of users they see those.
  yield* guard("mall_store", "identity.users", merchant)
  yield* sql`GRANT SELECT ON identity.users TO mall_store_tenant`

  // Of the audit trail staff read what concerns their merchant, and leave in it what concerns them or nobody.
  yield* sql`ALTER TABLE platform.audit_entries ENABLE ROW LEVEL SECURITY`
  yield* sql`CREATE POLICY audit_entries_service ON platform.audit_entries TO mall_store, mall_pay USING (true)`
  yield* sql`
    CREATE POLICY audit_entries_tenant ON platform.audit_entries FOR SELECT TO mall_store_tenant, mall_pay_tenant
    USING (${sql.literal(merchant)})
  `
  yield* sql`
    CREATE POLICY audit_entries_tenant_acts ON platform.audit_entries FOR INSERT TO mall_store_tenant, mall_pay_tenant
    WITH CHECK (merchant_id IS NULL OR ${sql.literal(merchant)})
  `
})
