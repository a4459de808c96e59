import { AddressId } from "@mall/domain/identity/AddressBook"
import { Money } from "@mall/domain/kernel/Money"
import type { SkuId } from "@mall/domain/catalog/Catalog"
import { PaymentSummary } from "@mall/domain/payments/PaymentGateway"
import { OrderId } from "@mall/domain/trade/Order"
import { Carts } from "../src/Carts.ts"
import { Checkouts } from "../src/Checkouts.ts"
import { OrderCancellation } from "../src/OrderCancellation.ts"
import { OrderExpiry } from "../src/OrderExpiry.ts"
import { OrderExpiryRules } from "../src/OrderExpiryRules.ts"
import { Orders } from "../src/Orders.ts"
import { boughtBy, soldBy, within } from "../src/OrderScope.ts"
import { assert, layer } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import { SqlClient } from "effect/sql"
import {
  aBuyer,
  addressId,
  Bank,
  cny,
  idOf,
  letExpire,
  newCategoryId,
  newCheckoutId,
  newMerchantId,
  newSkuId,
  newUserId,
  offer,
  principalOf,
  requestOf,
  Shelf,
  statusOf,
  stockOf,
  TestTrade
} from "./TestTrade.ts"

layer(TestTrade, { excludeTestServices: true })("Checkouts", (it) => {
  it.effect("places one order per merchant with one payment for all, at the prices of the moment", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const orders = yield* Orders
      const bank = yield* Bank
      const buyer = aBuyer()
      const [one, other] = [idOf(newMerchantId), idOf(newMerchantId)]
      const tea = yield* offer({ onHand: 10, price: cny(1999), merchantId: one })
      const pot = yield* offer({ onHand: 10, price: cny(25_000), merchantId: other })
      const cup = yield* offer({ onHand: 10, price: cny(501), merchantId: one })
      const id = yield* newCheckoutId
      const bought = yield* checkouts.checkout(buyer, id, {
        ...requestOf([tea, 2], [pot, 1], [cup, 3]),
        expectedTotal: cny(2 * 1999 + 25_000 + 3 * 501),
        remark: "ring twice"
      })
      assert.deepStrictEqual(
        bought.orders.map(({ lines, merchantId, total }) => [merchantId, total.amount, lines.length]),
        [
          [one, 2 * 1999 + 3 * 501, 2],
          [other, 25_000, 1]
        ]
      )
      assert.strictEqual(bought.payment.status, "pending")
      assert.strictEqual(bank.payments.get(bought.payment.id)?.amount.amount, 30_501)
      assert.deepStrictEqual(yield* stockOf(cup), { onHand: 10, reserved: 3 })
      // What was answered is what was kept.
      const kept = yield* Effect.forEach(bought.orders, (order) => orders.get(boughtBy(buyer), order.id))
      assert.deepStrictEqual(kept, bought.orders)
    })
  )

  it.effect("keeps from the staff of a shop what was bought in others by the same checkout", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const orders = yield* Orders
      const [one, other] = [idOf(newMerchantId), idOf(newMerchantId)]
      const tea = yield* offer({ onHand: 10, price: cny(1999), merchantId: one })
      const pot = yield* offer({ onHand: 10, price: cny(25_000), merchantId: other })
      const staff = principalOf(["merchant"], one)
      const buy = Effect.fnUntraced(function* (...skuIds: ReadonlyArray<SkuId>) {
        const request = requestOf(...skuIds.map((skuId) => [skuId, 1] as const))
        const { orders: placed, payment } = yield* checkouts.checkout(aBuyer(), yield* newCheckoutId, request)
        const id = placed.find(({ merchantId }) => merchantId === one)?.id ?? (yield* Effect.die("no order"))
        return { id, payment }
      })
      const shared = yield* buy(tea, pot)
      const alone = yield* buy(tea)
      const listed = yield* orders.list(soldBy(staff), {})
      const shown = [...listed.data, yield* orders.get(within(staff), shared.id)]
      assert.deepStrictEqual(
        shown.map(({ id, payment }) => [id, payment]),
        [
          [alone.id, alone.payment],
          [shared.id, null],
          [shared.id, null]
        ]
      )
      const admin = yield* orders.get(within(principalOf(["admin"])), shared.id)
      assert.deepStrictEqual(admin.payment, shared.payment)
    })
  )

  it.effect("answers a retry with what was bought, whatever has changed since", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const carts = yield* Carts
      const shelf = yield* Shelf
      const buyer = aBuyer()
      const visitor = { principal: Option.some(buyer), token: undefined }
      const skuId = yield* offer({ onHand: 1, price: cny(700) })
      yield* carts.add(visitor, { skuId, quantity: 1 })
      const id = yield* newCheckoutId
      const first = yield* checkouts.checkout(buyer, id, { cart: true, addressId, expectedTotal: cny(700) })
      assert.deepStrictEqual((yield* carts.get(visitor)).items, [])
      shelf.delete(skuId)
      const again = yield* checkouts.checkout(buyer, id, {
        cart: true,
        addressId,
        expectedTotal: cny(700)
      })
      assert.deepStrictEqual(again, first)
      const others = yield* checkouts.checkout(aBuyer(), id, requestOf([skuId, 1])).pipe(Effect.flip)
      assert.strictEqual(others._tag, "ProductUnavailable")
    })
  )

  it.effect("refuses the id of another buyer's checkout", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const skuId = yield* offer({ onHand: 10 })
      const id = yield* newCheckoutId
      yield* checkouts.checkout(aBuyer(), id, requestOf([skuId, 1]))
      const error = yield* checkouts.checkout(aBuyer(), id, requestOf([skuId, 1])).pipe(Effect.flip)
      assert.strictEqual(error._tag, "CheckoutIdTaken")
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 10, reserved: 1 })
    })
  )

  it.effect("races of one operation buy once and tell all the same", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const buyer = aBuyer()
      const skuId = yield* offer({ onHand: 1 })
      const id = yield* newCheckoutId
      const answers = yield* Effect.all(
        Array.from({ length: 20 }, () => checkouts.checkout(buyer, id, requestOf([skuId, 1]))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(answers.map(({ payment }) => payment.id)).size, 1)
      assert.strictEqual(new Set(answers.flatMap(({ orders }) => orders.map((order) => order.id))).size, 1)
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 1, reserved: 1 })
    })
  )

  it.effect("buys nothing where anything is wrong, and says what", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const sql = yield* SqlClient.SqlClient
      const tea = yield* offer({ onHand: 5, price: cny(100) })
      const dollars = yield* offer({ onHand: 5, price: Money.of(100, "USD") })
      const dear = yield* offer({ onHand: 5, price: cny(Number.MAX_SAFE_INTEGER - 1) })
      const elsewhere = AddressId.make(idOf(newUserId))
      const wrong = [
        [{ ...requestOf([tea, 1]), addressId: elsewhere }, "AddressNotFound"],
        [requestOf([tea, 6]), "StockShort"],
        [requestOf([tea, 1], [yield* newSkuId, 1]), "ProductUnavailable"],
        [requestOf([tea, 1], [dollars, 1]), "CurrencyMismatch"],
        [requestOf([dear, 2]), "TotalTooLarge"],
        [requestOf([dear, 1], [tea, 1]), "TotalTooLarge"],
        [requestOf([tea, 999], [tea, 1]), "CartLimitExceeded"],
        [{ ...requestOf([tea, 1]), expectedTotal: cny(99) }, "PriceChanged"],
        [{ ...requestOf([tea, 1]), expectedTotal: Money.of(100, "USD") }, "PriceChanged"],
        [{ ...requestOf([tea, 1]), couponIds: ["SPRING"] }, "CouponsNotAccepted"],
        [{ cart: true, addressId }, "CartEmpty"]
      ] as const
      for (const [request, tag] of wrong) {
        const error = yield* checkouts.checkout(aBuyer(), yield* newCheckoutId, request).pipe(Effect.flip)
        assert.strictEqual(error._tag, tag)
      }
      assert.deepStrictEqual(yield* stockOf(tea), { onHand: 5, reserved: 0 })
      assert.deepStrictEqual(
        yield* sql`SELECT order_id FROM trade.order_lines WHERE sku_id = ANY (${[tea, dollars, dear]}::uuid[])`,
        []
      )
    })
  )

  it.effect("keeps the order while the pay platform is away, and makes the payment at the next look", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const orders = yield* Orders
      const bank = yield* Bank
      const buyer = aBuyer()
      const skuId = yield* offer({ onHand: 1 })
      bank.isAway = true
      const bought = yield* checkouts.checkout(buyer, yield* newCheckoutId, requestOf([skuId, 1]))
      bank.isAway = false
      assert.strictEqual(bought.payment.status, "pending")
      assert.isFalse(bank.payments.has(bought.payment.id))
      const order = yield* orders.get(boughtBy(buyer), bought.orders[0]?.id ?? OrderId.make(idOf(newUserId)))
      assert.deepStrictEqual(order.payment, bought.payment)
      assert.isTrue(bank.payments.has(bought.payment.id))
    })
  )

  it.effect("tells who asks again of orders that were canceled before they had a payment", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const bank = yield* Bank
      const buyer = aBuyer()
      const id = yield* newCheckoutId
      const request = requestOf([yield* offer({ onHand: 1 }), 1])
      bank.isAway = true
      const bought = yield* checkouts.checkout(buyer, id, request)
      bank.isAway = false
      const orderId = bought.orders[0]?.id ?? OrderId.make(idOf(newUserId))
      yield* OrderCancellation.use((cancellation) => cancellation.cancel(buyer, orderId))
      const repeated = yield* checkouts.checkout(buyer, id, request)
      assert.deepStrictEqual(repeated.payment, new PaymentSummary({ ...bought.payment, status: "canceled" }))
      assert.deepStrictEqual(
        repeated.orders.map(({ id, status }) => ({ id, status })),
        [{ id: orderId, status: "canceled" }]
      )
      assert.isFalse(bank.payments.has(bought.payment.id))
    })
  )

  it.effect("buys nothing while the pay platform is known to be away, and tells of what was bought before", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const bank = yield* Bank
      const buyer = aBuyer()
      const skuId = yield* offer({ onHand: 2 })
      const before = yield* newCheckoutId
      const bought = yield* checkouts.checkout(buyer, before, requestOf([skuId, 1]))
      bank.isKnownAway = true
      const refused = yield* Effect.flip(checkouts.checkout(buyer, yield* newCheckoutId, requestOf([skuId, 1])))
      const repeated = yield* checkouts.checkout(buyer, before, requestOf([skuId, 1]))
      bank.isKnownAway = false
      assert.deepInclude(refused, { _tag: "PaymentsUnavailable", retryAfterSeconds: 7 })
      assert.deepStrictEqual(repeated.payment, bought.payment)
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 2, reserved: 1 })
    })
  )

  it.effect(
    "keeps the order where the mall may take no more, pays it once there is room, and gives back what is canceled",
    () =>
      Effect.gen(function* () {
        const [bank, cancellation] = [yield* Bank, yield* OrderCancellation]
        const [checkouts, orders] = [yield* Checkouts, yield* Orders]
        const buyer = aBuyer()
        const skuId = yield* offer({ onHand: 3 })
        bank.isFull = true
        const buy = Effect.flatMap(newCheckoutId, (id) =>
          Effect.map(checkouts.checkout(buyer, id, requestOf([skuId, 1])), ({ orders: [order], payment }) => ({
            id,
            payment,
            orderId: order?.id ?? OrderId.make(idOf(newUserId))
          }))
        )
        const [kept, canceled, left] = [yield* buy, yield* buy, yield* buy]
        assert.deepInclude(kept.payment, { status: "failed", refusedBy: "quota" })
        assert.isFalse(bank.payments.has(kept.payment.id))
        // whoever looks sees the same at once, the buyer and those who look after all orders
        for (const scope of [boughtBy(buyer), { _tag: "Every" }] as const) {
          const seen = yield* orders.get(scope, kept.orderId)
          assert.strictEqual(seen.status, "pending_payment")
          assert.deepStrictEqual(seen.payment, kept.payment)
        }
        assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 3, reserved: 3 })
        // the same act again is no other one
        const again = yield* checkouts.checkout(buyer, kept.id, requestOf([skuId, 1]))
        assert.deepStrictEqual([again.orders[0]?.id, again.payment.status], [kept.orderId, "failed"])

        yield* cancellation.cancel(buyer, canceled.orderId)
        yield* letExpire([left.id])
        yield* OrderExpiry.use((expiry) => expiry.sweep(100))
        assert.strictEqual(yield* statusOf(left.orderId), "canceled")
        assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 3, reserved: 1 })

        bank.isFull = false
        const { payment } = yield* orders.get(boughtBy(buyer), kept.orderId)
        assert.strictEqual(payment?.status, "pending")
        assert.isUndefined(payment?.refusedBy)
        assert.isTrue(bank.payments.has(kept.payment.id))
      })
  )

  it.effect("buys a cart once, however many check it out at the same moment", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const carts = yield* Carts
      const buyer = aBuyer()
      const visitor = { principal: Option.some(buyer), token: undefined }
      const skuId = yield* offer({ onHand: 100 })
      yield* carts.add(visitor, { skuId, quantity: 3 })
      const tries = yield* Effect.forEach(
        Array.from({ length: 6 }),
        () =>
          Effect.flatMap(newCheckoutId, (id) =>
            Effect.result(checkouts.checkout(buyer, id, { cart: true, addressId }))
          ),
        { concurrency: "unbounded" }
      )
      const refusals = tries.flatMap((each) => (Result.isFailure(each) ? [each.failure._tag] : []))
      assert.deepStrictEqual(
        refusals,
        Array.from({ length: 5 }, () => "CartEmpty")
      )
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 100, reserved: 3 })
      assert.deepStrictEqual((yield* carts.get(visitor)).items, [])
    })
  )

  it.effect("takes from the cart what was bought and leaves what was added since", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const carts = yield* Carts
      const buyer = aBuyer()
      const visitor = { principal: Option.some(buyer), token: undefined }
      const tea = yield* offer({ onHand: 50 })
      yield* carts.add(visitor, { skuId: tea, quantity: 2 })
      const [bought] = yield* Effect.all(
        [
          checkouts.checkout(buyer, yield* newCheckoutId, { addressId }),
          Effect.forEach(Array.from({ length: 10 }), () => carts.add(visitor, { skuId: tea, quantity: 1 }), {
            concurrency: "unbounded"
          })
        ],
        { concurrency: "unbounded" }
      )
      const ordered = bought.orders[0]?.lines[0]?.quantity ?? 0
      const cart = yield* carts.get(visitor)
      assert.strictEqual(ordered + (cart.items[0]?.quantity ?? 0), 12)
    })
  )

  it.effect("gives each merchant's orders their own time to be paid", () =>
    Effect.gen(function* () {
      const checkouts = yield* Checkouts
      const rules = yield* OrderExpiryRules
      const merchantId = yield* newMerchantId
      const skuId = yield* offer({ onHand: 50, merchantId })
      yield* rules.put({ merchantId, categoryId: null, paymentMethod: null, expirySeconds: 600 }, "test")
      yield* rules.put({ merchantId, categoryId: null, paymentMethod: "bank_transfer", expirySeconds: 86_400 }, "test")
      const usual = yield* offer({ onHand: 50 })
      const secondsOf = Effect.fnUntraced(function* (request: Parameters<typeof checkouts.checkout>[2]) {
        const { orders } = yield* checkouts.checkout(aBuyer(), yield* newCheckoutId, request)
        return orders.map(({ expiresAt, placedAt }) => (+expiresAt - +placedAt) / 1000)
      })
      assert.deepStrictEqual(yield* secondsOf(requestOf([skuId, 1])), [600])
      assert.deepStrictEqual(yield* secondsOf({ ...requestOf([skuId, 1]), paymentMethod: "bank_transfer" }), [86_400])
      assert.deepStrictEqual(yield* secondsOf(requestOf([usual, 1])), [1800])
      assert.deepStrictEqual(yield* secondsOf(requestOf([usual, 1], [skuId, 1])), [600, 600])
    })
  )

  it.effect(
    "gives each kind of products its own time to be paid: the most specific rule, the shortest of the lines",
    () =>
      Effect.gen(function* () {
        const checkouts = yield* Checkouts
        const rules = yield* OrderExpiryRules
        const [food, tea, green] = yield* Effect.all([newCategoryId, newCategoryId, newCategoryId])
        const merchantId = yield* newMerchantId
        const ofFood = yield* offer({ onHand: 50, categories: [food] })
        const ofGreenTea = yield* offer({ onHand: 50, categories: [food, tea, green] })
        const own = yield* offer({ onHand: 50, merchantId, categories: [food, tea] })
        const other = yield* offer({ onHand: 50 })
        const anybody = { merchantId: null, paymentMethod: null }
        const method = "by_category"
        yield* rules.put({ ...anybody, categoryId: food, expirySeconds: 700 }, "test")
        yield* rules.put({ ...anybody, categoryId: tea, expirySeconds: 800 }, "test")
        yield* rules.put({ ...anybody, categoryId: null, paymentMethod: method, expirySeconds: 100 }, "test")
        yield* rules.put({ ...anybody, categoryId: food, paymentMethod: method, expirySeconds: 710 }, "test")
        const secondsOf = Effect.fnUntraced(function* (request: Parameters<typeof checkouts.checkout>[2]) {
          const { orders } = yield* checkouts.checkout(aBuyer(), yield* newCheckoutId, request)
          return orders.map(({ expiresAt, placedAt }) => (+expiresAt - +placedAt) / 1000)
        })
        assert.deepStrictEqual(yield* secondsOf(requestOf([ofFood, 1])), [700])
        // the nearest category, also where one further up knows the payment method
        assert.deepStrictEqual(yield* secondsOf(requestOf([ofGreenTea, 1])), [800])
        assert.deepStrictEqual(yield* secondsOf({ ...requestOf([ofGreenTea, 1]), paymentMethod: method }), [800])
        assert.deepStrictEqual(yield* secondsOf({ ...requestOf([ofFood, 1]), paymentMethod: method }), [710])
        assert.deepStrictEqual(yield* secondsOf({ ...requestOf([other, 1]), paymentMethod: method }), [100])
        assert.deepStrictEqual(yield* secondsOf(requestOf([ofGreenTea, 1], [ofFood, 1])), [700])
        assert.deepStrictEqual(yield* secondsOf(requestOf([own, 1])), [800])
        yield* rules.put({ merchantId, categoryId: null, paymentMethod: null, expirySeconds: 1200 }, "test")
        assert.deepStrictEqual(yield* secondsOf(requestOf([own, 1])), [1200])
        yield* rules.put({ merchantId, categoryId: food, paymentMethod: null, expirySeconds: 1300 }, "test")
        assert.deepStrictEqual(yield* secondsOf(requestOf([own, 1])), [1300])
        assert.deepStrictEqual(yield* secondsOf(requestOf([own, 1], [ofFood, 1], [other, 1])), [700, 700])
        assert.isTrue(yield* rules.remove({ ...anybody, categoryId: tea }, "test"))
        assert.isFalse(yield* rules.remove({ ...anybody, categoryId: tea }, "test"))
        assert.deepStrictEqual(yield* secondsOf(requestOf([ofGreenTea, 1])), [700])
        yield* rules.remove({ ...anybody, categoryId: null, paymentMethod: method }, "test")
      })
  )
})
