import { Money } from "@mall/domain/kernel/Money"
import type { Topic } from "@mall/domain/kernel/Topic"
import type { markOrderPaid } from "@mall/domain/payments/PaymentTopics"
import { orderStates, systemActor } from "@mall/domain/trade/Order"
import { orderPaid } from "@mall/domain/trade/OrderTopics"
import { groupCommit } from "@mall/platform/groupCommit"
import { Outbox } from "@mall/platform/Outbox"
import { beside } from "@mall/platform/planning"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Exit, Layer, Option, Request, Schema } from "effect"
import type { Tracer } from "effect"
import { SqlClient } from "effect/sql"
import { CheckoutRepo } from "./CheckoutRepo.ts"
import type { CheckoutRow } from "./CheckoutRepo.ts"
import { newsOf } from "./orderNews.ts"
import { OrderRepo } from "./OrderRepo.ts"
import type { Doing } from "./OrderRepo.ts"
import { MovedOrder } from "./OrderRows.ts"
import { PaymentIncidents } from "./PaymentIncidents.ts"
import { StockReservations } from "./StockReservations.ts"

export type PaidMessage = typeof markOrderPaid extends Topic<infer A, infer _I> ? A : never

/** Checkouts that one transaction marks at most. */
const maxBatch = 64

/** A message, and the span that what it causes continues. */
class Accept extends Request.Class<
  { readonly message: PaidMessage; readonly span: Option.Option<Tracer.Span> },
  Option.Option<CheckoutRow>
> {}

const Paid = Schema.Struct({
  checkoutId: Schema.String,
  paidAt: Schema.Date,
  traceId: Schema.NullOr(Schema.String)
})
const paidJson = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Schema.Array(Paid))))

const describe = (money: Money) => `${money.amount} ${money.currency}`

const traceOf = (span: Option.Option<Tracer.Span>) => Option.getOrNull(Option.map(span, ({ traceId }) => traceId))

/**
 * What the pay platform tells of captured payments, taken into the books of the mall. Everything is decided under the
 * locks of the checkouts, by the states that they are in; messages that come at the same time share a transaction, and
 * one that is refused spoils no other.
 */
export class PaidCheckouts extends Context.Service<
  PaidCheckouts,
  {
    /**
     * Marks the orders paid and their pieces sold, once. Where the amount is not the checkout's total nothing is marked and
     * an incident is reported. Answers with the checkout whose money has to go back, since its orders were canceled before.
     */
    accept(message: PaidMessage): Effect.Effect<Option.Option<CheckoutRow>>
  }
>()("@mall/trade/PaidCheckouts") {
  static readonly layerNoDeps = Layer.effect(
    PaidCheckouts,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const checkouts = yield* CheckoutRepo
      const orders = yield* OrderRepo
      const reservations = yield* StockReservations
      const incidents = yield* PaymentIncidents
      const outbox = yield* Outbox
      const decodeMoved = Schema.decodeUnknownEffect(
        Schema.Array(Schema.Struct({ ...MovedOrder.fields, traceId: Schema.NullOr(Schema.String) }))
      )

      /** Moves checkouts that are locked, and their orders, in ascending order of the orders' ids. */
      const markPaid = (paid: ReadonlyArray<typeof Paid.Type>, { actor, at, reason }: Doing) =>
        sql`
          WITH paid AS (
            SELECT * FROM jsonb_to_recordset(${paidJson(paid)}::jsonb)
              AS r("checkoutId" uuid, "paidAt" timestamptz, "traceId" text)
          ),
          locked AS MATERIALIZED (
            SELECT orders.id, orders.status, paid."paidAt", paid."traceId"
            FROM trade.orders JOIN paid ON paid."checkoutId" = orders.checkout_id
            WHERE ${beside(sql, "orders.status")} = ANY (${orderStates.sources("paid")}::text[])
            ORDER BY orders.id
            FOR UPDATE OF orders
          ),
          marked AS (
            UPDATE trade.checkouts SET status = 'paid' FROM paid WHERE checkouts.id = paid."checkoutId"
          ),
          moved AS (
            UPDATE trade.orders SET status = 'paid', paid_at = locked."paidAt" FROM locked WHERE orders.id = locked.id
            RETURNING
              orders.id, orders.checkout_id, orders.user_id, orders.merchant_id, orders.currency, orders.total,
              locked."traceId" AS trace_id
          ),
          noted AS (
            INSERT INTO trade.order_history (
              order_id, from_status, to_status, actor_kind, actor_id, reason, trace_id, at
            )
            SELECT id, status, 'paid', ${actor.kind}, ${actor.id}::uuid, ${reason}, "traceId", ${at} FROM locked
          )
          SELECT * FROM moved ORDER BY moved.id
        `.pipe(Effect.flatMap((rows) => Effect.orDie(decodeMoved(rows))))

      const sell = Effect.fnUntraced(function* (sold: ReadonlyMap<CheckoutRow, Accept>, doing: Doing) {
        if (sold.size === 0) return
        const spans = new Map(Array.from(sold, ([{ id }, { span }]) => [id, span]))
        const moved = yield* markPaid(
          Array.from(sold, ([{ id }, { message, span }]) => ({
            checkoutId: id,
            paidAt: message.paidAt,
            traceId: traceOf(span)
          })),
          doing
        )
        yield* reservations.sell(
          moved.map(({ id }) => id),
          doing,
          new Map(moved.map(({ id, traceId }) => [id, traceId]))
        )
        yield* outbox.publishEach(
          orderPaid,
          moved.map((order) => ({
            message: newsOf(order, doing.at),
            span: spans.get(order.checkoutId) ?? Option.none()
          }))
        )
      })

      const noteLate = Effect.fnUntraced(function* (checkout: CheckoutRow, doing: Doing) {
        const { id: checkoutId, paymentId } = checkout
        const isNew = yield* incidents.report({
          paymentId,
          checkoutId,
          kind: "paid_late",
          detail: `${checkout.total} ${checkout.currency} came after the orders were canceled and go back`
        })
        if (!isNew) return
        yield* orders.note(sql`orders.checkout_id = ${checkoutId}`, {
          ...doing,
          reason: "paid after it was canceled; the payment is refunded in full"
        })
      })

      const noteMismatch = (checkout: CheckoutRow, { amount }: PaidMessage) =>
        incidents.report({
          paymentId: checkout.paymentId,
          checkoutId: checkout.id,
          kind: "amount_mismatch",
          detail: `${describe(amount)} were paid, ${describe(Money.of(checkout.total, checkout.currency))} are due`
        })

      const acceptAll = Effect.fnUntraced(
        function* (requests: ReadonlyArray<Accept>) {
          const doing: Doing = { actor: systemActor, reason: "paid", at: yield* DateTime.nowAsDate, traceId: null }
          const locked = yield* checkouts.lockByPayments(requests.map(({ message }) => message.paymentId))
          const sold = new Map<CheckoutRow, Accept>()
          const answers: Array<Option.Option<CheckoutRow>> = []
          for (const request of requests) {
            const { message, span } = request
            // Payments of other merchants of the pay platform are told here as well.
            const checkout = locked.get(message.paymentId)
            const isExact = checkout !== undefined && message.amount.equals(Money.of(checkout.total, checkout.currency))
            if (checkout !== undefined && !isExact) yield* noteMismatch(checkout, message)
            if (checkout !== undefined && isExact && checkout.status === "pending_payment" && !sold.has(checkout)) {
              sold.set(checkout, request)
            }
            const isLate = checkout !== undefined && isExact && checkout.status === "canceled"
            if (isLate) yield* noteLate(checkout, { ...doing, traceId: traceOf(span) })
            answers.push(isLate ? Option.some(checkout) : Option.none())
          }
          yield* sell(sold, doing)
          return answers
        },
        sql.withTransaction,
        retryConflicts
      )

      const resolver = groupCommit<Accept>({
        commit: Effect.fnUntraced(function* (entries) {
          const answers = yield* acceptAll(entries.map(({ request }) => request))
          entries.forEach(({ completeUnsafe }, index) =>
            completeUnsafe(Exit.succeed(answers[index] ?? Option.none<CheckoutRow>()))
          )
        }),
        refused: Exit.die,
        maxBatch
      })

      return PaidCheckouts.of({
        accept: Effect.fn("PaidCheckouts.accept")(function* (message) {
          const span = yield* Effect.option(Effect.currentSpan)
          return yield* Effect.request(new Accept({ message, span }), resolver)
        })
      })
    })
  )
}
