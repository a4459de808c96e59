import { Money } from "@mall/domain/kernel/Money"
import { PaymentGateway, RefundId } from "@mall/domain/payments/PaymentGateway"
import type { markOrderCanceled, paymentRefunded } from "@mall/domain/payments/PaymentTopics"
import type { Topic } from "@mall/domain/kernel/Topic"
import { systemActor } from "@mall/domain/trade/Order"
import { beside } from "@mall/platform/planning"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { CheckoutRepo } from "./CheckoutRepo.ts"
import type { CheckoutRow } from "./CheckoutRepo.ts"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { makeRefundOrders } from "./refundOrders.ts"
import { OrderRepo } from "./OrderRepo.ts"
import type { Doing } from "./OrderRepo.ts"
import { PaidCheckouts } from "./PaidCheckouts.ts"
import type { PaidMessage } from "./PaidCheckouts.ts"
import { PaymentIncidents } from "./PaymentIncidents.ts"
import { PendingOrders } from "./PendingOrders.ts"
import { everAskedFor } from "./refundAsking.ts"
import { ReturnRefunds } from "./returns/ReturnRefunds.ts"

type MessageOf<T> = T extends Topic<infer A, infer _I> ? A : never

/** The refund of a payment that came too late. There is one per checkout, so asking again asks for the same one. */
const lateRefundId = ({ id }: CheckoutRow) => RefundId.make(id)

/**
 * What the pay platform tells the mall. Each message may come again, late, out of order and while others are handled:
 * everything is decided under the lock of the checkout, by the states that orders and checkout are in.
 */
export class OrderPayments extends Context.Service<
  OrderPayments,
  {
    /**
     * The orders of the checkout are paid and their pieces sold. Where they were canceled before, the money goes back in full;
     * where the amount is not the checkout's total, nothing is marked and an incident reported.
     */
    markPaid(message: PaidMessage): Effect.Effect<void>
    /** Nothing can be paid any more: the orders are canceled, unless they were paid. */
    markCanceled(message: MessageOf<typeof markOrderCanceled>): Effect.Effect<void>
    /**
     * A refund ended: its order is refunded and its pieces come back, or it is owed to the buyer again. What failed and was done
     * after all refunds the order all the same, also where another refund was asked for meanwhile, unless it was shipped: that
     * is reported, and so is a second refund of the same order that is carried out.
     */
    markRefunded(message: MessageOf<typeof paymentRefunded>): Effect.Effect<void>
  }
>()("@mall/trade/OrderPayments") {
  static readonly layerNoDeps = Layer.effect(
    OrderPayments,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const checkouts = yield* CheckoutRepo
      const paid = yield* PaidCheckouts
      const orders = yield* OrderRepo
      const returns = yield* ReturnRefunds
      const incidents = yield* PaymentIncidents
      const pending = yield* PendingOrders
      const refundOrders = yield* makeRefundOrders
      const gateway = yield* PaymentGateway

      const doingOf = Effect.fnUntraced(function* (reason: string) {
        const doing: Doing = {
          actor: systemActor,
          reason,
          at: yield* DateTime.nowAsDate,
          traceId: yield* currentTraceId
        }
        return doing
      })

      const transaction = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        effect.pipe(sql.withTransaction, retryConflicts, Effect.catchTag("SqlError", Effect.die))

      const refundLate = (checkout: CheckoutRow) =>
        gateway
          .refund({
            id: lateRefundId(checkout),
            paymentId: checkout.paymentId,
            amount: Money.of(checkout.total, checkout.currency),
            reason: "paid after the order was canceled"
          })
          .pipe(
            Effect.catchTag(["PaymentNotFound", "PaymentStateConflict", "RefundExceedsCapture"], (error) =>
              Effect.asVoid(
                incidents.report({
                  paymentId: checkout.paymentId,
                  checkoutId: checkout.id,
                  kind: "late_refund_refused",
                  detail: `${error._tag}: ${error.message}`
                })
              )
            ),
            Effect.catchTag("SqlError", Effect.die)
          )

      const markPaid = Effect.fn("OrderPayments.markPaid")(function* (message: PaidMessage) {
        const late = yield* paid.accept(message)
        if (Option.isSome(late)) yield* refundLate(late.value)
      })

      const markCanceled = Effect.fn("OrderPayments.markCanceled")(function* ({
        paymentId,
        reason
      }: MessageOf<typeof markOrderCanceled>) {
        // most were canceled by the very sweep that closed their payment: those cost no more than this question
        const found = yield* Effect.catchTag(checkouts.findPending([paymentId]), "SqlError", Effect.die)
        if (found.size > 0) yield* pending.cancel([...found.values()], yield* doingOf(reason))
      })

      /** Of an order or return that ended since all of the payment was back, any refund that it asked for may be why. */
      const refundedBy = (table: "orders" | "returns", { id }: CheckoutRow, refundId: RefundId) => sql`
        orders.checkout_id = ${id} AND ${everAskedFor(sql, table, refundId)}
        AND coalesce(${sql(table)}.refund_id, ${refundId}) = ${refundId}
        AND ${beside(sql, `${table}.status`)} = 'refunded'
      `

      /** Money that went back for nothing that we know of: the goods may still be sent, or another refund may follow. */
      const reportUnmatched = Effect.fnUntraced(function* (checkout: CheckoutRow, refundId: RefundId, amount: Money) {
        const known = yield* sql`
          SELECT orders.id FROM trade.orders WHERE ${refundedBy("orders", checkout, refundId)}
          UNION ALL
          SELECT returns.id FROM trade.returns JOIN trade.orders ON orders.id = returns.order_id
          WHERE ${refundedBy("returns", checkout, refundId)}
        `
        if (known.length > 0 || checkout.status === "canceled") return
        yield* incidents.report({
          paymentId: checkout.paymentId,
          checkoutId: checkout.id,
          kind: "refund_unmatched",
          detail: `${amount.amount} ${amount.currency} went back by the refund ${refundId}, which nothing waits for`
        })
      })

      const markRefunded = Effect.fn("OrderPayments.markRefunded")(function* ({
        amount,
        outcome,
        paymentId,
        refundId
      }: MessageOf<typeof paymentRefunded>) {
        const checkout = yield* checkouts.lockByPayment(paymentId)
        if (Option.isNone(checkout)) return
        yield* returns.settle(checkout.value.id, refundId, outcome)
        if (outcome === "succeeded") {
          const ofOrder = sql`orders.checkout_id = ${checkout.value.id} AND ${everAskedFor(sql, "orders", refundId)}`
          const doing = yield* doingOf("refunded")
          yield* orders.move(
            "refunding",
            sql`status = 'paid' AND ${ofOrder}`,
            yield* doingOf("the channel carried out the refund after all")
          )
          yield* refundOrders(ofOrder, doing, sql`, refund_id = ${refundId}, refund_due_at = NULL`)
          yield* reportUnmatched(checkout.value, refundId, amount)
          return
        }
        // The refund's id stays, for it may be done after all; the next refund of this order is another one.
        yield* orders.move(
          "paid",
          sql`status = 'refunding' AND refund_id = ${refundId}`,
          yield* doingOf("the refund failed at the channel"),
          sql`, refund_due_at = NULL`
        )
        if (refundId === lateRefundId(checkout.value)) {
          yield* incidents.report({
            paymentId,
            checkoutId: checkout.value.id,
            kind: "late_refund_failed",
            detail: "The channel did not carry out the refund of a payment that came too late"
          })
        }
      }, transaction)

      return OrderPayments.of({ markPaid, markCanceled, markRefunded })
    })
  )
}
