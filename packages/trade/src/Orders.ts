import type { PostalAddress } from "@mall/domain/identity/AddressBook"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { Money } from "@mall/domain/kernel/Money"
import { OrderId } from "@mall/domain/trade/Order"
import type { CheckoutId, Order, OrderStatus } from "@mall/domain/trade/Order"
import { OrderNotFound, OrderStateConflict } from "@mall/domain/trade/TradeError"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { CheckoutPayments } from "./CheckoutPayments.ts"
import { currentTraceId } from "./currentTraceId.ts"
import { OrderRepo } from "./OrderRepo.ts"
import { orderOf } from "./OrderRows.ts"
import type { OrderRow } from "./OrderRows.ts"
import { boughtBy } from "./OrderScope.ts"
import type { OrderScope } from "./OrderScope.ts"

const cursor = cursorOf(OrderId)

export interface OrderListQuery {
  readonly status?: OrderStatus
  readonly limit?: number
  readonly after?: string
}

export interface OrderEdit {
  readonly address?: PostalAddress
  readonly remark?: string
}

const payableOf = (row: OrderRow) => ({
  id: row.checkoutId,
  userId: row.userId,
  paymentId: row.paymentId,
  total: Money.of(row.checkoutTotal, row.currency),
  expiresAt: row.expiresAt
})

/** Orders to look at, and what a buyer may still change of one. An order outside of the scope is not found. */
export class Orders extends Context.Service<
  Orders,
  {
    /** Newest first. */
    list(scope: OrderScope, query: OrderListQuery): Effect.Effect<Page<Order>, InvalidCursor>
    /** With its payment, which is made now where an earlier attempt to make it failed. */
    get(scope: OrderScope, id: OrderId): Effect.Effect<Order, OrderNotFound>
    /** The orders of a checkout and its payment; none where the checkout is not within the scope. */
    ofCheckout(scope: OrderScope, id: CheckoutId): Effect.Effect<ReadonlyArray<Order>>
    /** Only before the order is shipped. */
    edit(buyer: Principal, id: OrderId, edit: OrderEdit): Effect.Effect<Order, OrderNotFound | OrderStateConflict>
  }
>()("@mall/trade/Orders") {
  static readonly layerNoDeps = Layer.effect(
    Orders,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* OrderRepo
      const payments = yield* CheckoutPayments

      const paymentOf = Effect.fnUntraced(function* (row: OrderRow) {
        const found = (yield* payments.find([row.paymentId])).get(row.paymentId)
        return found ?? (row.status === "pending_payment" ? yield* payments.open(payableOf(row)) : undefined)
      })

      const show = Effect.fnUntraced(function* (rows: ReadonlyArray<OrderRow>) {
        const ids = rows.map(({ id }) => id)
        const [lines, events] = yield* Effect.all([repo.lines(ids), repo.history(ids)], { concurrency: "unbounded" })
        const linesOf = Map.groupBy(lines, ({ orderId }) => orderId)
        const eventsOf = Map.groupBy(events, ({ orderId }) => orderId)
        return (row: OrderRow, payment: Order["payment"] | undefined) =>
          orderOf(row, linesOf.get(row.id) ?? [], eventsOf.get(row.id) ?? [], payment ?? undefined)
      })

      const find = Effect.fnUntraced(function* (scope: OrderScope, id: OrderId) {
        const row = yield* repo.find(scope, id)
        return Option.isSome(row) ? row.value : yield* new OrderNotFound({ orderId: id })
      })

      const get = Effect.fn("Orders.get")(
        function* (scope: OrderScope, id: OrderId) {
          const row = yield* find(scope, id)
          const [shown, payment] = yield* Effect.all([show([row]), paymentOf(row)], { concurrency: "unbounded" })
          return shown(row, payment)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const list = Effect.fn("Orders.list")(
        function* (scope: OrderScope, query: OrderListQuery) {
          const after = query.after === undefined ? undefined : yield* cursor.decode(query.after)
          const limit = query.limit ?? defaultLimit
          const rows = yield* repo.list({ scope, status: query.status, after, limit: limit + 1 })
          const [shown, found] = yield* Effect.all(
            [show(rows), payments.find(Array.from(new Set(rows.map(({ paymentId }) => paymentId))))],
            { concurrency: "unbounded" }
          )
          const orders = rows.map((row) => shown(row, found.get(row.paymentId)))
          return toPage(orders, limit, ({ id }) => cursor.encode(id))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const ofCheckout = Effect.fn("Orders.ofCheckout")(
        function* (scope: OrderScope, id: CheckoutId) {
          const rows = yield* repo.ofCheckout(scope, id)
          const [first] = rows
          if (first === undefined) return []
          const [shown, payment] = yield* Effect.all([show(rows), paymentOf(first)], { concurrency: "unbounded" })
          return rows.map((row) => shown(row, payment))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** One statement decides and writes, so an edit never lands on an order that was shipped in the meantime. */
      const write = Effect.fnUntraced(function* (buyer: Principal, id: OrderId, { address, remark }: OrderEdit) {
        const at = yield* DateTime.nowAsDate
        const traceId = yield* currentTraceId
        const what = [...(address === undefined ? [] : ["address"]), ...(remark === undefined ? [] : ["remark"])]
        const rows = yield* sql`
          WITH edited AS (
            UPDATE trade.orders SET
              address = coalesce(${address === undefined ? null : JSON.stringify(address)}::jsonb, address),
              remark = coalesce(${remark ?? null}::text, remark)
            WHERE id = ${id} AND user_id = ${buyer.userId} AND status IN ('pending_payment', 'paid')
            RETURNING id, status
          )
          INSERT INTO trade.order_history (order_id, from_status, to_status, actor_kind, actor_id, reason, trace_id, at)
          SELECT id, status, status, 'buyer', ${buyer.userId}, ${`changed the ${what.join(" and the ")}`},
            ${traceId}::text, ${at}
          FROM edited
          RETURNING order_id
        `
        return rows.length > 0
      })

      const edit = Effect.fn("Orders.edit")(
        function* (buyer: Principal, id: OrderId, changes: OrderEdit) {
          const isEmpty = changes.address === undefined && changes.remark === undefined
          if (!isEmpty && !(yield* write(buyer, id, changes))) {
            const { status } = yield* find(boughtBy(buyer), id)
            return yield* new OrderStateConflict({ orderId: id, orderStatus: status })
          }
          return yield* get(boughtBy(buyer), id)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Orders.of({ list, get, ofCheckout, edit })
    })
  )
}
