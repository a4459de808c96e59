import { assert, layer } from "@effect/vitest"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { Email } from "@mall/domain/identity/User"
import { generator } from "@mall/domain/kernel/Id"
import { ChannelId } from "@mall/domain/payments/Payment"
import { CheckoutId } from "@mall/domain/trade/Order"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer } from "effect"
import type { Redacted } from "effect"
import { connect, eventually, newBuyer, orderBecomes, passwordOf, sandboxAt, signIn, skusInStock } from "./shoppers.ts"

class Mall extends Context.Service<Mall, TestServer & { readonly database: Redacted.Redacted }>()(
  "@mall/server/test/journey/Mall"
) {
  static readonly layer = Layer.effect(
    Mall,
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const server = yield* startServer({ database, environment: { SANDBOX_REFUND_DELAY: "0 seconds" } })
      return Mall.of({ ...server, database })
    })
  )
}

const newCheckoutId = generator(CheckoutId)
const wechatpay = ChannelId.make("wechatpay")

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("a journey", (it) => {
  it.effect("leads from registration to goods received", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* Mall
      const buyer = yield* newBuyer(url, "journey")
      const skus = yield* skusInStock(buyer, 2)
      assert.lengthOf(skus, 2)
      for (const { id } of skus) yield* buyer.mall.cart.addItem({ headers: {}, payload: { skuId: id, quantity: 2 } })

      const buy = buyer.mall.checkout
        .checkout({ payload: { cart: true, addressId: buyer.addressId } })
        .pipe(withIdempotencyKey("journey"))
      const checkout = yield* buy
      assert.deepStrictEqual(yield* buy, checkout)
      const all = yield* buyer.mall.orders.list({ query: {} })
      assert.lengthOf(all.data, checkout.orders.length)
      assert.lengthOf((yield* buyer.mall.cart.get({ headers: {} })).items, 0)

      const step = yield* buyer.mall.payments.confirm({
        params: { id: checkout.payment.id },
        payload: { channel: wechatpay }
      })
      assert.strictEqual(step.action.type, "qr")
      yield* sandboxAt(sandboxUrl).pay(step.attempt.id)
      const paid = yield* Effect.forEach(checkout.orders, ({ id }) => orderBecomes(buyer, id, "paid"))
      assert.isTrue(paid.every(({ paidAt }) => paidAt !== null))
      assert.strictEqual((yield* buyer.mall.payments.show({ params: { id: step.id } })).status, "succeeded")

      const merchant = yield* signIn(url, "admin@demo.mall")
      for (const { id } of checkout.orders) {
        const params = { id }
        yield* merchant.mall.orders.ship({ params, payload: { carrier: "SF", trackingNumber: "SF1" } })
        yield* merchant.mall.orders.deliver({ params })
        const done = yield* buyer.mall.orders.confirmReceipt({ params })
        assert.deepStrictEqual(
          done.history.filter(({ from, to }) => from !== to).map(({ to }) => to),
          ["pending_payment", "paid", "shipped", "delivered", "completed"]
        )
      }
    })
  )

  it.effect("leads to a paid order through RPC alone", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* Mall
      const { addressId, storefront, ...buyer } = yield* newBuyer(url, "rpc")
      const [sku] = yield* skusInStock(buyer, 1)
      assert.isDefined(sku)
      yield* storefront["cart.add"]({ skuId: sku.id, quantity: 1 })
      const checkoutId = yield* newCheckoutId
      const call = storefront.checkout({ checkoutId, request: { cart: true, addressId } })
      const checkout = yield* call
      assert.deepStrictEqual(
        (yield* call).orders.map(({ id }) => id),
        checkout.orders.map(({ id }) => id)
      )
      const step = yield* storefront["payments.confirm"]({ id: checkout.payment.id, channel: wechatpay })
      yield* sandboxAt(sandboxUrl).pay(step.attempt.id)
      const [order] = checkout.orders
      assert.isDefined(order)
      const paid = yield* eventually(
        storefront["orders.get"]({ id: order.id }),
        ({ status }) => status === "paid",
        "order to be paid"
      )
      assert.strictEqual(paid.payment?.status, "succeeded")
    })
  )

  it.effect("that is not paid in time gives stock and cart back", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const buyer = yield* newBuyer(url, "forgetful")
      const sku = (yield* skusInStock(buyer, 5))[4]
      assert.isDefined(sku)
      yield* buyer.mall.cart.addItem({ headers: {}, payload: { skuId: sku.id, quantity: 3 } })
      yield* buyer.mall.cart.addItem({ headers: {}, payload: { skuId: sku.id, quantity: 1 } })
      const checkout = yield* buyer.mall.checkout.checkout({
        payload: { cart: true, addressId: buyer.addressId, paymentMethod: "demo-quick" }
      })
      const [order] = checkout.orders
      assert.isDefined(order)
      yield* orderBecomes(buyer, order.id, "canceled")
      const cart = yield* buyer.mall.cart.get({ headers: {} })
      assert.deepStrictEqual(
        cart.items.map(({ quantity, skuId }) => ({ quantity, skuId })),
        [{ quantity: 4, skuId: sku.id }]
      )
      yield* eventually(
        buyer.mall.cart.get({ headers: {} }),
        ({ items }) => items[0]?.available === sku.available,
        "the pieces to be for sale again"
      )
    })
  )

  it.effect("that is paid after its end is refunded in full", () =>
    Effect.gen(function* () {
      const { sandboxUrl, url } = yield* Mall
      const sandbox = sandboxAt(sandboxUrl)
      const buyer = yield* newBuyer(url, "late")
      const sku = (yield* skusInStock(buyer, 6))[5]
      assert.isDefined(sku)
      const checkout = yield* buyer.mall.checkout.checkout({
        payload: {
          items: [{ skuId: sku.id, quantity: 1 }],
          addressId: buyer.addressId,
          paymentMethod: "demo-quick"
        }
      })
      const step = yield* buyer.mall.payments.confirm({
        params: { id: checkout.payment.id },
        payload: { channel: wechatpay }
      })
      // The channel knows nothing of the order while it expires, and its notice of the money is lost at first.
      const forgets = { kind: "answer", with: "error", status: 404, code: "ORDER_NOT_EXIST" }
      yield* sandbox.fault({ operation: "query", fault: forgets })
      yield* sandbox.fault({ operation: "close", fault: forgets })
      yield* sandbox.fault({ operation: "callback", fault: { kind: "drop" }, times: 1 })
      yield* sandbox.pay(step.attempt.id)
      const [order] = checkout.orders
      assert.isDefined(order)
      yield* orderBecomes(buyer, order.id, "canceled")
      yield* sandbox.clearFaults
      const notice = (yield* sandbox.callbacks).data.find(({ state }) => state === "pending")
      assert.isDefined(notice)
      yield* sandbox.resend(notice.id)

      const payment = yield* eventually(
        buyer.mall.payments.show({ params: { id: checkout.payment.id } }),
        ({ status }) => status === "refunded",
        "the payment to be refunded"
      )
      assert.deepStrictEqual(payment.refunded, checkout.payment.amount)
      assert.strictEqual((yield* buyer.mall.orders.get({ params: { id: order.id } })).status, "canceled")
    })
  )

  it.effect("ends at once, on every server, for a user who is banned", () =>
    Effect.gen(function* () {
      const { database, dataFolder, sandboxPort, url } = yield* Mall
      const other = yield* startServer({ database, dataFolder, sandboxPort, roles: "api" })
      const buyer = yield* newBuyer(url, "banned")
      const elsewhere = yield* connect(other.url)
      yield* elsewhere.become(buyer.token)
      assert.strictEqual((yield* elsewhere.mall.auth.verify()).userId, buyer.user.id)

      const admin = yield* signIn(url, "admin@demo.mall")
      yield* admin.admin["users.ban"]({ userId: buyer.user.id, reason: "fraud" })
      const refused = yield* eventually(
        Effect.flip(elsewhere.mall.auth.verify()).pipe(Effect.orElseSucceed(() => undefined)),
        (error) => error?._tag === "Unauthorized",
        "the token to be refused"
      )
      assert.isDefined(refused)
      const atLogin = yield* Effect.flip(
        elsewhere.mall.auth.login({
          payload: {
            email: Email.make(buyer.email),
            password: passwordOf("walrus-banned-umbrella-lantern")
          }
        })
      )
      assert.strictEqual(atLogin._tag, "AccountBanned")
    })
  )
})
