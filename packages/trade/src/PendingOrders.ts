import type { CheckoutId, OrderId } from "@mall/domain/trade/Order"
import { orderCanceled } from "@mall/domain/trade/OrderTopics"
import { Outbox } from "@mall/platform/Outbox"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { CartRepo } from "./CartRepo.ts"
import { CheckoutRepo } from "./CheckoutRepo.ts"
import { newsOf } from "./orderNews.ts"
import { OrderRepo } from "./OrderRepo.ts"
import type { Doing } from "./OrderRepo.ts"
import { StockReservations } from "./StockReservations.ts"

/** Ends orders that were not paid. */
export class PendingOrders extends Context.Service<
  PendingOrders,
  {
    /**
     * Cancels, in one transaction, those of the checkouts that still wait for their payment: their pieces are for sale again,
     * what came out of a cart goes back into it, `order_canceled` is told. Answers with the orders that it canceled. The caller
     * has made sure that nothing can be paid any more; what was paid in the meantime is left alone. `within` joins that
     * transaction where there are any.
     */
    cancel(
      checkoutIds: ReadonlyArray<CheckoutId>,
      doing: Doing,
      within?: Effect.Effect<void, SqlError>
    ): Effect.Effect<ReadonlyArray<OrderId>>
  }
>()("@mall/trade/PendingOrders") {
  static readonly layerNoDeps = Layer.effect(
    PendingOrders,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const checkouts = yield* CheckoutRepo
      const orders = yield* OrderRepo
      const reservations = yield* StockReservations
      const carts = yield* CartRepo
      const outbox = yield* Outbox

      const cancel = Effect.fn("PendingOrders.cancel")(
        function* (
          checkoutIds: ReadonlyArray<CheckoutId>,
          doing: Doing,
          within: Effect.Effect<void, SqlError> = Effect.void
        ) {
          const canceled = yield* checkouts.cancelPending(checkoutIds)
          if (canceled.length === 0) return []
          const moved = yield* orders.move("canceled", sql`checkout_id = ANY (${canceled}::uuid[])`, doing)
          const ids = moved.map(({ id }) => id)
          yield* reservations.release(ids, doing)
          yield* carts.restore(ids, doing.at)
          yield* outbox.publishAll(
            orderCanceled,
            moved.map((order) => ({ ...newsOf(order, doing.at), reason: doing.reason }))
          )
          yield* within
          return ids
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      return PendingOrders.of({ cancel })
    })
  )
}
