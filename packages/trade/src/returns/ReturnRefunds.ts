import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { PaymentGateway, RefundId } from "@mall/domain/payments/PaymentGateway"
import { systemActor } from "@mall/domain/trade/Order"
import type { CheckoutId } from "@mall/domain/trade/Order"
import { orderReturned } from "@mall/domain/trade/OrderTopics"
import { ReturnId } from "@mall/domain/trade/Return"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Outbox } from "@mall/platform/Outbox"
import { beside } from "@mall/platform/planning"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { newsOf } from "../orderNews.ts"
import type { Doing } from "../OrderRepo.ts"
import { MovedOrder } from "../OrderRows.ts"
import { askedAnew, everAskedFor, OpenRefund, refundAsking } from "../refundAsking.ts"
import { ReturnRepo } from "./ReturnRepo.ts"

const newRefundId = generator(RefundId)

/** A return whose goods are here and whose money is not back, with its order. */
const Owed = Schema.Struct({
  ...MovedOrder.fields,
  returnId: ReturnId,
  refundId: Schema.NullOr(RefundId),
  amount: MinorUnits
})
const decodeOwed = Schema.decodeUnknownEffect(Schema.Array(Owed))

const OpenReturnRefund = OpenRefund(ReturnId)

/**
 * Gives back the money for what came back. The return gets a refund id of its own first; then the pay platform is asked, as
 * often as it takes, for it knows the refund by that id. `payment_refunded` tells the end. Where all of the payment went back
 * by other refunds already, so did the return's part of it.
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
    /** In the caller's transaction: what the pay platform tells of a refund of the checkout. One that is of no return changes nothing. */
    settle(checkoutId: CheckoutId, refundId: RefundId, outcome: "succeeded" | "failed"): Effect.Effect<void, SqlError>
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
      const lockOrder = (where: Fragment) =>
        sql`
          SELECT orders.*, returns.id AS return_id, returns.refund_id, returns.amount
          FROM trade.returns JOIN trade.orders ON orders.id = returns.order_id
          WHERE ${where} AND ${beside(sql, "returns.status")} = 'received'
          FOR UPDATE OF orders
        `.pipe(Effect.flatMap((rows) => Effect.orDie(decodeOwed(rows))))

      /** The return stays owed to the buyer; staff see why, and may ask for another refund. This one may be done after all. */
      const fail = Effect.fnUntraced(function* (refundId: RefundId, why: string) {
        const ofReturn = sql`refund_id = ${refundId} AND status = 'received' AND refund_failure IS NULL`
        yield* repo.note(ofReturn, yield* doingOf(`the refund failed: ${why}`))
        yield* sql`
          UPDATE trade.returns SET refund_due_at = NULL, refund_failure = ${why} WHERE ${ofReturn}
        `
        yield* Effect.logError("The refund of a return failed").pipe(Effect.annotateLogs({ refundId, why }))
      })

      /** In a transaction that holds the order: the money went back, by the refund `refundId` where it was one of this return. */
      const end = Effect.fnUntraced(function* (order: typeof Owed.Type, refundId: RefundId | null, reason: string) {
        const doing = yield* doingOf(reason)
        const { amount, returnId } = order
        const set = sql`, refund_id = ${refundId}::uuid, refund_due_at = NULL, refund_failure = NULL`
        if (!(yield* repo.move("refunded", sql`id = ${returnId}`, doing, set))) return
        yield* repo.addRefunded(returnId)
        yield* outbox.publish(orderReturned, {
          ...newsOf(order, doing.at),
          returnId,
          amount: Money.of(amount, order.currency)
        })
      })

      const { ask, resume } = refundAsking(gateway, {
        reason: "goods returned",
        claim,
        accepted: ({ id, refundId }) =>
          sql`UPDATE trade.returns SET refund_due_at = NULL WHERE id = ${id} AND refund_id = ${refundId}`,
        allBack: ({ id, refundId }) =>
          Effect.flatMap(lockOrder(sql`returns.id = ${id} AND returns.refund_id = ${refundId}`), ([order]) =>
            order === undefined ? Effect.void : end(order, null, "all of the payment went back already")
          ).pipe(sql.withTransaction, retryConflicts),
        refused: ({ refundId }, why) => sql.withTransaction(fail(refundId, why))
      })

      return ReturnRefunds.of({
        prepare: Effect.fnUntraced(function* (id, { at }) {
          yield* sql`
            UPDATE trade.returns SET ${askedAnew(sql, yield* newRefundId, at)}, refund_failure = NULL WHERE id = ${id}
          `
        }),
        ask: Effect.fn("ReturnRefunds.ask")(
          function* (id) {
            yield* Effect.forEach(yield* selectOpen(id), ask, { discard: true })
          },
          Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
        ),
        resume: Effect.fn("ReturnRefunds.resume")(resume),
        settle: Effect.fn("ReturnRefunds.settle")(function* (checkoutId, refundId, outcome) {
          const asked = sql`orders.checkout_id = ${checkoutId} AND ${everAskedFor(sql, "returns", refundId)}`
          const [order] = yield* lockOrder(asked)
          if (order === undefined) return
          if (outcome === "succeeded") return yield* end(order, refundId, "refunded")
          if (order.refundId === refundId) yield* fail(refundId, "the channel did not carry it out")
        })
      })
    })
  )
}
