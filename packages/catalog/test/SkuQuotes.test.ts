import { Catalog, SkuId } from "@mall/domain/catalog/Catalog"
import { assert, layer } from "@effect/vitest"
import { Effect, Tracer } from "effect"
import { SqlClient } from "effect/sql"
import { Products } from "../src/Products.ts"
import { Skus } from "../src/Skus.ts"
import { CatalogTest, cny, nextId, publishProduct } from "./support/CatalogTest.ts"

/** Counts the statements that `effect` runs. */
const countingStatements = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    let statements = 0
    const tracer = Tracer.make({
      span: (options) => {
        if (options.kind === "client") statements++
        return new Tracer.NativeSpan(options)
      }
    })
    return effect.pipe(
      Effect.provideService(Tracer.Tracer, tracer),
      Effect.map((result) => ({ result, statements }))
    )
  })

layer(CatalogTest, { excludeTestServices: true })("SkuQuotes", (it) => {
  it.effect("says what a published SKU is and costs, and leaves out what cannot be bought", () =>
    Effect.gen(function* () {
      const catalog = yield* Catalog
      const products = yield* Products
      const skus = yield* Skus
      const { product, sku } = yield* publishProduct({ price: cny(4990) })
      const withdrawn = yield* publishProduct()
      yield* products.unpublish(withdrawn.seller, withdrawn.product.id)
      const archived = yield* publishProduct()
      const spare = { code: "SPARE", options: { size: "L" }, price: cny(1) }
      yield* skus.add(archived.seller, yield* nextId, archived.product.id, spare)
      yield* skus.archive(archived.seller, archived.product.id, archived.sku.id)
      const asked = [sku.id, withdrawn.sku.id, archived.sku.id, SkuId.make(yield* nextId)]
      for (const quote of [catalog.quote, catalog.quoteForSale]) {
        const quotes = yield* quote(asked)
        assert.deepStrictEqual([...quotes.keys()], [sku.id])
        const found = quotes.get(sku.id)
        assert.strictEqual(found?.productId, product.id)
        assert.strictEqual(found?.merchantId, product.merchantId)
        assert.deepStrictEqual(found?.title, product.title)
        assert.deepStrictEqual(found?.unitPrice, cny(4990))
        assert.isNull(found?.imageUrl)
        assert.strictEqual(found?.categories.at(-1), product.categoryId)
      }
      assert.strictEqual((yield* catalog.quoteForSale([])).size, 0)
    })
  )

  it.effect("quotes the new price after every kind of change", () =>
    Effect.gen(function* () {
      const catalog = yield* Catalog
      const products = yield* Products
      const skus = yield* Skus
      const { product, seller, sku } = yield* publishProduct({ price: cny(100) })
      const price = Effect.map(catalog.quote([sku.id]), (quotes) => quotes.get(sku.id)?.unitPrice.amount)
      assert.strictEqual(yield* price, 100)
      yield* skus.update(seller, product.id, sku.id, { price: cny(90) })
      assert.strictEqual(yield* price, 90)
      yield* products.unpublish(seller, product.id)
      assert.isUndefined(yield* price)
      yield* products.publish(seller, product.id)
      assert.strictEqual(yield* price, 90)
    })
  )

  it.effect("serves concurrent sales by few statements, each caller with its own SKUs", () =>
    Effect.gen(function* () {
      const catalog = yield* Catalog
      const made = yield* Effect.forEach(Array.from({ length: 6 }), (_, n) => publishProduct({ price: cny(n + 1) }))
      const skuIds = made.map(({ sku }) => sku.id)
      const { result, statements } = yield* countingStatements(
        Effect.forEach(
          Array.from({ length: 60 }, (_, n) => skuIds.slice(n % 6, (n % 6) + 2)),
          (asked) => Effect.map(catalog.quoteForSale(asked), (quotes) => ({ asked, quotes })),
          { concurrency: "unbounded" }
        )
      )
      for (const { asked, quotes } of result) assert.sameMembers([...quotes.keys()], asked)
      assert.include([1, 2, 3], statements)
    })
  )

  it.effect("does not read from the transaction of one caller for another", () =>
    Effect.gen(function* () {
      const catalog = yield* Catalog
      const sql = yield* SqlClient.SqlClient
      const { sku } = yield* publishProduct({ price: cny(100) })
      const inside = Effect.andThen(
        sql`UPDATE catalog.skus SET price = 1 WHERE id = ${sku.id}`,
        Effect.flatMap(catalog.quoteForSale([sku.id]), (quotes) => Effect.fail(quotes))
      ).pipe(sql.withTransaction, Effect.flip)
      const seen = yield* inside
      assert.instanceOf(seen, Map)
      assert.strictEqual(
        (seen as ReadonlyMap<SkuId, { unitPrice: { amount: number } }>).get(sku.id)?.unitPrice.amount,
        100
      )
    })
  )
})
