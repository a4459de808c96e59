import { generator } from "@mall/domain/kernel/Id"
import { PaymentGateway, RefundId } from "@mall/domain/payments/PaymentGateway"
import { OrderId, systemActor } from "@mall/domain/trade/Order"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { OrderRepo } from "./OrderRepo.ts"
import type { Doing } from "./OrderRepo.ts"
import { makeRefundOrders } from "./refundOrders.ts"
import { askedAnew, OpenRefund, refundAsking } from "./refundAsking.ts"

const newRefundId = generator(RefundId)

const OpenOrderRefund = OpenRefund(OrderId)

/**
 * Gives back the money of paid orders that will not be shipped. The order becomes `refunding` with a refund id of its own
 * first; then the pay platform is asked, as often as it takes, for it knows the refund by that id. `payment_refunded`
 * tells the end. Where all of the payment went back by other refunds already, so did the order's part of it.
 */
export class OrderRefunds extends Context.Service<
  OrderRefunds,
  {
    /** False where the order is not `paid` any more. A pay platform that cannot be reached now is asked again by `resume`. `within` joins the transaction of the change. */
    start(orderId: OrderId, doing: Doing, within?: Effect.Effect<void, SqlError>): Effect.Effect<boolean>
    /** Asks for up to `limit` refunds that were left without an answer, and answers how many those were. */
    resume(limit: number): Effect.Effect<number>
  }
>()("@mall/trade/OrderRefunds") {
  static readonly layerNoDeps = Layer.effect(
    OrderRefunds,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const orders = yield* OrderRepo
      const gateway = yield* PaymentGateway
      const refundOrders = yield* makeRefundOrders

      const claim = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, until: Schema.Date, limit: Schema.Int }),
        Result: OpenOrderRefund,
        execute: ({ limit, now, until }) => sql`
          WITH due AS MATERIALIZED (
            SELECT id FROM trade.orders WHERE status = 'refunding' AND refund_due_at <= ${now}
            ORDER BY refund_due_at LIMIT ${limit}
            FOR UPDATE SKIP LOCKED
          )
          UPDATE trade.orders SET refund_due_at = ${until} FROM due, trade.checkouts
          WHERE orders.id = due.id AND checkouts.id = orders.checkout_id
          RETURNING orders.id, orders.refund_id, checkouts.payment_id, orders.total AS amount, orders.currency
        `
      })
      const selectOpen = SqlSchema.findAll({
        Request: OrderId,
        Result: OpenOrderRefund,
        execute: (id) => sql`
          SELECT orders.id, orders.refund_id, checkouts.payment_id, orders.total AS amount, orders.currency
          FROM trade.orders JOIN trade.checkouts ON checkouts.id = orders.checkout_id
          WHERE orders.id = ${id} AND orders.status = 'refunding'
        `
      })

      const ofRefund = ({ id, refundId }: typeof OpenOrderRefund.Type) =>
        sql`status = 'refunding' AND orders.id = ${id} AND refund_id = ${refundId}`
      const noRefund = sql`, refund_id = NULL, refund_due_at = NULL`
      const doingOf = Effect.fnUntraced(function* (reason: string): Effect.fn.Return<Doing> {
        return { actor: systemActor, reason, at: yield* DateTime.nowAsDate, traceId: yield* currentTraceId }
      })

      /** The order is owed to the buyer again, and staff see why. */
      const giveUp = Effect.fnUntraced(function* (refund: typeof OpenOrderRefund.Type, why: string) {
        yield* orders.move("paid", ofRefund(refund), yield* doingOf(`the refund was refused: ${why}`), noRefund)
        const { id: orderId, refundId } = refund
        yield* Effect.logError("A refund was refused").pipe(Effect.annotateLogs({ orderId, refundId, why }))
      })

      const endRefunded = Effect.fnUntraced(
        function* (refund: typeof OpenOrderRefund.Type) {
          yield* refundOrders(ofRefund(refund), yield* doingOf("all of the payment went back already"), noRefund)
        },
        sql.withTransaction,
        retryConflicts
      )

      const { ask, resume } = refundAsking(gateway, {
        reason: "order canceled",
        claim,
        accepted: ({ id, refundId }) =>
          sql`UPDATE trade.orders SET refund_due_at = NULL WHERE id = ${id} AND refund_id = ${refundId}`,
        allBack: endRefunded,
        refused: giveUp
      })

      const start = Effect.fn("OrderRefunds.start")(
        function* (orderId: OrderId, doing: Doing, within: Effect.Effect<void, SqlError> = Effect.void) {
          const refundId = yield* newRefundId
          const moved = yield* orders
            .move("refunding", sql`orders.id = ${orderId}`, doing, sql`, ${askedAnew(sql, refundId, doing.at)}`)
            .pipe(
              Effect.tap((moved) => (moved.length === 0 ? Effect.void : within)),
              sql.withTransaction,
              retryConflicts
            )
          if (moved.length === 0) return false
          yield* Effect.forEach(yield* selectOpen(orderId), ask, { discard: true })
          return true
        },
        Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
      )

      return OrderRefunds.of({ start, resume: Effect.fn("OrderRefunds.resume")(resume) })
    })
  )
}
