import type { Principal } from "@mall/domain/identity/CurrentUser"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentUndecided } from "@mall/domain/payments/PaymentGateway"
import type { Actor, Order, OrderId, OrderStatus } from "@mall/domain/trade/Order"
import { OrderNotFound, OrderStateConflict } from "@mall/domain/trade/TradeError"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { OrderRefunds } from "./OrderRefunds.ts"
import { OrderRepo } from "./OrderRepo.ts"
import type { Doing } from "./OrderRepo.ts"
import type { OrderRow } from "./OrderRows.ts"
import { Orders } from "./Orders.ts"
import { actorOf, within } from "./OrderScope.ts"
import type { OrderScope } from "./OrderScope.ts"
import { PendingOrders } from "./PendingOrders.ts"

/** Ends an order before it is shipped, at the wish of its buyer, of the merchant or of an admin. */
export class OrderCancellation extends Context.Service<
  OrderCancellation,
  {
    /**
     * An unpaid order is canceled once the pay platform has made sure that nothing can be paid any more, and with it the other
     * orders of its checkout, which share the payment; a merchant, who has no say over those, may not. A paid one is
     * refunded. Where the buyer paid in the meantime it is a `OrderStateConflict`; where the channel gives no clear answer,
     * nothing is done.
     */
    cancel(caller: Principal, id: OrderId): Effect.Effect<Order, OrderNotFound | OrderStateConflict | PaymentUndecided>
    /** The same for any order, by an operator who is no user: the history names `by` and `reason`. */
    cancelAsOperator(
      id: OrderId,
      act: { readonly by: string; readonly reason: string }
    ): Effect.Effect<Order, OrderNotFound | OrderStateConflict | PaymentUndecided>
  }
>()("@mall/trade/OrderCancellation") {
  static readonly layerNoDeps = Layer.effect(
    OrderCancellation,
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const repo = yield* OrderRepo
      const orders = yield* Orders
      const pending = yield* PendingOrders
      const refunds = yield* OrderRefunds
      const audit = yield* makeAuditRecorder

      /** What staff leave behind; a buyer's own wish is in the order's history. */
      const record = (order: OrderRow, { actor, reason }: Doing, status: OrderStatus) =>
        actor.kind === "buyer"
          ? Effect.void
          : audit.record({
              action: "order.cancel",
              resource: { type: "order", id: order.id },
              merchantId: order.merchantId,
              reason,
              before: { status: order.status },
              after: { status }
            })

      const cancelPending = Effect.fnUntraced(function* (order: OrderRow, doing: Doing) {
        if (doing.actor.kind === "merchant") return false
        const closed = yield* gateway.close(order.paymentId, doing.reason).pipe(
          // A payment that was never made cannot be paid.
          Effect.catchTag("PaymentNotFound", () => Effect.succeed("canceled" as const))
        )
        if (closed === "succeeded") return yield* new OrderStateConflict({ orderId: order.id, orderStatus: "paid" })
        const act = record(order, doing, "canceled")
        const canceled = yield* pending.cancel([order.checkoutId], doing, act)
        // The news of the payment that was closed here may cancel the order before this does: it was staff's doing all the same.
        if (canceled.length === 0) yield* act
        return true
      })

      const attempt = Effect.fnUntraced(function* (order: OrderRow, doing: Doing) {
        if (order.status === "pending_payment") return yield* cancelPending(order, doing)
        return order.status === "paid" && (yield* refunds.start(order.id, doing, record(order, doing, "refunding")))
      })

      const find = Effect.fnUntraced(function* (scope: OrderScope, id: OrderId) {
        const order = yield* repo.find(scope, id)
        return Option.isSome(order) ? order.value : yield* new OrderNotFound({ orderId: id })
      })

      const end = Effect.fnUntraced(function* (
        scope: OrderScope,
        order: OrderRow,
        by: { readonly actor: Actor; readonly reason: string }
      ) {
        const doing: Doing = { ...by, at: yield* DateTime.nowAsDate, traceId: yield* currentTraceId }
        const isDone = yield* attempt(order, doing)
        const now = yield* orders.get(scope, order.id)
        // Somebody else was faster, or the refund was refused: what became of the order is the answer, unless it is what was wished.
        if (
          !isDone ||
          now.status === order.status ||
          (order.status === "pending_payment" && now.status !== "canceled")
        ) {
          return yield* new OrderStateConflict({ orderId: order.id, orderStatus: now.status })
        }
        return now
      })

      const cancel = Effect.fn("OrderCancellation.cancel")(
        function* (caller: Principal, id: OrderId) {
          const scope = within(caller)
          const order = yield* find(scope, id)
          const actor = actorOf(caller, order)
          return yield* end(scope, order, { actor, reason: `canceled by the ${actor.kind}` })
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const cancelAsOperator = Effect.fn("OrderCancellation.cancelAsOperator")(
        function* (id: OrderId, { by, reason }: { readonly by: string; readonly reason: string }) {
          const scope: OrderScope = { _tag: "Every" }
          const actor: Actor = { kind: "admin", id: null }
          return yield* end(scope, yield* find(scope, id), { actor, reason: `${reason} (operator ${by})` })
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return OrderCancellation.of({ cancel, cancelAsOperator })
    })
  )
}
