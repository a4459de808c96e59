import type { Principal } from "@mall/domain/identity/CurrentUser"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentUndecided } from "@mall/domain/payments/PaymentGateway"
import type { Order, OrderId } from "@mall/domain/trade/Order"
import { OrderNotFound, OrderStateConflict } from "@mall/domain/trade/TradeError"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { currentTraceId } from "./currentTraceId.ts"
import { OrderRefunds } from "./OrderRefunds.ts"
import { OrderRepo } from "./OrderRepo.ts"
import type { Doing } from "./OrderRepo.ts"
import type { OrderRow } from "./OrderRows.ts"
import { Orders } from "./Orders.ts"
import { actorOf, within } from "./OrderScope.ts"
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

      const cancelPending = Effect.fnUntraced(function* (order: OrderRow, doing: Doing) {
        if (doing.actor.kind === "merchant") return false
        const closed = yield* gateway.close(order.paymentId, doing.reason).pipe(
          // A payment that was never made cannot be paid.
          Effect.catchTag("PaymentNotFound", () => Effect.succeed("canceled" as const))
        )
        if (closed === "succeeded") return yield* new OrderStateConflict({ orderId: order.id, orderStatus: "paid" })
        yield* pending.cancel([order.checkoutId], doing)
        return true
      })

      const attempt = Effect.fnUntraced(function* (order: OrderRow, doing: Doing) {
        if (order.status === "pending_payment") return yield* cancelPending(order, doing)
        return order.status === "paid" && (yield* refunds.start(order.id, doing))
      })

      const cancel = Effect.fn("OrderCancellation.cancel")(
        function* (caller: Principal, id: OrderId) {
          const scope = within(caller)
          const order = yield* repo.find(scope, id)
          if (Option.isNone(order)) return yield* new OrderNotFound({ orderId: id })
          const actor = actorOf(caller, order.value)
          const doing: Doing = {
            actor,
            reason: `canceled by the ${actor.kind}`,
            at: yield* DateTime.nowAsDate,
            traceId: yield* currentTraceId
          }
          const isDone = yield* attempt(order.value, doing)
          const now = yield* orders.get(scope, id)
          // Somebody else was faster: what they made of the order is the answer, unless it is what was wished.
          if (!isDone || (order.value.status === "pending_payment" && now.status !== "canceled")) {
            return yield* new OrderStateConflict({ orderId: id, orderStatus: now.status })
          }
          return now
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return OrderCancellation.of({ cancel })
    })
  )
}
