import type { Principal } from "@mall/domain/identity/CurrentUser"
import { systemActor } from "@mall/domain/trade/Order"
import type { Actor, Order, OrderId, Shipment } from "@mall/domain/trade/Order"
import { orderCompleted, orderDelivered, orderShipped } from "@mall/domain/trade/OrderTopics"
import { OrderNotFound, OrderStateConflict } from "@mall/domain/trade/TradeError"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import type { Act } from "@mall/platform/audit/AuditRecorder"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { transactionOf } from "@mall/platform/Tenancy"
import { Config, Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { newsOf } from "./orderNews.ts"
import { OrderRepo } from "./OrderRepo.ts"
import type { Doing } from "./OrderRepo.ts"
import { Orders } from "./Orders.ts"
import { actorOf, boughtBy, soldBy, tenantOf } from "./OrderScope.ts"
import type { OrderScope } from "./OrderScope.ts"

type Refused = OrderNotFound | OrderStateConflict

/** The way of a paid order to its buyer. Each step is taken once, whoever else tries at the same time. */
export class Fulfilment extends Context.Service<
  Fulfilment,
  {
    /** By the staff of the merchant, or an admin. */
    ship(staff: Principal, id: OrderId, shipment: Shipment): Effect.Effect<Order, Refused>
    deliver(staff: Principal, id: OrderId): Effect.Effect<Order, Refused>
    /** By the buyer; what was only shipped so far has thereby been delivered. */
    confirmReceipt(buyer: Principal, id: OrderId): Effect.Effect<Order, Refused>
    /** Completes up to `limit` orders delivered longer than `ORDER_AUTO_COMPLETE` (7 days) ago, and answers how many. */
    completeDelivered(limit: number): Effect.Effect<number>
  }
>()("@mall/trade/Fulfilment") {
  static readonly layerNoDeps = Layer.effect(
    Fulfilment,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* OrderRepo
      const orders = yield* Orders
      const outbox = yield* Outbox
      const audit = yield* makeAuditRecorder
      const autoComplete = yield* Config.Duration("ORDER_AUTO_COMPLETE").pipe(Config.withDefault(Duration.days(7)))

      const transactionIn =
        (scope: OrderScope) =>
        <A, E, R>(effect: Effect.Effect<A, E, R>) =>
          effect.pipe(
            transactionOf(sql, "mall_store_tenant", tenantOf(scope)),
            retryConflicts,
            Effect.catchTag("SqlError", Effect.die)
          )

      const doingOf = Effect.fnUntraced(function* (actor: Actor, reason: string) {
        const doing: Doing = { actor, reason, at: yield* DateTime.nowAsDate, traceId: yield* currentTraceId }
        return doing
      })

      const deliverNow = Effect.fnUntraced(function* (id: OrderId, doing: Doing) {
        const moved = yield* repo.move("delivered", sql`orders.id = ${id}`, doing, sql`, delivered_at = ${doing.at}`)
        yield* outbox.publishAll(
          orderDelivered,
          moved.map((order) => newsOf(order, doing.at))
        )
        return moved.length > 0
      })

      const completeNow = Effect.fnUntraced(function* (ids: ReadonlyArray<OrderId>, doing: Doing) {
        const moved = yield* repo.move("completed", sql`orders.id = ANY (${ids}::uuid[])`, doing)
        yield* outbox.publishAll(
          orderCompleted,
          moved.map((order) => newsOf(order, doing.at))
        )
        return moved.length
      })

      /** Takes a step with an order of the scope; `step` answers whether the state allowed it. Staff leave `act` behind. */
      const take = <E, R>(
        caller: Principal,
        scope: OrderScope,
        id: OrderId,
        reason: string,
        step: (doing: Doing) => Effect.Effect<boolean, E, R>,
        act?: Pick<Act, "action" | "before" | "after">
      ) =>
        Effect.gen(function* () {
          const order = yield* repo.find(scope, id)
          if (Option.isNone(order)) return yield* new OrderNotFound({ orderId: id })
          const doing = yield* doingOf(actorOf(caller, order.value), reason)
          const record =
            act === undefined
              ? Effect.void
              : audit.record({ ...act, resource: { type: "order", id }, merchantId: order.value.merchantId })
          const isDone = transactionIn(scope)(Effect.tap(step(doing), (isMoved) => (isMoved ? record : Effect.void)))
          if (yield* isDone) return yield* orders.get(scope, id)
          const now = Option.getOrElse(yield* repo.find(scope, id), () => order.value)
          return yield* new OrderStateConflict({ orderId: id, orderStatus: now.status })
        }).pipe(Effect.catchTag("SqlError", Effect.die))

      const ship = Effect.fn("Fulfilment.ship")((staff: Principal, id: OrderId, shipment: Shipment) =>
        take(
          staff,
          soldBy(staff),
          id,
          "shipped",
          Effect.fnUntraced(function* (doing) {
            const moved = yield* repo.move(
              "shipped",
              sql`orders.id = ${id}`,
              doing,
              sql`, shipped_at = ${doing.at}, carrier = ${shipment.carrier}, tracking_number = ${shipment.trackingNumber}`
            )
            yield* outbox.publishAll(
              orderShipped,
              moved.map((order) => ({ ...newsOf(order, doing.at), shipment }))
            )
            return moved.length > 0
          }),
          {
            action: "order.ship",
            before: { status: "paid", shipment: null },
            after: { status: "shipped", shipment }
          }
        )
      )

      const deliver = Effect.fn("Fulfilment.deliver")((staff: Principal, id: OrderId) =>
        take(staff, soldBy(staff), id, "delivered", (doing) => deliverNow(id, doing), {
          action: "order.deliver",
          before: { status: "shipped" },
          after: { status: "delivered" }
        })
      )

      const confirmReceipt = Effect.fn("Fulfilment.confirmReceipt")((buyer: Principal, id: OrderId) =>
        take(
          buyer,
          boughtBy(buyer),
          id,
          "receipt confirmed",
          Effect.fnUntraced(function* (doing) {
            yield* deliverNow(id, doing)
            return (yield* completeNow([id], doing)) > 0
          })
        )
      )

      const completeDelivered = Effect.fn("Fulfilment.completeDelivered")(
        function* (limit: number) {
          const doing = yield* doingOf(systemActor, "nobody objected in time")
          const before = new Date(doing.at.getTime() - Duration.toMillis(autoComplete))
          return yield* completeNow(yield* repo.lockDelivered(before, limit), doing)
        },
        transactionIn({ _tag: "Every" })
      )

      return Fulfilment.of({ ship, deliver, confirmReceipt, completeDelivered })
    })
  )
}
