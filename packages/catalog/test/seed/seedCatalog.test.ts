import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { demoGoods, demoMerchantId } from "../../src/seed/demoGoods.ts"
import { demoCategories, demoMerchants } from "../../src/seed/demoShop.ts"
import { seedCatalog } from "../../src/seed/seedCatalog.ts"
import { Storefront } from "../../src/Storefront.ts"
import { CatalogTest } from "../support/CatalogTest.ts"
import { StockMemory } from "../support/StockMemory.ts"

layer(CatalogTest, { excludeTestServices: true })("seedCatalog", (it) => {
  it.effect("fills a shop that looks real, once, also when two processes do it together", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const storefront = yield* Storefront
      const stock = yield* StockMemory
      const goods = demoGoods()
      const steps: Array<number> = []
      const onProgress = ({ done }: { readonly done: number }) => Effect.sync(() => steps.push(done))
      const added = yield* Effect.all([seedCatalog({ onProgress }), seedCatalog()], { concurrency: "unbounded" })
      assert.sameMembers(added, [goods.products.length, 0])
      assert.strictEqual(yield* seedCatalog(), 0)
      assert.isTrue(steps.length === 0 || steps.at(-1) === goods.products.length)

      const [counts] = yield* sql`
        SELECT count(*)::int AS products, count(DISTINCT p.category_id)::int AS categories,
          count(DISTINCT p.merchant_id)::int AS merchants,
          count(*) FILTER (WHERE p.title->>'zh' = '' OR p.title->>'en' = '' OR p.description->>'zh' = ''
            OR p.description->>'en' = '' OR p.currency <> 'CNY' OR p.status <> 'published')::int AS incomplete
        FROM catalog.products p`
      assert.deepStrictEqual(counts, { products: goods.products.length, categories: 23, merchants: 9, incomplete: 0 })
      assert.isAtLeast(goods.products.length, 200)
      assert.strictEqual(stock.onHand.size, goods.skus.length)

      const ours = yield* storefront.products({ merchant: demoMerchantId, limit: 100 })
      assert.strictEqual(ours.data.length, 40)
      assert.strictEqual(ours.data[0]?.merchantName.en, "Harbour Digital")
      const tree = yield* storefront.categories
      assert.strictEqual(tree.data.length, demoCategories.length)
      const clothing = tree.data.find(({ code }) => code === "clothing")
      const clothes = yield* storefront.products({ category: clothing?.id ?? assert.fail("no clothing"), limit: 100 })
      assert.strictEqual(clothes.data.length, 28)
    })
  )

  it.effect("adds what is missing and leaves what was changed", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* seedCatalog()
      yield* sql`UPDATE catalog.products SET title = '{"zh":"","en":"Mine now"}' WHERE code = 'longjing'`
      yield* sql`DELETE FROM catalog.product_history WHERE product_id IN
        (SELECT p.id FROM catalog.products p WHERE p.code = 'maofeng')`
      yield* sql`DELETE FROM catalog.price_changes WHERE sku_id IN (
        SELECT s.id FROM catalog.skus s JOIN catalog.products p ON p.id = s.product_id WHERE p.code = 'maofeng')`
      yield* sql`DELETE FROM catalog.skus WHERE product_id = (SELECT p.id FROM catalog.products p WHERE p.code = 'maofeng')`
      yield* sql`DELETE FROM catalog.products WHERE code = 'maofeng'`
      assert.strictEqual(yield* seedCatalog(), 1)
      const kept = yield* sql`SELECT p.title->>'en' AS title FROM catalog.products p WHERE p.code = 'longjing'`
      assert.deepStrictEqual(kept, [{ title: "Mine now" }])
    })
  )

  it.effect("is the same on every machine, and within the rules of the catalogue", () =>
    Effect.sync(() => {
      const { products, skus } = demoGoods()
      assert.deepStrictEqual(demoGoods(), { products, skus })
      assert.strictEqual(demoMerchantId, "019b76da-a800-7329-892a-0bea696e779a")
      assert.strictEqual(new Set(products.map(({ id }) => id)).size, products.length)
      assert.strictEqual(new Set(skus.map(({ id }) => id)).size, skus.length)
      const shops = new Set(products.map(({ merchantId }) => merchantId))
      assert.strictEqual(shops.size, demoMerchants.length)
      for (const sku of skus) {
        assert.isAtMost(sku.code.length, 64, sku.code)
        assert.isAbove(sku.price.amount, 0)
        assert.isAtLeast(sku.onHand, 0)
      }
      assert.isTrue(skus.some(({ onHand }) => onHand === 0))
    })
  )
})
