import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { Problems } from "@mall/domain/kernel/Problems"
import { CartApiGroup } from "@mall/domain/trade/CartApi"
import { CheckoutApiGroup } from "@mall/domain/trade/CheckoutApi"
import { OrdersApiGroup } from "@mall/domain/trade/OrdersApi"
import { Idempotency } from "@mall/platform/Idempotency"
import { RateLimits } from "@mall/platform/http/RateLimits"
import { IdempotentLayer } from "@mall/platform/IdempotentLayer"
import { ProblemsLayer } from "@mall/platform/ProblemsLayer"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { OrderPayments } from "../src/OrderPayments.ts"
import * as TradeHttp from "../src/TradeHttp.ts"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter } from "effect/http"
import { HttpApi, HttpApiBuilder } from "effect/http-api"
import {
  aBuyer,
  addressId,
  Bank,
  cny,
  idOf,
  newMerchantId,
  newSkuId,
  offer,
  paidMessage,
  pay,
  placeOrder,
  principalOf,
  statusOf,
  stockOf,
  TestTrade
} from "./TestTrade.ts"

/** The part of the mall's API that trade answers. */
class TradeApi extends HttpApi.make("mall").add(CartApiGroup, CheckoutApiGroup, OrdersApiGroup).middleware(Problems) {}

const TestServer = HttpRouter.serve(
  HttpApiBuilder.layer(TradeApi).pipe(
    Layer.provide(TradeHttp.layer),
    Layer.provide([TestAuthorization.layer, IdempotentLayer, ProblemsLayer]),
    Layer.provide([Idempotency.layer, RateLimits.layer])
  ),
  { disableListenLog: true, disableLogger: true }
).pipe(Layer.provideMerge(NodeHttpServer.layerTest), Layer.provideMerge(TestTrade))

interface Call {
  readonly as?: Principal
  readonly headers?: Record<string, string>
  readonly body?: unknown
  /** Bytes as they are, instead of `body`. */
  readonly raw?: string
}

const Json = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Any))

const call = Effect.fnUntraced(function* (
  method: "GET" | "POST" | "PATCH" | "DELETE",
  path: string,
  options: Call = {}
) {
  const client = yield* HttpClient.HttpClient
  const bare = HttpClientRequest.make(method)(`/api/v1${path}`).pipe(
    HttpClientRequest.setHeaders(options.headers ?? {})
  )
  const authorized =
    options.as === undefined ? bare : HttpClientRequest.bearerToken(bare, TestAuthorization.tokenOf(options.as))
  const request =
    options.raw !== undefined
      ? HttpClientRequest.bodyText(authorized, options.raw, "application/json")
      : options.body !== undefined
        ? HttpClientRequest.bodyJsonUnsafe(authorized, options.body)
        : authorized
  const response = yield* client.execute(request)
  const body = yield* Effect.flatMap(response.text, Schema.decodeEffect(Json))
  return { status: response.status, headers: response.headers, body }
})

layer(TestServer, { excludeTestServices: true })("Trade over HTTP", (it) => {
  it.effect("takes a guest from a cart of their own to an order that is paid and shipped", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const merchantId = yield* newMerchantId
      const skuId = yield* offer({ onHand: 5, price: cny(1999), merchantId })
      const guest = yield* call("POST", "/carts")
      assert.strictEqual(guest.status, 201)
      const headers = { "x-cart-token": String(guest.body["cartToken"]) }
      const added = yield* call("POST", "/cart/items", { headers, body: { skuId, quantity: 2 } })
      assert.deepStrictEqual([added.status, added.body["totals"]], [200, [{ amount: 3998, currency: "CNY" }]])

      const buyer = aBuyer()
      const merged = yield* call("POST", "/cart/merge", { as: buyer, body: { cartToken: guest.body["cartToken"] } })
      assert.strictEqual(merged.body["items"].length, 1)
      const bought = yield* call("POST", "/checkout", {
        as: buyer,
        body: { cart: true, addressId, expectedTotal: { amount: 3998, currency: "CNY" } }
      })
      assert.strictEqual(bought.status, 201)
      assert.deepStrictEqual(bought.body["payment"].status, "pending")
      const [order] = bought.body["orders"]
      assert.deepStrictEqual((yield* call("GET", "/cart", { as: buyer })).body["items"], [])

      const bank = yield* Bank
      const paymentId = bought.body["payment"].id
      yield* pay(paymentId)
      const { amount, reference } = bank.payments.get(paymentId) ?? { amount: cny(0), reference: "" }
      yield* payments.markPaid({ paymentId, reference, amount, paidAt: new Date() })

      const staff = principalOf(["merchant"], merchantId)
      const toShip = yield* call("GET", "/merchant/orders?status=paid", { as: staff })
      assert.deepStrictEqual(
        toShip.body["data"].map(({ id }: { id: string }) => id),
        [order.id]
      )
      const shipment = { carrier: "SF Express", trackingNumber: "SF1" }
      const shipped = yield* call("POST", `/orders/${order.id}/ship`, { as: staff, body: shipment })
      assert.deepStrictEqual([shipped.status, shipped.body["shipment"]], [200, shipment])
      const done = yield* call("POST", `/orders/${order.id}/confirm-receipt`, { as: buyer })
      assert.strictEqual(done.body["status"], "completed")
      const listed = yield* call("GET", "/orders?limit=1", { as: buyer })
      assert.deepStrictEqual([listed.body["data"][0].id, listed.body["nextCursor"]], [order.id, null])
    })
  )

  it.effect("buys once by an Idempotency-Key, however often it is sent", () =>
    Effect.gen(function* () {
      const skuId = yield* offer({ onHand: 10 })
      const request: Call = {
        as: aBuyer(),
        headers: { "idempotency-key": "checkout-1" },
        body: { items: [{ skuId, quantity: 1 }], addressId }
      }
      const first = yield* call("POST", "/checkout", request)
      const again = yield* call("POST", "/checkout", request)
      assert.deepStrictEqual(again.body, first.body)
      assert.strictEqual(again.headers["idempotency-replayed"], "true")
      const other = yield* call("POST", "/checkout", {
        ...request,
        body: { items: [{ skuId, quantity: 2 }], addressId }
      })
      assert.deepStrictEqual([other.status, other.body["code"]], [422, "IdempotencyKeyReused"])
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 10, reserved: 1 })
    })
  )

  it.effect("says which SKU is short and how many are left", () =>
    Effect.gen(function* () {
      const skuId = yield* offer({ onHand: 2 })
      const { body, status } = yield* call("POST", "/checkout", {
        as: aBuyer(),
        body: { items: [{ skuId, quantity: 3 }], addressId }
      })
      assert.deepStrictEqual(
        [status, body["code"], body["skuId"], body["available"], body["detail"]],
        [409, "StockShort", skuId, 2, "Only 2 left"]
      )
    })
  )

  it.effect("asks who it is where it has to know", () =>
    Effect.gen(function* () {
      const id = (yield* placeOrder(yield* offer({ onHand: 1 }))).order.id
      for (const [method, path] of [
        ["GET", "/cart"],
        ["DELETE", "/cart"],
        ["POST", "/checkout"],
        ["GET", "/orders"],
        ["GET", `/orders/${id}`],
        ["POST", `/orders/${id}/cancel`],
        ["POST", "/cart/merge"]
      ] as const) {
        const { body, status } = yield* call(method, path, method === "POST" ? { body: {} } : {})
        assert.deepStrictEqual([path, status, body["code"]], [path, 401, "Unauthorized"])
      }
      const buyer = aBuyer()
      for (const [method, path] of [
        ["GET", "/merchant/orders"],
        ["POST", `/orders/${id}/ship`],
        ["POST", `/orders/${id}/deliver`]
      ] as const) {
        const body = { carrier: "SF", trackingNumber: "1" }
        const answer = yield* call(method, path, { as: buyer, ...(method === "POST" ? { body } : {}) })
        assert.deepStrictEqual([path, answer.status, answer.body["code"]], [path, 403, "Forbidden"])
      }
    })
  )

  it.effect("answers anything malformed with a 4xx and changes nothing", () =>
    Effect.gen(function* () {
      const skuId = yield* offer({ onHand: 10 })
      const buyer = aBuyer()
      const { order } = yield* placeOrder(skuId, 1, buyer)
      const item = (change: object) => ({ items: [{ skuId, quantity: 1, ...change }], addressId })
      const bad: ReadonlyArray<readonly ["GET" | "POST" | "PATCH" | "DELETE", string, Call]> = [
        ["POST", "/checkout", { raw: "{" }],
        ["POST", "/checkout", { raw: "null" }],
        ["POST", "/checkout", { body: [] }],
        ["POST", "/checkout", { body: { addressId, items: [] } }],
        ["POST", "/checkout", { body: { addressId, cart: false } }],
        ["POST", "/checkout", { body: { ...item({}), cart: true } }],
        ["POST", "/checkout", { body: item({ quantity: 0 }) }],
        ["POST", "/checkout", { body: item({ quantity: -1 }) }],
        ["POST", "/checkout", { body: item({ quantity: 1.5 }) }],
        ["POST", "/checkout", { body: item({ quantity: 1000 }) }],
        ["POST", "/checkout", { body: item({ quantity: "1" }) }],
        ["POST", "/checkout", { body: item({ skuId: "'; DROP TABLE trade.orders; --" }) }],
        ["POST", "/checkout", { body: { ...item({}), addressId: "1" } }],
        ["POST", "/checkout", { body: { ...item({}), expectedTotal: { amount: 1e300, currency: "CNY" } } }],
        ["POST", "/checkout", { body: { ...item({}), expectedTotal: { amount: 1, currency: "XXX" } } }],
        ["POST", "/checkout", { body: { ...item({}), remark: "\u0000" } }],
        [
          "POST",
          "/checkout",
          { raw: `{"items":[{"skuId":"${skuId}","quantity":1}],"addressId":"${addressId}","remark":"\\ud800"}` }
        ],
        ["POST", "/checkout", { body: { ...item({}), remark: "x".repeat(501) } }],
        [
          "POST",
          "/checkout",
          { body: { addressId, items: Array.from({ length: 101 }, () => ({ skuId, quantity: 1 })) } }
        ],
        ["POST", "/checkout", { body: { ...item({}), couponIds: ["SPRING"] } }],
        ["POST", "/cart/items", { body: { skuId, quantity: 0 } }],
        ["POST", "/cart/items", { body: { skuId: idOf(newSkuId), quantity: 1 } }],
        ["PATCH", `/cart/items/${skuId}`, { body: { quantity: 1 } }],
        ["PATCH", "/cart/items/1", { body: { quantity: 1 } }],
        ["DELETE", `/cart/items/${skuId}`, {}],
        ["POST", "/cart/merge", { body: { cartToken: "x" } }],
        ["POST", "/cart/merge", { body: { cartToken: "A".repeat(43) } }],
        ["GET", "/orders/abc", {}],
        ["GET", `/orders/${idOf(newSkuId)}`, {}],
        ["GET", "/orders?limit=0", {}],
        ["GET", "/orders?limit=101", {}],
        ["GET", "/orders?after=%00", {}],
        ["GET", "/orders?after=bm90IGEgY3Vyc29y", {}],
        ["GET", "/orders?status=lost", {}],
        ["PATCH", `/orders/${order.id}`, { body: { remark: 1 } }],
        ["PATCH", `/orders/${order.id}`, { body: { address: { recipient: "" } } }],
        ["POST", `/orders/${order.id}/confirm-receipt`, {}]
      ]
      for (const [method, path, options] of bad) {
        const { body, status } = yield* call(method, path, { as: buyer, ...options })
        assert.isTrue(status >= 400 && status < 500, `${method} ${path} answered ${status}`)
        assert.isString(body["code"], `${method} ${path} has a code`)
      }
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 10, reserved: 1 })
      assert.strictEqual(yield* statusOf(order.id), "pending_payment")
    })
  )

  it.effect("opens a guest's cart by nothing but its token", () =>
    Effect.gen(function* () {
      const wrong = yield* call("GET", "/cart", { headers: { "x-cart-token": "A".repeat(43) } })
      assert.deepStrictEqual([wrong.status, wrong.body["code"]], [404, "CartNotFound"])
      const shapeless = yield* call("GET", "/cart", { headers: { "x-cart-token": "abc" } })
      assert.strictEqual(shapeless.status, 400)
    })
  )

  it.effect("tells guests at one address apart by their tokens, also where they use the same Idempotency-Key", () =>
    Effect.gen(function* () {
      const body = { skuId: yield* offer({ onHand: 5 }), quantity: 1 }
      const carts = [yield* call("POST", "/carts"), yield* call("POST", "/carts")]
      const ids = []
      for (const cart of carts) {
        const headers = { "x-cart-token": String(cart.body["cartToken"]), "idempotency-key": "add-1" }
        const added = yield* call("POST", "/cart/items", { headers, body })
        const again = yield* call("POST", "/cart/items", { headers, body })
        assert.strictEqual(again.headers["idempotency-replayed"], "true")
        assert.deepStrictEqual([again.body, added.body["items"][0].quantity], [added.body, 1])
        ids.push(added.body["id"])
      }
      assert.deepStrictEqual(
        ids,
        carts.map(({ body }) => body["cart"].id)
      )
    })
  )

  it.effect("refunds a paid order when its buyer cancels it", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const { buyer, order, payment } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* pay(payment.id)
      yield* payments.markPaid(paidMessage(payment))
      const canceled = yield* call("POST", `/orders/${order.id}/cancel`, { as: buyer })
      assert.deepStrictEqual([canceled.status, canceled.body["status"]], [200, "refunding"])
    })
  )
})
