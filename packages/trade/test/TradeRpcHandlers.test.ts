import { TradeAdminRpcs, TradeMerchantRpcs, TradeStorefrontRpcs } from "@mall/domain/trade/TradeRpc"
import { RpcAuthorization } from "@mall/domain/identity/Authorization"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import * as TradeRpcHandlers from "../src/TradeRpcHandlers.ts"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Headers } from "effect/http"
import { RpcMiddleware, RpcTest } from "effect/rpc"
import { aBuyer, addressId, newCheckoutId, newMerchantId, offer, principalOf, TestTrade } from "./TestTrade.ts"

const callsAs = (principal: Principal) =>
  RpcMiddleware.layerClient(RpcAuthorization, ({ next, request }) =>
    next({
      ...request,
      headers: Headers.set(request.headers, "authorization", `Bearer ${TestAuthorization.tokenOf(principal)}`)
    })
  )

const Handlers = TradeRpcHandlers.layer.pipe(Layer.provideMerge(TestTrade), Layer.provideMerge(TestAuthorization.layer))

layer(Handlers, { excludeTestServices: true })("Trade over RPC", (it) => {
  it.effect("serves buyer, merchant and operator, each within their part", () =>
    Effect.gen(function* () {
      const merchantId = yield* newMerchantId
      const skuId = yield* offer({ onHand: 5, merchantId })
      const buyer = aBuyer()
      const checkoutId = yield* newCheckoutId
      const id = yield* Effect.gen(function* () {
        const client = yield* RpcTest.makeClient(TradeStorefrontRpcs)
        const cart = yield* client["cart.add"]({ skuId, quantity: 2 })
        assert.strictEqual(cart.items[0]?.quantity, 2)
        const first = yield* client.checkout({ checkoutId, request: { cart: true, addressId } })
        const again = yield* client.checkout({ checkoutId, request: { cart: true, addressId } })
        assert.deepStrictEqual(again, first)
        const listed = yield* client["orders.list"]({ limit: 5 })
        assert.deepStrictEqual(
          listed.data.map((order) => order.id),
          first.orders.map((order) => order.id)
        )
        return first.orders[0]?.id ?? (yield* Effect.die("no order"))
      }).pipe(Effect.provide(callsAs(buyer)))

      yield* Effect.gen(function* () {
        const client = yield* RpcTest.makeClient(TradeMerchantRpcs)
        assert.strictEqual((yield* client["orders.getSold"]({ id })).id, id)
        const early = yield* Effect.flip(
          client["orders.ship"]({ id, shipment: { carrier: "SF Express", trackingNumber: "1" } })
        )
        assert.strictEqual(early._tag, "OrderStateConflict")
      }).pipe(Effect.provide(callsAs(principalOf(["merchant"], merchantId))))

      const refused = yield* Effect.gen(function* () {
        const client = yield* RpcTest.makeClient(TradeAdminRpcs)
        return yield* Effect.flip(client["orders.show"]({ id }))
      }).pipe(Effect.provide(callsAs(buyer)))
      assert.strictEqual(refused._tag, "Forbidden")

      yield* Effect.gen(function* () {
        const client = yield* RpcTest.makeClient(TradeAdminRpcs)
        assert.strictEqual((yield* client["orders.cancelAny"]({ id })).status, "canceled")
        const rule = { merchantId, categoryId: null, paymentMethod: null, expirySeconds: 900 }
        yield* client["orders.putExpiryRule"](rule)
        assert.deepStrictEqual(yield* client["orders.expiryRules"](), [rule])
        assert.deepStrictEqual(yield* client["orders.paymentIncidents"]({ limit: 10 }), [])
      }).pipe(Effect.provide(callsAs(principalOf(["admin"]))))
    })
  )
})
