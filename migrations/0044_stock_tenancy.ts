import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Stock is a merchant's: each row says whose, and row-level security keeps it, and what moved it, from others.
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

  const guard = Effect.fnUntraced(function* (table: "stock" | "stock_movements", isOwn: string) {
    const target = sql`trade.${sql(table)}`
    yield* sql`ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY`
    yield* sql`CREATE POLICY ${sql(`${table}_service`)} ON ${target} TO mall_store USING (true)`
    yield* sql`
      CREATE POLICY ${sql(`${table}_tenant`)} ON ${target} TO mall_store_tenant
      USING (${sql.literal(isOwn)}) WITH CHECK (${sql.literal(isOwn)})
    `
  })
  yield* guard("stock", "merchant_id = (SELECT platform.tenant_merchant())")
  yield* guard(
    "stock_movements",
    "EXISTS (SELECT FROM trade.stock AS parent WHERE parent.sku_id = trade.stock_movements.sku_id)"
  )
})
