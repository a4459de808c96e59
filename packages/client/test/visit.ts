import type { AddressId } from "@mall/domain/identity/AddressBook"
import { Email, Password } from "@mall/domain/identity/User"
import { generator } from "@mall/domain/kernel/Id"
import { CheckoutId, OrderId } from "@mall/domain/trade/Order"
import type { SkuId } from "@mall/domain/catalog/Catalog"
import { StockShort } from "@mall/domain/trade/TradeError"
import { Effect, Layer, Option, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { AccessToken } from "../src/AccessToken.ts"
import { withIdempotencyKey } from "../src/IdempotencyKey.ts"
import { MallHttp } from "../src/MallHttp.ts"
import { StorefrontRpc } from "../src/MallRpc.ts"

const password = "demo-correct-horse-battery"

const signIn = Effect.fnUntraced(function* (email: string) {
  const mall = yield* MallHttp
  const { accessToken } = yield* mall.auth.login({
    payload: { email: Email.make(email), password: Password.make(Redacted.make(password, { label: "password" })) }
  })
  yield* AccessToken.set(Option.some(Redacted.make(accessToken)))
})

/** Leaves three pieces of the first product. */
const rationed = Effect.gen(function* () {
  const mall = yield* MallHttp
  yield* signIn("admin@demo.mall")
  const [summary] = (yield* mall.products.list({ query: { limit: 1 } })).data
  if (summary === undefined) return yield* Effect.die("the demo shop has no product")
  const { skus } = yield* mall.products.get({ params: { id: summary.id } })
  const [sku] = skus
  if (sku === undefined) return yield* Effect.die("the product has no SKU")
  yield* mall.products.setStock({ params: { id: summary.id, skuId: sku.id }, payload: { onHand: 3 } })
  return sku.id
})

const tell = (error: unknown) => ({
  isStockShort: error instanceof StockShort,
  available: error instanceof StockShort ? error.available : undefined,
  skuId: error instanceof StockShort ? error.skuId : undefined
})

const buyTooMany = Effect.fnUntraced(function* (skuId: SkuId, addressId: AddressId) {
  const mall = yield* MallHttp
  const storefront = yield* StorefrontRpc
  const request = { items: [{ skuId, quantity: 5 }], addressId }
  const byHttp = yield* Effect.flip(mall.checkout.checkout({ payload: request }))
  const checkoutId = yield* generator(CheckoutId)
  const byRpc = yield* Effect.flip(storefront.checkout({ checkoutId, request }))
  return { byHttp: tell(byHttp), byRpc: tell(byRpc) }
})

const journey = Effect.gen(function* () {
  const mall = yield* MallHttp
  const storefront = yield* StorefrontRpc
  const asGuest = yield* Effect.flip(mall.orders.list({ query: {} }))
  const skuId = yield* rationed
  yield* signIn("buyer@demo.mall")
  const [address] = (yield* mall.addresses.list({ query: {} })).data
  if (address === undefined) return yield* Effect.die("the demo buyer has no address")
  const refused = yield* buyTooMany(skuId, address.id)
  const buy = mall.checkout
    .checkout({ payload: { items: [{ skuId, quantity: 3 }], addressId: address.id } })
    .pipe(withIdempotencyKey("visit"))
  const checkout = yield* buy
  const again = yield* buy
  const [order] = checkout.orders
  const found = yield* storefront["orders.get"]({ id: order?.id ?? (yield* generator(OrderId)) })
  const missing = yield* Effect.flip(storefront["orders.get"]({ id: yield* generator(OrderId) }))
  return {
    ...refused,
    skuId,
    asGuest: asGuest._tag,
    missing: missing._tag,
    isSameCheckout: again.checkoutId === checkout.checkoutId,
    status: found.status,
    placedAtIsDate: found.placedAt instanceof Date
  }
})

/** What a front end does, told in plain values. It runs wherever there is `fetch`. */
export const visit = (baseUrl: string) => {
  const clients = Layer.mergeAll(MallHttp.layer(baseUrl), StorefrontRpc.layer(baseUrl)).pipe(
    Layer.provideMerge(AccessToken.layer),
    Layer.provide(FetchHttpClient.layer)
  )
  return Effect.runPromise(Effect.provide(journey, clients))
}
