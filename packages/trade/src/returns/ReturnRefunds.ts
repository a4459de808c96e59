import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { PaymentGateway, RefundId } from "@mall/domain/payments/PaymentGateway"
import { systemActor } from "@mall/domain/trade/Order"
import { orderReturned } from "@mall/domain/trade/OrderTopics"
import { ReturnId } from "@mall/domain/trade/Return"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { newsOf } from "../orderNews.ts"
import type { Doing } from "../OrderRepo.ts"
import { MovedOrder } from "../OrderRows.ts"
import { leaseFrom, OpenRefund, refundAsking } from "../refundAsking.ts"
import { ReturnRepo } from "./ReturnRepo.ts"

const newRefundId = generator(RefundId)

const OpenReturnRefund = OpenRefund(ReturnId)
const ReturnedOrder = Schema.Struct({ ...MovedOrder.fields, returnId: ReturnId, amount: MinorUnits })

/**
 * Gives back the money for what came back. The return gets a refund id of its own first; then the pay platform is asked, as
 * often as it takes, for it knows the refund by that id. `payment_refunded` tells the end. Where all of the payment went back
 * by other refunds already, so did what the return is worth.
 */
export class ReturnRefunds extends Context.Service<
  ReturnRefunds,
  {
    /** In the caller's transaction, which holds the order: a new refund of a received return is due from now on. */
    prepare(id: ReturnId, doing: Doing): Effect.Effect<void, SqlError>
    /** Asks for the refund that was prepared. A pay platform that cannot be reached now is asked again by `resume`. */
    ask(id: ReturnId): Effect.Effect<void>
    /** Asks for up to `limit` refunds that were left without an answer, and answers how many those were. */
    resume(limit: number): Effect.Effect<number>
    /** In the caller's transaction: what the pay platform tells of a refund. One that is of no return changes nothing. */
    settle(refundId: RefundId, outcome: "succeeded" | "failed"): Effect.Effect<void, SqlError>
  }
>()("@mall/trade/returns/ReturnRefunds") {
  static readonly layerNoDeps = Layer.effect(
    ReturnRefunds,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* ReturnRepo
      const gateway = yield* PaymentGateway
      const outbox = yield* Outbox

      const doingOf = Effect.fnUntraced(function* (reason: string) {
        const doing: Doing = {
          actor: systemActor,
          reason,
          at: yield* DateTime.nowAsDate,
          traceId: yield* currentTraceId
        }
        return doing
      })

      const open = sql`
        SELECT returns.id, returns.refund_id, checkouts.payment_id, returns.amount, returns.currency
        FROM trade.returns JOIN trade.orders ON orders.id = returns.order_id
        JOIN trade.checkouts ON checkouts.id = orders.checkout_id
      `
      const selectOpen = SqlSchema.findAll({
        Request: ReturnId,
        Result: OpenReturnRefund,
        execute: (id) => sql`
          ${open} WHERE returns.id = ${id} AND returns.status = 'received' AND returns.refund_due_at IS NOT NULL
        `
      })
      const claim = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, until: Schema.Date, limit: Schema.Int }),
        Result: OpenReturnRefund,
        execute: ({ limit, now, until }) => sql`
          WITH due AS MATERIALIZED (
            SELECT id FROM trade.returns WHERE status = 'received' AND refund_due_at <= ${now}
            ORDER BY refund_due_at LIMIT ${limit}
            FOR UPDATE SKIP LOCKED
          ),
          claimed AS (UPDATE trade.returns SET refund_due_at = ${until} FROM due WHERE returns.id = due.id)
          ${open} WHERE returns.id IN (SELECT id FROM due)
        `
      })
      const selectOrder = SqlSchema.findAll({
        Request: RefundId,
        Result: ReturnedOrder,
        execute: (refundId) => sql`
          SELECT orders.*, returns.id AS return_id, returns.amount
          FROM trade.returns JOIN trade.orders ON orders.id = returns.order_id
          WHERE returns.refund_id = ${refundId} AND returns.status = 'received'
          FOR UPDATE OF orders
        `
      })

      /** The return stays owed to the buyer; staff see why, and may ask for another refund. This one may be done after all. */
      const fail = Effect.fnUntraced(function* (refundId: RefundId, why: string) {
        const ofReturn = sql`refund_id = ${refundId} AND status = 'received' AND refund_failure IS NULL`
        yield* repo.note(ofReturn, yield* doingOf(`the refund failed: ${why}`))
        yield* sql`
          UPDATE trade.returns SET refund_due_at = NULL, refund_failure = ${why} WHERE ${ofReturn}
        `
        yield* Effect.logError("The refund of a return failed").pipe(Effect.annotateLogs({ refundId, why }))
      })

      const end = Effect.fnUntraced(function* (order: typeof ReturnedOrder.Type, reason: string, set: Fragment) {
        const { amount, returnId } = order
        const doing = yield* doingOf(reason)
        if (!(yield* repo.move("refunded", sql`id = ${returnId}`, doing, set))) return
        yield* repo.addRefunded(returnId)
        yield* outbox.publish(orderReturned, {
          ...newsOf(order, doing.at),
          returnId,
          amount: Money.of(amount, order.currency)
        })
      })
      const settled = sql`, refund_due_at = NULL, refund_failure = NULL`

      const endReturned = Effect.fnUntraced(
        function* (refundId: RefundId, why: string) {
          const [order] = yield* selectOrder(refundId)
          if (order !== undefined) yield* end(order, why, sql`, refund_id = NULL${settled}`)
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SchemaError", Effect.die)
      )

      const { ask, resume } = refundAsking(gateway, {
        reason: "goods returned",
        claim,
        accepted: ({ id, refundId }) =>
          sql`UPDATE trade.returns SET refund_due_at = NULL WHERE id = ${id} AND refund_id = ${refundId}`,
        refused: ({ refundId }, why) => sql.withTransaction(fail(refundId, why)),
        returned: ({ refundId }, why) => endReturned(refundId, why)
      })

      return ReturnRefunds.of({
        prepare: Effect.fnUntraced(function* (id, { at }) {
          yield* sql`
            UPDATE trade.returns
            SET refund_id = ${yield* newRefundId}, refund_due_at = ${leaseFrom(at)}, refund_failure = NULL
            WHERE id = ${id}
          `
        }),
        ask: Effect.fn("ReturnRefunds.ask")(
          function* (id) {
            yield* Effect.forEach(yield* selectOpen(id), ask, { discard: true })
          },
          Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
        ),
        resume: Effect.fn("ReturnRefunds.resume")(resume),
        settle: Effect.fn("ReturnRefunds.settle")(
          function* (refundId, outcome) {
            const [order] = yield* selectOrder(refundId)
            if (order === undefined) return
            if (outcome === "failed") return yield* fail(refundId, "the channel did not carry it out")
            yield* end(order, "refunded", settled)
          },
          Effect.catchTag("SchemaError", Effect.die)
        )
      })
    })
  )
}
