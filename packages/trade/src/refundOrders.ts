import { orderRefunded } from "@mall/domain/trade/OrderTopics"
import { Outbox } from "@mall/platform/Outbox"
import { Effect } from "effect"
import type { Fragment } from "effect/sql/Statement"
import { newsOf } from "./orderNews.ts"
import { OrderRepo } from "./OrderRepo.ts"
import type { Doing } from "./OrderRepo.ts"
import { StockReservations } from "./StockReservations.ts"

/** Makes the end of orders whose money went back: they are refunded, their pieces come back, and others are told. Needs a transaction. */
export const makeRefundOrders = Effect.gen(function* () {
  const orders = yield* OrderRepo
  const reservations = yield* StockReservations
  const outbox = yield* Outbox

  return Effect.fnUntraced(function* (where: Fragment, doing: Doing, set?: Fragment) {
    const moved = yield* orders.move("refunded", where, doing, set)
    yield* reservations.restock(
      moved.map(({ id }) => id),
      doing
    )
    yield* outbox.publishAll(
      orderRefunded,
      moved.map((order) => newsOf(order, doing.at))
    )
  })
})
