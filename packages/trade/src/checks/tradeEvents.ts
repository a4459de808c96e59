import type { SubjectEvent } from "@mall/domain/operations/Doctor"
import type { EventSource } from "@mall/platform/doctor/Checks"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Row = Schema.Struct({
  at: Schema.Date,
  source: Schema.String,
  what: Schema.String,
  actor: Schema.NullOr(Schema.String),
  traceId: Schema.NullOr(Schema.String)
})

/** Events that an explanation shows of one subject. */
const limit = 100

/** What happened to the orders of a checkout, to an order, and to the stock of a SKU. */
export const tradeEvents = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  const ofOrders = SqlSchema.findAll({
    Request: Schema.String,
    Result: Row,
    execute: (id) => sql`
      SELECT * FROM (
        SELECT h.at, 'order history' AS source,
          'order ' || h.order_id || ': ' || coalesce(h.from_status || ' to ', '') || h.to_status || ', ' || h.reason AS what,
          coalesce(h.actor_id::text, h.actor_kind) AS actor, h.trace_id
        FROM trade.orders AS o JOIN trade.order_history AS h ON h.order_id = o.id
        WHERE o.checkout_id = ${id}::uuid OR o.id = ${id}::uuid
        UNION ALL
        SELECT i.at, 'payment incident', i.kind || ': ' || i.detail, NULL, NULL
        FROM trade.payment_incidents AS i WHERE i.checkout_id = ${id}::uuid
      ) AS event ORDER BY event.at DESC LIMIT ${limit}`
  })

  const ofSku = SqlSchema.findAll({
    Request: Schema.String,
    Result: Row,
    execute: (id) => sql`
      SELECT m.at, 'stock' AS source, m.kind || ' ' || m.quantity || coalesce(' for order ' || m.order_id, '') AS what,
        m.actor, m.trace_id
      FROM trade.stock_movements AS m WHERE m.sku_id = ${id}::uuid ORDER BY m.id DESC LIMIT ${limit}`
  })

  const source: EventSource = (subject) => {
    const rows =
      subject.type === "sku"
        ? ofSku(subject.id)
        : subject.type === "checkout" || subject.type === "order"
          ? ofOrders(subject.id)
          : Effect.succeed([])
    return Effect.map(rows, (found): ReadonlyArray<SubjectEvent> => found.map((row) => ({ ...row, subject })))
  }
  return source
})
