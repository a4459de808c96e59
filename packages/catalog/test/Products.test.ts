import { SkuId } from "@mall/domain/catalog/Catalog"
import { maxSkus } from "@mall/domain/catalog/Product"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { SqlClient } from "effect/sql"
import { Products } from "../src/Products.ts"
import { Skus } from "../src/Skus.ts"
import {
  CatalogTest,
  admin,
  cny,
  firstOf,
  makeCategory,
  makeSeller,
  nextId,
  publishProduct,
  text
} from "./support/CatalogTest.ts"
import { StockMemory } from "./support/StockMemory.ts"

const draftOf = Effect.fnUntraced(function* (seller: Effect.Success<typeof makeSeller>["seller"]) {
  const products = yield* Products
  const category = yield* makeCategory()
  return yield* products.create(seller, yield* nextId, { categoryId: category.id, title: text("Kettle") })
})

layer(CatalogTest, { excludeTestServices: true })("Products", (it) => {
  it.effect("creates a draft with its SKUs, in the caller's own shop", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const { merchantId, seller } = yield* makeSeller
      const category = yield* makeCategory()
      const id = yield* nextId
      const created = yield* products.create(seller, id, {
        categoryId: category.id,
        title: text("Shirt"),
        images: ["https://cdn.example/shirt.jpg"],
        skus: [
          { code: "S-RED", options: { colour: "red" }, price: cny(9900) },
          { code: "S-BLUE", options: { colour: "blue" }, price: cny(8900) }
        ]
      })
      assert.strictEqual(created.id, id)
      assert.strictEqual(created.merchantId, merchantId)
      assert.strictEqual(created.status, "draft")
      assert.deepStrictEqual(
        created.skus.map(({ code, price }) => [code, price.amount]),
        [
          ["S-RED", 9900],
          ["S-BLUE", 8900]
        ]
      )
    })
  )

  it.effect("answers a repeated operation with what the first one made", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const skus = yield* Skus
      const { seller } = yield* makeSeller
      const category = yield* makeCategory()
      const id = yield* nextId
      const input = {
        categoryId: category.id,
        code: "CUP",
        title: text("Cup"),
        skus: [{ code: "CUP", price: cny(500) }]
      }
      const racing = yield* Effect.all(
        Array.from({ length: 8 }, () => products.create(seller, id, input)),
        { concurrency: "unbounded" }
      )
      for (const product of racing) assert.deepStrictEqual(product, racing[0])
      const added = yield* nextId
      const sku = { code: "CUP-2", options: { size: "L" }, price: cny(700) }
      yield* skus.add(seller, added, firstOf(racing).id, sku)
      const again = yield* skus.add(seller, added, firstOf(racing).id, sku)
      assert.strictEqual(again.skus.length, 2)
    })
  )

  it.effect("does not find a product of another shop", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const skus = yield* Skus
      const { product, sku } = yield* publishProduct()
      const { seller: stranger } = yield* makeSeller
      const attempts = [
        products.getOwn(stranger, product.id),
        products.update(stranger, product.id, { title: text("Mine") }),
        products.archive(stranger, product.id),
        products.publish(stranger, product.id),
        products.unpublish(stranger, product.id),
        skus.add(stranger, yield* nextId, product.id, { code: "X", price: cny(1) }),
        skus.update(stranger, product.id, sku.id, { price: cny(1) }),
        skus.archive(stranger, product.id, sku.id),
        skus.setStock(stranger, product.id, sku.id, { onHand: 1 })
      ]
      for (const attempt of attempts) {
        const error = yield* Effect.flip(attempt as Effect.Effect<unknown, { readonly _tag: string }>)
        assert.strictEqual(error._tag, "ProductNotFound")
      }
    })
  )

  it.effect("lets an admin work for any shop that is named, and staff only for their own", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const { merchantId } = yield* makeSeller
      const { seller } = yield* makeSeller
      const operator = yield* admin
      const { id: categoryId } = yield* makeCategory()
      const input = { categoryId, title: text("Lamp") }
      const made = yield* products.create(operator, yield* nextId, { ...input, merchantId })
      assert.strictEqual(made.merchantId, merchantId)
      const unnamed = yield* Effect.flip(products.create(operator, yield* nextId, input))
      assert.strictEqual(unnamed._tag, "MerchantRequired")
      const foreign = yield* Effect.flip(products.create(seller, yield* nextId, { ...input, merchantId }))
      assert.strictEqual(foreign._tag, "MerchantNotFound")
      const homeless = { ...seller, shop: Option.none() }
      const nowhere = yield* Effect.flip(products.create(homeless, yield* nextId, input))
      assert.strictEqual(nowhere._tag, "MerchantRequired")
    })
  )

  it.effect("publishes only what has a SKU, and keeps the last one of what is published", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const skus = yield* Skus
      const { seller } = yield* makeSeller
      const draft = yield* draftOf(seller)
      assert.strictEqual((yield* Effect.flip(products.publish(seller, draft.id)))._tag, "ProductIncomplete")
      const skuId = SkuId.make(yield* nextId)
      yield* skus.add(seller, skuId, draft.id, { code: "ONLY", price: cny(100) })
      const published = yield* products.publish(seller, draft.id)
      assert.strictEqual(published.status, "published")
      assert.isNotNull(published.publishedAt)
      assert.deepStrictEqual(yield* products.publish(seller, draft.id), published)
      const last = yield* Effect.flip(skus.archive(seller, draft.id, skuId))
      assert.strictEqual(last._tag, "ProductIncomplete")
    })
  )

  it.effect("never brings an archived product back nor changes it", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const skus = yield* Skus
      const { product, seller, sku } = yield* publishProduct()
      yield* products.archive(seller, product.id)
      yield* products.archive(seller, product.id)
      const outcomes = [
        products.publish(seller, product.id),
        products.unpublish(seller, product.id),
        products.update(seller, product.id, { title: text("New") }),
        skus.add(seller, yield* nextId, product.id, { code: "NEW", price: cny(1) }),
        skus.update(seller, product.id, sku.id, { price: cny(1) }),
        skus.archive(seller, product.id, sku.id)
      ]
      for (const outcome of outcomes) {
        const error = yield* Effect.flip(outcome as Effect.Effect<unknown, { readonly _tag: string }>)
        assert.strictEqual(error._tag, "ProductStateConflict")
      }
    })
  )

  it.effect("refuses SKUs that cannot stand beside the others", () =>
    Effect.gen(function* () {
      const skus = yield* Skus
      const { seller } = yield* makeSeller
      const { id } = yield* draftOf(seller)
      const add = (sku: Parameters<typeof skus.add>[3]) =>
        Effect.flatMap(nextId, (operation) => skus.add(seller, operation, id, sku))
      yield* add({ code: "A", options: { size: "M", colour: "red" }, price: cny(100) })
      const sameOptions = yield* Effect.flip(add({ code: "B", options: { colour: "red", size: "M" }, price: cny(100) }))
      assert.strictEqual(sameOptions._tag, "SkuOptionsTaken")
      const sameCode = yield* Effect.flip(add({ code: "A", options: { size: "L" }, price: cny(100) }))
      assert.strictEqual(sameCode._tag, "SkuCodeTaken")
      const price = { ...cny(100), currency: "USD" as const }
      const otherCurrency = yield* Effect.flip(
        add({ code: "C", options: { size: "L" }, price: Object.assign(cny(100), price) })
      )
      assert.strictEqual(otherCurrency._tag, "CurrencyMismatch")
    })
  )

  it.effect("lets of two racing SKUs with the same options one in", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const skus = yield* Skus
      const { seller } = yield* makeSeller
      const { id } = yield* draftOf(seller)
      const exits = yield* Effect.all(
        yield* Effect.forEach(Array.from({ length: 6 }), (_, index) =>
          Effect.map(nextId, (operation) =>
            Effect.exit(skus.add(seller, operation, id, { code: `R-${index}`, price: cny(100) }))
          )
        ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      assert.strictEqual((yield* products.getOwn(seller, id)).skus.length, 1)
    })
  )

  it.effect("stops at the largest number of SKUs", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const skus = yield* Skus
      const { seller } = yield* makeSeller
      const category = yield* makeCategory()
      const { id } = yield* products.create(seller, yield* nextId, {
        categoryId: category.id,
        title: text("Tiles"),
        skus: Array.from({ length: maxSkus }, (_, n) => ({
          code: `T-${n}`,
          options: { pattern: `${n}` },
          price: cny(n + 1)
        }))
      })
      const error = yield* Effect.flip(
        skus.add(seller, yield* nextId, id, { code: "T-X", options: { pattern: "x" }, price: cny(1) })
      )
      assert.strictEqual(error._tag, "TooManySkus")
    })
  )

  it.effect("changes only the version that was seen", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const { product, seller } = yield* publishProduct()
      const exits = yield* Effect.forEach(
        ["One", "Two", "Three"],
        (title) => Effect.exit(products.update(seller, product.id, { version: product.version, title: text(title) })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      const error = yield* Effect.flip(
        products.update(seller, product.id, { version: product.version, title: text("Late") })
      )
      assert.strictEqual(error._tag, "ProductChanged")
    })
  )

  it.effect("keeps every price a SKU has had, and every state of the product", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const skus = yield* Skus
      const sql = yield* SqlClient.SqlClient
      const { product, seller, sku } = yield* publishProduct({ price: cny(1000) })
      const skuId = sku.id
      yield* skus.update(seller, product.id, skuId, { price: cny(900) })
      yield* skus.update(seller, product.id, skuId, { code: "RENAMED" })
      yield* products.archive(seller, product.id)
      const prices = yield* sql`
        SELECT price, currency, changed_by FROM catalog.price_changes c WHERE c.sku_id = ${skuId} ORDER BY c.id`
      assert.deepStrictEqual(prices, [
        { price: 1000, currency: "CNY", changedBy: seller.actor },
        { price: 900, currency: "CNY", changedBy: seller.actor }
      ])
      const states = yield* sql`
        SELECT from_status, to_status FROM catalog.product_history h WHERE h.product_id = ${product.id} ORDER BY h.id`
      assert.deepStrictEqual(states, [
        { fromStatus: "draft", toStatus: "published" },
        { fromStatus: "published", toStatus: "archived" }
      ])
    })
  )

  it.effect("sets stock through the port, and passes its refusal on", () =>
    Effect.gen(function* () {
      const skus = yield* Skus
      const stock = yield* StockMemory
      const { product, seller, sku } = yield* publishProduct()
      const skuId = sku.id
      assert.deepStrictEqual(yield* skus.setStock(seller, product.id, skuId, { onHand: 7 }), { skuId, onHand: 7 })
      assert.strictEqual(stock.onHand.get(skuId), 7)
      stock.reserved.set(skuId, 5)
      const error = yield* Effect.flip(skus.setStock(seller, product.id, skuId, { onHand: 4 }))
      assert.strictEqual(error._tag, "StockBelowReserved")
      const unknown = SkuId.make(yield* nextId)
      const missing = yield* Effect.flip(skus.setStock(seller, product.id, unknown, { onHand: 4 }))
      assert.strictEqual(missing._tag, "SkuNotFound")
    })
  )

  it.effect("pages through the shop's own products of one state, newest first", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const { merchantId, seller } = yield* makeSeller
      const made = yield* Effect.forEach(Array.from({ length: 5 }), () => draftOf(seller))
      const first = yield* products.listOwn(seller, { limit: 3, status: "draft" })
      const second = yield* products.listOwn(seller, { limit: 3, status: "draft", after: String(first.nextCursor) })
      assert.deepStrictEqual(
        [...first.data, ...second.data].map(({ id }) => id),
        made.map(({ id }) => id).toReversed()
      )
      assert.isNull(second.nextCursor)
      const { data } = yield* products.listOwn(yield* admin, { merchantId, limit: 100 })
      assert.strictEqual(data.length, 5)
      const bad = yield* Effect.flip(products.listOwn(seller, { after: "nonsense" }))
      assert.strictEqual(bad._tag, "InvalidCursor")
    })
  )
})
