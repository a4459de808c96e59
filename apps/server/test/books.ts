import * as Sql from "@mall/platform/Sql"
import { Effect, Layer, Schema } from "effect"
import type { Redacted } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { Context } from "effect"

const Pieces = Schema.Struct({ skuId: Schema.String, quantity: Schema.Int })
const Count = Schema.Struct({ count: Schema.Int })

/** What the tables themselves say of stock, orders and money, for tests that do not take the server's word for it. */
export const booksOf = Effect.fnUntraced(function* (database: Redacted.Redacted) {
  const sql = Context.get(yield* Layer.build(Layer.fresh(Sql.layerUrl(database))), SqlClient.SqlClient)
  const find = <S extends Schema.Constraint>(
    Result: S,
    execute: () => Effect.Effect<ReadonlyArray<unknown>, unknown>
  ) => Effect.orDie(SqlSchema.findAll({ Request: Schema.Void, Result, execute })(undefined))
  const pieces = (execute: () => Effect.Effect<ReadonlyArray<unknown>, unknown>) => find(Pieces, execute)
  const count = (execute: () => Effect.Effect<ReadonlyArray<unknown>, unknown>) =>
    Effect.map(find(Count, execute), ([row]) => row?.count ?? 0)

  return {
    onHand: pieces(() => sql`SELECT sku_id, on_hand AS quantity FROM trade.stock ORDER BY sku_id`),
    reserved: pieces(
      () => sql`SELECT sku_id, reserved AS quantity FROM trade.stock WHERE reserved > 0 ORDER BY sku_id`
    ),
    heldByOpenOrders: pieces(
      () => sql`
        SELECT line.sku_id, sum(line.quantity)::bigint AS quantity
        FROM trade.order_lines AS line JOIN trade.orders ON orders.id = line.order_id
        WHERE orders.status = 'pending_payment' GROUP BY line.sku_id ORDER BY line.sku_id
      `
    ),
    sold: pieces(
      () => sql`
        SELECT line.sku_id, sum(line.quantity)::bigint AS quantity
        FROM trade.order_lines AS line JOIN trade.orders ON orders.id = line.order_id
        WHERE orders.status = 'paid' GROUP BY line.sku_id ORDER BY line.sku_id
      `
    ),
    checkouts: count(() => sql`SELECT count(*) FROM trade.checkouts`),
    paidCheckouts: count(() => sql`SELECT count(*) FROM trade.checkouts WHERE status = 'paid'`),
    /** How often orders became paid: `[1]` where each did so once. */
    timesPaid: Effect.map(
      find(
        Count,
        () => sql`
          SELECT DISTINCT count(history.order_id) AS count
          FROM trade.orders LEFT JOIN trade.order_history AS history
            ON history.order_id = orders.id AND history.to_status = 'paid' AND history.from_status = 'pending_payment'
          GROUP BY orders.id
        `
      ),
      (rows) => rows.map(({ count }) => count)
    ),
    /** Payments of which not exactly the amount came in. */
    capturedOtherwise: find(
      Schema.Struct({ id: Schema.String }),
      () => sql`SELECT id FROM payments.intents WHERE status <> 'succeeded' OR captured <> amount OR refunded <> 0`
    )
  }
})
