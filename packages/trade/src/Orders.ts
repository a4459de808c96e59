import type { PostalAddress } from "@mall/domain/identity/AddressBook"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { Money } from "@mall/domain/kernel/Money"
import { OrderId } from "@mall/domain/trade/Order"
import type { CheckoutId, Order, OrderStatus } from "@mall/domain/trade/Order"
import { OrderNotFound, OrderStateConflict } from "@mall/domain/trade/TradeError"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { CheckoutPayments, neverMade } from "./CheckoutPayments.ts"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { OrderRepo } from "./OrderRepo.ts"
import type { OrderEdit } from "./OrderRepo.ts"
import { orderOf } from "./OrderRows.ts"
import type { OrderRow } from "./OrderRows.ts"
import { boughtBy, visibleAddress, visiblePayment } from "./OrderScope.ts"
import type { OrderScope } from "./OrderScope.ts"

const cursor = cursorOf(OrderId)

export interface OrderListQuery {
  readonly status?: OrderStatus
  readonly limit?: number
  readonly after?: string
}

const payableOf = (row: OrderRow) => ({
  id: row.checkoutId,
  userId: row.userId,
  paymentId: row.paymentId,
  total: Money.of(row.checkoutTotal, row.currency),
  expiresAt: row.expiresAt
})

/** The payment of an order among those found; undefined where it cannot be known now, or is still to be made. */
const paymentAmong = (found: Effect.Success<ReturnType<CheckoutPayments["Service"]["find"]>>, row: OrderRow) =>
  Option.getOrUndefined(found)?.get(row.paymentId) ??
  (Option.isSome(found) && row.status === "canceled" ? neverMade(payableOf(row)) : undefined)

/**
 * Orders to look at, and what a buyer may still change of one. An order outside of the scope is not found; its address and its
 * payment are shown as far as the scope needs them.
 */
export class Orders extends Context.Service<
  Orders,
  {
    /** Newest first. */
    list(scope: OrderScope, query: OrderListQuery): Effect.Effect<Page<Order>, InvalidCursor>
    /** With its payment, which is made now where an earlier attempt to make it failed. */
    get(scope: OrderScope, id: OrderId): Effect.Effect<Order, OrderNotFound>
    /** The orders of a checkout and its payment; none where the checkout is not within the scope. */
    ofCheckout(scope: OrderScope, id: CheckoutId): Effect.Effect<ReadonlyArray<Order>>
    /** Where any order goes. Whoever asks, and why, is in the audit trail. */
    unmask(id: OrderId, reason: string): Effect.Effect<PostalAddress, OrderNotFound>
    /** Only before the order is shipped. */
    edit(buyer: Principal, id: OrderId, edit: OrderEdit): Effect.Effect<Order, OrderNotFound | OrderStateConflict>
  }
>()("@mall/trade/Orders") {
  static readonly layerNoDeps = Layer.effect(
    Orders,
    Effect.gen(function* () {
      const repo = yield* OrderRepo
      const payments = yield* CheckoutPayments
      const audit = yield* makeAuditRecorder

      const paymentOf = Effect.fnUntraced(function* (row: OrderRow) {
        const payment = paymentAmong(yield* payments.find([row.paymentId]), row)
        return payment ?? (row.status === "pending_payment" ? yield* payments.open(payableOf(row)) : undefined)
      })

      const show = Effect.fnUntraced(function* (scope: OrderScope, rows: ReadonlyArray<OrderRow>) {
        const ids = rows.map(({ id }) => id)
        const [lines, events] = yield* Effect.all([repo.lines(scope, ids), repo.history(scope, ids)], {
          concurrency: "unbounded"
        })
        return (row: OrderRow, payment: Order["payment"] | undefined) =>
          orderOf(
            { ...row, address: visibleAddress(scope, row) },
            lines.get(row.id) ?? [],
            events.get(row.id) ?? [],
            visiblePayment(scope, row, payment) ?? undefined
          )
      })

      const find = Effect.fnUntraced(function* (scope: OrderScope, id: OrderId) {
        const row = yield* repo.find(scope, id)
        return Option.isSome(row) ? row.value : yield* new OrderNotFound({ orderId: id })
      })

      const get = Effect.fn("Orders.get")(
        function* (scope: OrderScope, id: OrderId) {
          const row = yield* find(scope, id)
          const [shown, payment] = yield* Effect.all([show(scope, [row]), paymentOf(row)], { concurrency: "unbounded" })
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
            [show(scope, rows), payments.find(Array.from(new Set(rows.map(({ paymentId }) => paymentId))))],
            { concurrency: "unbounded" }
          )
          const orders = rows.map((row) => shown(row, paymentAmong(found, row)))
          return toPage(orders, limit, ({ id }) => cursor.encode(id))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const ofCheckout = Effect.fn("Orders.ofCheckout")(
        function* (scope: OrderScope, id: CheckoutId) {
          const rows = yield* repo.ofCheckout(scope, id)
          const [first] = rows
          if (first === undefined) return []
          const [shown, payment] = yield* Effect.all([show(scope, rows), paymentOf(first)], {
            concurrency: "unbounded"
          })
          return rows.map((row) => shown(row, payment))
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const unmask = Effect.fn("Orders.unmask")(
        function* (id: OrderId, reason: string) {
          const { address, merchantId } = yield* find({ _tag: "Every" }, id)
          yield* audit.record({
            action: "personal_data.unmask",
            resource: { type: "order", id },
            merchantId,
            reason
          })
          return address
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const write = Effect.fnUntraced(function* ({ userId }: Principal, id: OrderId, changes: OrderEdit) {
        const { address, remark } = changes
        const what = [...(address === undefined ? [] : ["address"]), ...(remark === undefined ? [] : ["remark"])]
        return yield* repo.edit(userId, id, changes, {
          actor: { kind: "buyer", id: userId },
          reason: `changed the ${what.join(" and the ")}`,
          at: yield* DateTime.nowAsDate,
          traceId: yield* currentTraceId
        })
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

      return Orders.of({ list, get, ofCheckout, unmask, edit })
    })
  )
}
