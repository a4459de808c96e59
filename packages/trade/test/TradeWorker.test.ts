import { markOrderCanceled, markOrderPaid } from "@mall/domain/payments/PaymentTopics"
import { Outbox } from "@mall/platform/Outbox"
import { Sweeps } from "@mall/platform/Sweeps"
import * as TradeWorker from "../src/TradeWorker.ts"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { historyOf, letExpire, offer, paidMessage, pay, placeOrder, statusOf, stockOf, TestTrade } from "./TestTrade.ts"
import type { OrderId } from "@mall/domain/trade/Order"

/** Waits until the order has come to `status`; a test that never gets there fails by its timeout. */
const reaches = (id: OrderId, status: string) =>
  statusOf(id).pipe(Effect.repeat({ until: (now) => now === status, schedule: Schedule.spaced("10 millis") }))

const Worker = TradeWorker.layer.pipe(Layer.provideMerge(Sweeps.layer), Layer.provideMerge(TestTrade))

layer(Worker, { excludeTestServices: true })("TradeWorker", (it) => {
  it.effect("hears that orders were paid, in whatever order and however often it is told", () =>
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const skuId = yield* offer({ onHand: 20 })
      const placed = yield* Effect.forEach(Array.from({ length: 10 }), () => placeOrder(skuId), { concurrency: 5 })
      for (const { payment } of placed) yield* pay(payment.id)
      yield* outbox.publishAll(
        markOrderPaid,
        [...placed, ...placed].toReversed().map(({ payment }) => paidMessage(payment))
      )
      for (const { order } of placed) yield* reaches(order.id, "paid")
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 10, reserved: 0 })
    })
  )

  it.effect("hears that a payment ended without money", () =>
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const { checkoutId, order, payment } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* outbox.publish(markOrderCanceled, { paymentId: payment.id, reference: checkoutId, reason: "time is up" })
      yield* reaches(order.id, "canceled")
      assert.deepStrictEqual(yield* historyOf(order.id), [">pending_payment", "pending_payment>canceled"])
    })
  )

  it.effect("cancels an order when its timeout is delivered", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { checkoutId, order } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* letExpire([checkoutId])
      yield* sql`UPDATE outbox SET visible_at = now() WHERE id = ${checkoutId}`
      yield* reaches(order.id, "canceled")
    })
  )

  it.effect("lets an operator run each of its sweeps", () =>
    Effect.gen(function* () {
      const sweeps = yield* Sweeps
      const { checkoutId, order } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* letExpire([checkoutId])
      for (const name of ["expired_orders", "open_refunds", "delivered_orders", "forsaken_carts"]) {
        yield* sweeps.run(name, "test")
      }
      assert.strictEqual(yield* statusOf(order.id), "canceled")
    })
  )
})
