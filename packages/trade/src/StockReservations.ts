import { OrderId } from "@mall/domain/trade/Order"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Doing } from "./OrderRepo.ts"

/** `traces` where orders were moved in traces of their own, instead of that of `doing`. */
type Settle = (
  orderIds: ReadonlyArray<OrderId>,
  doing: Doing,
  traces?: ReadonlyMap<OrderId, string | null>
) => Effect.Effect<void, SqlError>

const Settled = Schema.Array(Schema.Struct({ orderId: OrderId, traceId: Schema.NullOr(Schema.String) }))

/**
 * What becomes of the pieces that orders hold. Each is one statement, part of the caller's transaction, which has moved
 * exactly these orders: it locks the stock rows in ascending order and writes a movement per line. Called twice for an
 * order it counts twice, so the caller goes by the orders that it really moved.
 */
export class StockReservations extends Context.Service<
  StockReservations,
  {
    /** Reserved pieces are for sale again. */
    readonly release: Settle
    /** Reserved pieces leave the warehouse's books. */
    readonly sell: Settle
    /** Sold pieces that never left come back. */
    readonly restock: Settle
  }
>()("@mall/trade/StockReservations") {
  static readonly layer = Layer.effect(
    StockReservations,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const settle = (kind: "release" | "sell" | "return", onHand: -1 | 0 | 1, reserved: -1 | 0): Settle => {
        const execute = SqlSchema.void({
          Request: Schema.Struct({
            settled: Schema.fromJsonString(Settled),
            actor: Schema.String,
            at: Schema.Date
          }),
          execute: ({ actor, at, settled }) => sql`
            WITH line AS MATERIALIZED (
              SELECT order_lines.order_id, order_lines.sku_id, order_lines.quantity, moved."traceId" AS trace_id
              FROM jsonb_to_recordset(${settled}::jsonb) AS moved("orderId" uuid, "traceId" text)
              JOIN trade.order_lines ON order_lines.order_id = moved."orderId"
            ),
            demand AS MATERIALIZED (SELECT sku_id, sum(quantity) AS quantity FROM line GROUP BY sku_id),
            locked AS MATERIALIZED (
              SELECT stock.sku_id, stock.on_hand, stock.reserved
              FROM trade.stock
              WHERE stock.sku_id IN (SELECT sku_id FROM demand)
              ORDER BY stock.sku_id
              FOR UPDATE
            ),
            settled AS (
              UPDATE trade.stock
              SET
                on_hand = locked.on_hand + demand.quantity * ${onHand}::bigint,
                reserved = locked.reserved + demand.quantity * ${reserved}::bigint
              FROM locked JOIN demand USING (sku_id)
              WHERE stock.sku_id = locked.sku_id
            )
            INSERT INTO trade.stock_movements (sku_id, kind, quantity, order_id, actor, trace_id, at)
            SELECT sku_id, ${kind}, quantity, order_id, ${actor}, trace_id, ${at} FROM line
            ORDER BY sku_id
          `
        })
        return (orderIds, { actor, at, traceId }, traces) =>
          orderIds.length === 0
            ? Effect.void
            : execute({
                settled: orderIds.map((orderId) => ({ orderId, traceId: traces?.get(orderId) ?? traceId })),
                actor: actor.id ?? actor.kind,
                at
              }).pipe(Effect.catchTag("SchemaError", Effect.die))
      }

      return StockReservations.of({
        release: settle("release", 0, -1),
        sell: settle("sell", -1, -1),
        restock: settle("return", 1, 0)
      })
    })
  )
}
