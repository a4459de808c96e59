import { ProductId } from "@mall/domain/catalog/Catalog"
import type { Product } from "@mall/domain/catalog/Product"
import { Notifications } from "@mall/platform/Notifications"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { assert, it as test, layer } from "@effect/vitest"
import { Array, Context, Effect, Layer, Order, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import * as CatalogServices from "../src/CatalogServices.ts"
import { Products } from "../src/Products.ts"
import { Skus } from "../src/Skus.ts"
import { Storefront } from "../src/Storefront.ts"
import {
  CatalogTest,
  cny,
  firstOf,
  makeCategory,
  makeSeller,
  nextId,
  publishProduct,
  text
} from "./support/CatalogTest.ts"
import { StockMemory } from "./support/StockMemory.ts"

const ids = (products: ReadonlyArray<{ readonly id: ProductId }>) => products.map(({ id }) => id)

layer(CatalogTest, { excludeTestServices: true })("Storefront", (it) => {
  it.effect("shows a change to the next read of the one who made it", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const skus = yield* Skus
      const storefront = yield* Storefront
      const { product, seller, sku } = yield* publishProduct({ price: cny(4990) })
      const { categoryId, id } = product
      assert.strictEqual((yield* storefront.product(id)).title.en, "Kettle")
      assert.deepStrictEqual(ids((yield* storefront.products({ category: categoryId })).data), [id])
      yield* products.update(seller, id, { title: text("Teapot") })
      yield* skus.update(seller, id, sku.id, { price: cny(100) })
      const [listed] = (yield* storefront.products({ category: categoryId })).data
      assert.strictEqual(listed?.title.en, "Teapot")
      assert.strictEqual(listed?.priceFrom.amount, 100)
      assert.strictEqual((yield* storefront.product(id)).priceFrom.amount, 100)
      yield* products.unpublish(seller, id)
      assert.strictEqual((yield* Effect.flip(storefront.product(id)))._tag, "ProductNotFound")
      assert.deepStrictEqual((yield* storefront.products({ category: categoryId })).data, [])
      yield* products.publish(seller, id)
      assert.strictEqual((yield* storefront.product(id)).title.en, "Teapot")
    })
  )

  it.effect("sends the same bytes until something differs, availability included", () =>
    Effect.gen(function* () {
      const storefront = yield* Storefront
      const stock = yield* StockMemory
      const { product, sku } = yield* publishProduct()
      const before = yield* storefront.encodedProduct(product.id)
      assert.strictEqual(yield* storefront.encodedProduct(product.id), before)
      stock.onHand.set(sku.id, 12)
      const after = yield* storefront.encodedProduct(product.id)
      assert.notStrictEqual(after.etag, before.etag)
      assert.strictEqual((yield* storefront.product(product.id)).skus[0]?.available, 12)
    })
  )

  it.effect("answers a batch in the order asked, without what is not published", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const storefront = yield* Storefront
      const [a, b, c] = [yield* publishProduct(), yield* publishProduct(), yield* publishProduct()]
      yield* products.archive(b.seller, b.product.id)
      const unknown = ProductId.make(yield* nextId)
      const { data, nextCursor } = yield* storefront.products({
        ids: [c.product.id, unknown, a.product.id, b.product.id]
      })
      assert.deepStrictEqual(ids(data), [c.product.id, a.product.id])
      assert.isNull(nextCursor)
      assert.strictEqual((yield* storefront.product(a.product.id)).id, a.product.id)
    })
  )

  it.effect("filters and orders as asked, page by page, like a plain filter and sort would", () =>
    Effect.gen(function* () {
      const storefront = yield* Storefront
      const sql = yield* SqlClient.SqlClient
      const root = yield* makeCategory()
      const [left, right] = [yield* makeCategory(root.id), yield* makeCategory(root.id)]
      const [near, far] = [yield* makeSeller, yield* makeSeller]
      const made: Array<Product> = []
      // many equal prices and moments, so that the id must break ties
      for (let n = 0; n < 24; n++) {
        const { product } = yield* publishProduct({
          seller: n % 2 === 0 ? near.seller : far.seller,
          categoryId: n % 4 < 2 ? left.id : right.id,
          price: cny(100 + (n % 5) * 50)
        })
        made.push(product)
      }
      yield* sql`
        UPDATE catalog.products p SET published_at = date_trunc('day', p.published_at)
          + (abs(hashtext(p.id::text)) % 3) * interval '1 hour' WHERE p.id = any(${ids(made)}::uuid[])`
      const times = yield* sql<{ readonly id: string; readonly at: Date }>`
        SELECT p.id, p.published_at AS at FROM catalog.products p WHERE p.id = any(${ids(made)}::uuid[])`
      const publishedAt = new Map(times.map(({ at, id }) => [id, at.getTime()]))
      const price = (product: Product) => firstOf(product.skus).price.amount
      const byId = Order.mapInput(Order.String, ({ id }: Product) => id as string)
      const byPrice = Order.combine(Order.mapInput(Order.Number, price), byId)
      const byTime = Order.combine(
        Order.mapInput(Order.Number, ({ id }: Product) => publishedAt.get(id) ?? 0),
        byId
      )
      const orders = { newest: Order.flip(byTime), price_asc: byPrice, price_desc: Order.flip(byPrice) }

      for (const sort of ["newest", "price_asc", "price_desc"] as const) {
        for (const category of [root.id, left.id]) {
          for (const merchant of [undefined, near.merchantId]) {
            for (const [minPrice, maxPrice] of [[], [150, 250], [200], [undefined, 150]]) {
              const expected = made.filter(
                (product) =>
                  (category === root.id || product.categoryId === category) &&
                  (merchant === undefined || product.merchantId === merchant) &&
                  price(product) >= (minPrice ?? 0) &&
                  price(product) <= (maxPrice ?? Infinity)
              )
              const query = {
                sort,
                category,
                limit: 4,
                ...(merchant === undefined ? {} : { merchant }),
                ...(minPrice === undefined ? {} : { minPrice }),
                ...(maxPrice === undefined ? {} : { maxPrice })
              }
              const found: Array<ProductId> = []
              let page = yield* storefront.products(query)
              found.push(...ids(page.data))
              while (page.nextCursor !== null) {
                page = yield* storefront.products({ ...query, after: page.nextCursor })
                found.push(...ids(page.data))
              }
              assert.deepStrictEqual(found, ids(Array.sort(expected, orders[sort])))
            }
          }
        }
      }
    })
  )

  it.effect("refuses a cursor of another order and one it never made", () =>
    Effect.gen(function* () {
      const storefront = yield* Storefront
      const { id: category } = yield* makeCategory()
      yield* publishProduct({ categoryId: category })
      yield* publishProduct({ categoryId: category })
      const { nextCursor } = yield* storefront.products({ category, limit: 1 })
      for (const after of [String(nextCursor), "bm9uc2Vuc2U", "☂", ""]) {
        const error = yield* Effect.flip(storefront.products({ category, limit: 1, sort: "price_asc", after }))
        assert.strictEqual(error._tag, "InvalidCursor")
      }
    })
  )

  it.effect("compares prices of one currency only", () =>
    Effect.gen(function* () {
      const storefront = yield* Storefront
      const { id: category } = yield* makeCategory()
      const yuan = yield* publishProduct({ categoryId: category, price: cny(500) })
      const dollars = Object.assign(cny(100), { currency: "USD" as const })
      const foreign = yield* publishProduct({ categoryId: category, price: dollars })
      const all = yield* storefront.products({ category })
      assert.sameMembers(ids(all.data), [yuan.product.id, foreign.product.id])
      const cheap = yield* storefront.products({ category, sort: "price_asc" })
      assert.deepStrictEqual(ids(cheap.data), [yuan.product.id])
      const abroad = yield* storefront.products({ category, sort: "price_asc", currency: "USD" })
      assert.deepStrictEqual(ids(abroad.data), [foreign.product.id])
    })
  )
})

test.live("tells other processes, which then read the change", () =>
  Effect.gen(function* () {
    const url = yield* acquireDatabase
    // two processes on one database: nothing is shared but that
    const process = Effect.suspend(() =>
      Layer.build(
        CatalogServices.layer.pipe(
          Layer.provideMerge(StockMemory.layer),
          Layer.provideMerge(Notifications.layer),
          Layer.provideMerge(Layer.fresh(Sql.layerUrl(url)))
        )
      )
    )
    const [here, there] = [yield* process, yield* process]
    const { product, seller } = yield* publishProduct().pipe(Effect.provide(here))
    const far = Context.get(there, Storefront)
    const seen = yield* far.product(product.id)
    assert.strictEqual(seen.title.en, "Kettle")
    yield* far.products({ category: product.categoryId })
    yield* Context.get(here, Products).update(seller, product.id, { title: text("Samovar") })
    const titles = Effect.gen(function* () {
      const { data } = yield* far.products({ category: product.categoryId })
      return [(yield* far.product(product.id)).title.en, data[0]?.title.en]
    })
    // the notification is on its way: it is awaited by asking again, for at most five seconds
    const after = yield* titles.pipe(
      Effect.repeat({
        until: (found) => found.every((title) => title === "Samovar"),
        schedule: Schedule.spaced("5 millis"),
        times: 1000
      })
    )
    assert.deepStrictEqual(after, ["Samovar", "Samovar"])
  }).pipe(Effect.scoped)
)
