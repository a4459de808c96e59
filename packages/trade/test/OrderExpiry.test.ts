import { Carts } from "../src/Carts.ts"
import { Checkouts } from "../src/Checkouts.ts"
import { OrderExpiry } from "../src/OrderExpiry.ts"
import { OrderPayments } from "../src/OrderPayments.ts"
import { assert, layer } from "@effect/vitest"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import {
  aBuyer,
  addressId,
  Bank,
  historyOf,
  letExpire,
  newCheckoutId,
  offer,
  paidMessage,
  pay,
  placeOrder,
  statusOf,
  stockOf,
  TestTrade
} from "./TestTrade.ts"

/** Ends the lease of whoever looked at a checkout. */
const endLease = Effect.fnUntraced(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE trade.checkouts SET due_at = expires_at WHERE status = 'pending_payment'`
})

layer(TestTrade, { excludeTestServices: true })("OrderExpiry", (it) => {
  it.effect("leaves what may still be paid", () =>
    Effect.gen(function* () {
      const expiry = yield* OrderExpiry
      const { checkoutId, order } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* expiry.expire(checkoutId)
      assert.strictEqual(yield* expiry.sweep(100), 0)
      assert.strictEqual(yield* statusOf(order.id), "pending_payment")
    })
  )

  it.effect("cancels what nobody paid, gives back stock and cart, and asks the channel nothing", () =>
    Effect.gen(function* () {
      const expiry = yield* OrderExpiry
      const checkouts = yield* Checkouts
      const carts = yield* Carts
      const bank = yield* Bank
      const buyer = aBuyer()
      const visitor = { principal: Option.some(buyer), token: undefined }
      const [tea, pot] = [yield* offer({ onHand: 10 }), yield* offer({ onHand: 10 })]
      yield* carts.add(visitor, { skuId: tea, quantity: 6 })
      yield* carts.add(visitor, { skuId: pot, quantity: 1 })
      const { checkoutId, orders } = yield* checkouts.checkout(buyer, yield* newCheckoutId, { cart: true, addressId })
      yield* carts.add(visitor, { skuId: tea, quantity: 2 })
      yield* letExpire([checkoutId])
      const closes = bank.closes
      assert.strictEqual(yield* expiry.sweep(100), 1)
      assert.strictEqual(bank.closes, closes)
      for (const { id } of orders) {
        assert.deepStrictEqual(yield* historyOf(id), [">pending_payment", "pending_payment>canceled"])
      }
      assert.deepStrictEqual(yield* stockOf(tea), { onHand: 10, reserved: 0 })
      const cart = yield* carts.get(visitor)
      assert.deepStrictEqual(
        new Map(cart.items.map(({ quantity, skuId }) => [skuId, quantity])),
        new Map([
          [tea, 8],
          [pot, 1]
        ])
      )
    })
  )

  it.effect("puts nothing into the cart that did not come out of it, nor above its limits", () =>
    Effect.gen(function* () {
      const expiry = yield* OrderExpiry
      const checkouts = yield* Checkouts
      const carts = yield* Carts
      const buyer = aBuyer()
      const visitor = { principal: Option.some(buyer), token: undefined }
      const direct = yield* placeOrder(yield* offer({ onHand: 1 }), 1, buyer)
      const tea = yield* offer({ onHand: 2000 })
      const rest = [yield* offer({ onHand: 2000 }), yield* offer({ onHand: 2000 })]
      for (const skuId of [tea, ...rest]) yield* carts.add(visitor, { skuId, quantity: 900 })
      const bought = yield* checkouts.checkout(buyer, yield* newCheckoutId, { cart: true, addressId })
      yield* carts.add(visitor, { skuId: tea, quantity: 500 })
      const others = yield* Effect.forEach(Array.from({ length: 98 }), () => offer({ onHand: 1 }), { concurrency: 8 })
      for (const skuId of others) yield* carts.add(visitor, { skuId, quantity: 1 })
      yield* letExpire([direct.checkoutId, bought.checkoutId])
      yield* expiry.sweep(100)
      const { items } = yield* carts.get(visitor)
      assert.strictEqual(items.length, 100)
      assert.strictEqual(items.find(({ skuId }) => skuId === tea)?.quantity, 999)
      assert.isFalse(items.some(({ skuId }) => skuId === direct.order.lines[0]?.skuId))
    })
  )

  it.effect("never cancels what was paid, and leaves alone what the channel cannot tell yet", () =>
    Effect.gen(function* () {
      const expiry = yield* OrderExpiry
      const bank = yield* Bank
      const skuId = yield* offer({ onHand: 3 })
      const [paid, processing, unclear] = yield* Effect.all([placeOrder(skuId), placeOrder(skuId), placeOrder(skuId)])
      for (const { payment } of [processing, unclear]) {
        const known = bank.payments.get(payment.id)
        if (known !== undefined) known.status = "processing"
      }
      yield* letExpire([paid.checkoutId, processing.checkoutId, unclear.checkoutId])
      yield* pay(paid.payment.id)
      bank.undecided.add(unclear.payment.id)
      assert.strictEqual(yield* expiry.sweep(100), 3)
      assert.strictEqual(yield* statusOf(paid.order.id), "pending_payment")
      assert.strictEqual(yield* statusOf(processing.order.id), "canceled")
      assert.strictEqual(yield* statusOf(unclear.order.id), "pending_payment")
      // The lease keeps everybody away for a while; afterwards the truth is asked for again.
      yield* expiry.expire(unclear.checkoutId)
      assert.strictEqual(yield* expiry.sweep(100), 0)
      bank.undecided.clear()
      yield* endLease()
      yield* expiry.expire(unclear.checkoutId)
      assert.strictEqual(yield* statusOf(unclear.order.id), "canceled")
    })
  )

  it.effect("goes on when the platform is away for a while", () =>
    Effect.gen(function* () {
      const expiry = yield* OrderExpiry
      const bank = yield* Bank
      const { checkoutId, order } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* letExpire([checkoutId])
      bank.isAway = true
      const exit = yield* Effect.exit(expiry.sweep(100))
      bank.isAway = false
      assert.strictEqual(exit._tag, "Failure")
      assert.strictEqual(yield* statusOf(order.id), "pending_payment")
      yield* endLease()
      yield* expiry.sweep(100)
      assert.strictEqual(yield* statusOf(order.id), "canceled")
    })
  )

  it.effect("sells what is paid while it is being closed", () =>
    Effect.gen(function* () {
      const expiry = yield* OrderExpiry
      const payments = yield* OrderPayments
      const bank = yield* Bank
      const skuId = yield* offer({ onHand: 1 })
      const { checkoutId, order, payment } = yield* placeOrder(skuId)
      const known = bank.payments.get(payment.id)
      if (known !== undefined) known.status = "processing"
      yield* letExpire([checkoutId])
      bank.beforeClose = Effect.andThen(pay(payment.id), payments.markPaid(paidMessage(payment))).pipe(
        Effect.provideService(Bank, bank)
      )
      yield* expiry.expire(checkoutId)
      bank.beforeClose = Effect.void
      assert.strictEqual(yield* statusOf(order.id), "paid")
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 0, reserved: 0 })
    })
  )

  it.effect("shares the work among workers without doing any twice", () =>
    Effect.gen(function* () {
      const expiry = yield* OrderExpiry
      const skuId = yield* offer({ onHand: 120 })
      const placed = yield* Effect.forEach(Array.from({ length: 120 }), () => placeOrder(skuId), { concurrency: 60 })
      yield* letExpire(placed.map(({ checkoutId }) => checkoutId))
      const done = yield* Effect.all(
        [
          ...Array.from({ length: 6 }, () => expiry.sweep(50)),
          ...placed.slice(0, 20).map(({ checkoutId }) => Effect.as(expiry.expire(checkoutId), 0))
        ],
        { concurrency: "unbounded" }
      )
      assert.isAtMost(
        done.reduce((a, b) => a + b),
        120
      )
      yield* expiry.sweep(500)
      for (const { order } of placed) {
        assert.deepStrictEqual(yield* historyOf(order.id), [">pending_payment", "pending_payment>canceled"])
      }
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 120, reserved: 0 })
    })
  )
})
