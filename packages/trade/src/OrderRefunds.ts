import { generator } from "@mall/domain/kernel/Id"
import { Money, MinorUnits } from "@mall/domain/kernel/Money"
import { Currency } from "@mall/domain/kernel/Currency"
import { PaymentGateway, PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { OrderId, systemActor } from "@mall/domain/trade/Order"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { OrderRepo } from "./OrderRepo.ts"
import type { Doing } from "./OrderRepo.ts"

const newRefundId = generator(RefundId)

/** For how long the one who set a refund going, or who resumes it, is left alone with it. */
const lease = Duration.minutes(1)

const OpenRefund = Schema.Struct({
  id: OrderId,
  refundId: RefundId,
  paymentId: PaymentId,
  total: MinorUnits,
  currency: Currency
})
type OpenRefund = typeof OpenRefund.Type

/**
 * Gives back the money of paid orders that will not be shipped. The order becomes `refunding` with a refund id of its own
 * first; then the pay platform is asked, as often as it takes, for it knows the refund by that id. `payment_refunded`
 * tells the end.
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

      const claim = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, until: Schema.Date, limit: Schema.Int }),
        Result: OpenRefund,
        execute: ({ limit, now, until }) => sql`
          WITH due AS MATERIALIZED (
            SELECT id FROM trade.orders WHERE status = 'refunding' AND refund_due_at <= ${now}
            ORDER BY refund_due_at LIMIT ${limit}
            FOR UPDATE SKIP LOCKED
          )
          UPDATE trade.orders SET refund_due_at = ${until} FROM due, trade.checkouts
          WHERE orders.id = due.id AND checkouts.id = orders.checkout_id
          RETURNING orders.id, orders.refund_id, checkouts.payment_id, orders.total, orders.currency
        `
      })
      const selectOpen = SqlSchema.findAll({
        Request: OrderId,
        Result: OpenRefund,
        execute: (id) => sql`
          SELECT orders.id, orders.refund_id, checkouts.payment_id, orders.total, orders.currency
          FROM trade.orders JOIN trade.checkouts ON checkouts.id = orders.checkout_id
          WHERE orders.id = ${id} AND orders.status = 'refunding'
        `
      })

      /** The platform refused for good: the order is owed to the buyer again, and staff see why. */
      const giveUp = Effect.fnUntraced(function* ({ id, refundId }: OpenRefund, why: string) {
        const at = yield* DateTime.nowAsDate
        const doing: Doing = {
          actor: systemActor,
          reason: `the refund was refused: ${why}`,
          at,
          traceId: yield* currentTraceId
        }
        const where = sql`status = 'refunding' AND orders.id = ${id} AND refund_id = ${refundId}`
        yield* orders.move("paid", where, doing, sql`, refund_id = NULL, refund_due_at = NULL`)
        yield* Effect.logError("A refund was refused").pipe(Effect.annotateLogs({ orderId: id, refundId, why }))
      })

      const ask = (open: OpenRefund) =>
        gateway
          .refund({
            id: open.refundId,
            paymentId: open.paymentId,
            amount: Money.of(open.total, open.currency),
            reason: "order canceled"
          })
          .pipe(
            Effect.andThen(sql`UPDATE trade.orders SET refund_due_at = NULL WHERE id = ${open.id}`),
            Effect.catchTag(["PaymentNotFound", "PaymentStateConflict", "RefundExceedsCapture"], (error) =>
              giveUp(open, `${error._tag}: ${error.message}`)
            )
          )

      /** Asks, and leaves to the next `resume` what the platform could not take now. */
      const askOrLeave = (open: OpenRefund) =>
        ask(open).pipe(
          Effect.catchTag("SqlError", Effect.die),
          Effect.catchDefect((defect) =>
            Effect.logWarning("A refund could not be asked for and will be asked for again", defect).pipe(
              Effect.annotateLogs({ orderId: open.id, refundId: open.refundId })
            )
          )
        )

      const start = Effect.fn("OrderRefunds.start")(
        function* (orderId: OrderId, doing: Doing, within: Effect.Effect<void, SqlError> = Effect.void) {
          const refundId = yield* newRefundId
          const dueAt = new Date(doing.at.getTime() + Duration.toMillis(lease))
          const moved = yield* orders
            .move(
              "refunding",
              sql`orders.id = ${orderId}`,
              doing,
              sql`, refund_id = ${refundId}, refund_due_at = ${dueAt}`
            )
            .pipe(
              Effect.tap((moved) => (moved.length === 0 ? Effect.void : within)),
              sql.withTransaction,
              retryConflicts
            )
          if (moved.length === 0) return false
          yield* Effect.forEach(yield* selectOpen(orderId), askOrLeave, { discard: true })
          return true
        },
        Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
      )

      const resume = Effect.fn("OrderRefunds.resume")(
        function* (limit: number) {
          const now = yield* DateTime.nowAsDate
          const until = new Date(now.getTime() + Duration.toMillis(lease))
          const due = yield* claim({ now, until, limit })
          yield* Effect.forEach(due, askOrLeave, { concurrency: 8, discard: true })
          return due.length
        },
        Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
      )

      return OrderRefunds.of({ start, resume })
    })
  )
}
