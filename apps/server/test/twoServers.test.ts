import { assert, layer } from "@effect/vitest"
import { withIdempotencyKey } from "@mall/client/IdempotencyKey"
import { ChannelId } from "@mall/domain/payments/Payment"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Context, Effect, Exit, Layer } from "effect"
import { alternately } from "./alternately.ts"
import { booksOf } from "./books.ts"
import { connect, eventually, newBuyer, orderBecomes, sandboxAt, signIn, skusInStock } from "./shoppers.ts"
import type { Buyer } from "./shoppers.ts"

class Malls extends Context.Service<
  Malls,
  {
    readonly urls: readonly [string, string]
    readonly sandboxUrl: string
    readonly books: Effect.Success<ReturnType<typeof booksOf>>
    /** Which server handled each notice of the sandbox, in order. */
    readonly handled: ReadonlyArray<string>
  }
>()("@mall/server/test/twoServers/Malls") {
  static readonly layer = Layer.effect(
    Malls,
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const urls: Array<string> = []
      const proxy = yield* alternately(() => urls)
      const environment = { PUBLIC_URL: proxy.url, ACCESS_LOG: "false" }
      const first = yield* startServer({ database, environment })
      urls.push(first.url)
      const { dataFolder, sandboxPort, sandboxUrl } = first
      const second = yield* startServer({ database, dataFolder, sandboxPort, roles: "api,worker", environment })
      urls.push(second.url)
      const books = yield* booksOf(database)
      return Malls.of({ urls: [first.url, second.url], sandboxUrl, books, handled: proxy.handled })
    })
  )
}

/** The same person, at another server. */
const at = Effect.fnUntraced(function* (url: string, buyer: Buyer) {
  const there = yield* connect(url)
  yield* there.become(buyer.token)
  return { ...buyer, ...there }
})

layer(Malls.layer, { excludeTestServices: true, timeout: "2 minutes" })("two servers on one database", (it) => {
  it.effect(
    "sell 100 pieces to 200 who want one at the same time, and not one more or less",
    () =>
      Effect.gen(function* () {
        const { books, urls } = yield* Malls
        const admin = yield* signIn(urls[0], "admin@demo.mall")
        const [sku] = yield* skusInStock(admin, 1)
        assert.isDefined(sku)
        const page = yield* admin.mall.products.list({ query: { limit: 20, sort: "price_asc" } })
        const products = yield* Effect.forEach(page.data, ({ id }) => admin.mall.products.get({ params: { id } }))
        const product = products.find(({ skus }) => skus.some(({ id }) => id === sku.id))
        assert.isDefined(product)
        yield* admin.mall.products.setStock({ params: { id: product.id, skuId: sku.id }, payload: { onHand: 100 } })

        const buyers = yield* Effect.forEach(
          Array.from({ length: 10 }, (_, index) => index),
          (index) =>
            Effect.flatMap(newBuyer(urls[0], `hot-${index}`), (buyer) =>
              Effect.map(at(urls[1], buyer), (other) => [buyer, other] as const)
            ),
          { concurrency: 2 }
        )
        const attempts = Array.from({ length: 20 }, () => buyers)
          .flat(2)
          .slice(0, 200)
        const exits = yield* Effect.forEach(
          attempts,
          ({ addressId, mall }) =>
            Effect.exit(mall.checkout.checkout({ payload: { items: [{ skuId: sku.id, quantity: 1 }], addressId } })),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(exits, 200)
        assert.lengthOf(exits.filter(Exit.isSuccess), 100)
        const refusals = yield* Effect.forEach(exits.filter(Exit.isFailure), (exit) => Effect.flip(exit))
        assert.deepStrictEqual([...new Set(refusals.map(({ _tag }) => _tag))], ["StockShort"])
        const reserved = yield* books.reserved
        assert.deepStrictEqual(
          reserved.filter(({ skuId }) => skuId === sku.id),
          [{ skuId: sku.id, quantity: 100 }]
        )
        assert.deepStrictEqual(reserved, yield* books.heldByOpenOrders)
      }),
    90_000
  )

  it.effect("make one checkout of one key that both are given at once", () =>
    Effect.gen(function* () {
      const { books, urls } = yield* Malls
      const here = yield* newBuyer(urls[0], "racer")
      const there = yield* at(urls[1], here)
      const sku = (yield* skusInStock(here, 3))[2]
      assert.isDefined(sku)
      const before = yield* books.checkouts
      const exits = yield* Effect.forEach(
        Array.from({ length: 10 }, () => [here, there]).flat(),
        ({ addressId, mall }) =>
          mall.checkout
            .checkout({ payload: { items: [{ skuId: sku.id, quantity: 1 }], addressId } })
            .pipe(withIdempotencyKey("race"), Effect.exit),
        { concurrency: "unbounded" }
      )
      const done = exits.filter(Exit.isSuccess)
      assert.isAbove(done.length, 0)
      assert.strictEqual(new Set(done.map(({ value }) => value.checkoutId)).size, 1)
      const refusals = yield* Effect.forEach(exits.filter(Exit.isFailure), (exit) => Effect.flip(exit))
      assert.deepStrictEqual(
        refusals.filter(({ _tag }) => _tag !== "IdempotencyInFlight"),
        []
      )
      assert.strictEqual(yield* books.checkouts, before + 1)
    })
  )

  it.effect("pay an order once that 20 notices report to both", () =>
    Effect.gen(function* () {
      const { books, handled, sandboxUrl, urls } = yield* Malls
      const sandbox = sandboxAt(sandboxUrl)
      const buyer = yield* newBuyer(urls[0], "noticed")
      const sku = (yield* skusInStock(buyer, 3))[1]
      assert.isDefined(sku)
      const { orders, payment } = yield* buyer.mall.checkout.checkout({
        payload: { items: [{ skuId: sku.id, quantity: 1 }], addressId: buyer.addressId }
      })
      const step = yield* buyer.mall.payments.confirm({
        params: { id: payment.id },
        payload: { channel: ChannelId.make("wechatpay") }
      })
      yield* sandbox.fault({ operation: "callback", fault: { kind: "duplicate", times: 20 }, times: 1 })
      yield* sandbox.pay(step.attempt.id)
      yield* eventually(
        Effect.sync(() => handled.length),
        (count) => count >= 20,
        "twenty notices to arrive"
      )
      assert.deepStrictEqual(new Set(handled), new Set(urls))
      const [order] = orders
      assert.isDefined(order)
      const paid = yield* orderBecomes(buyer, order.id, "paid")
      assert.lengthOf(
        paid.history.filter(({ to }) => to === "paid"),
        1
      )
      const settled = yield* buyer.mall.payments.show({ params: { id: payment.id } })
      assert.deepStrictEqual(settled.captured, payment.amount)
      assert.strictEqual((yield* books.sold).find(({ skuId }) => skuId === sku.id)?.quantity, 1)
    })
  )

  it.effect("both show a change of the catalogue that one was told", () =>
    Effect.gen(function* () {
      const { urls } = yield* Malls
      const admin = yield* signIn(urls[0], "admin@demo.mall")
      const elsewhere = yield* connect(urls[1])
      const [product] = (yield* elsewhere.mall.products.list({ query: { limit: 1 } })).data
      assert.isDefined(product)
      const params = { id: product.id }
      yield* elsewhere.mall.products.get({ params })
      const title = { zh: "新名字", en: "A new name" }
      yield* admin.mall.products.update({ params, payload: { title } })
      yield* eventually(
        elsewhere.mall.products.get({ params }),
        (shown) => shown.title.en === title.en,
        "the new name to be shown"
      )
    })
  )
})
