import { CatalogAdminRpcs, CatalogStorefrontRpcs } from "@mall/domain/catalog/CatalogRpc"
import { RpcAuthorization } from "@mall/domain/identity/Authorization"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Headers } from "effect/http"
import { RpcMiddleware, RpcTest } from "effect/rpc"
import * as CatalogRpcHandlers from "../src/CatalogRpcHandlers.ts"
import {
  CatalogTest,
  cny,
  firstOf,
  makeCategory,
  makeMerchant,
  nextId,
  principal,
  publishProduct,
  text
} from "./support/CatalogTest.ts"

const adminRpcs = (who: Principal) =>
  RpcTest.makeClient(CatalogAdminRpcs).pipe(
    Effect.provide(
      RpcMiddleware.layerClient(RpcAuthorization, ({ next, request }) =>
        next({
          ...request,
          headers: Headers.set(request.headers, "authorization", `Bearer ${TestAuthorization.tokenOf(who)}`)
        })
      )
    )
  )

const RpcsTest = CatalogRpcHandlers.layer.pipe(
  Layer.provideMerge(TestAuthorization.layer),
  Layer.provideMerge(CatalogTest)
)

layer(RpcsTest, { excludeTestServices: true })("the catalogue over RPC", (it) => {
  it.effect("lets a merchant keep shop and a buyer browse", () =>
    Effect.gen(function* () {
      const merchantId = yield* makeMerchant
      const keeper = yield* adminRpcs(yield* principal("merchant", merchantId))
      const browser = yield* RpcTest.makeClient(CatalogStorefrontRpcs)
      const { id: categoryId } = yield* makeCategory()
      const operationId = yield* nextId
      const product = { categoryId, title: text("Fan"), skus: [{ code: "FAN", price: cny(5900) }] }
      const made = yield* keeper["products.create"]({ operationId, product })
      assert.deepStrictEqual(yield* keeper["products.create"]({ operationId, product }), made)
      const { id } = made
      yield* keeper["products.addSku"]({ id, sku: { code: "FAN-L", options: { size: "L" }, price: cny(7900) } })
      yield* keeper["products.publish"]({ id })
      const skuId = firstOf(made.skus).id
      yield* keeper["products.setStock"]({ id, skuId, onHand: 3 })
      yield* keeper["products.update"]({ id, change: { title: text("Hand fan") } })

      const shown = yield* browser["products.get"]({ id })
      assert.strictEqual(shown.title.en, "Hand fan")
      assert.strictEqual(shown.skus.find((sku) => sku.id === skuId)?.available, 3)
      const listed = yield* browser["products.list"]({ category: categoryId })
      assert.deepStrictEqual(
        listed.data.map((summary) => summary.id),
        [id]
      )
      assert.deepStrictEqual((yield* browser["products.list"]({ ids: [id] })).data, listed.data)

      yield* keeper["products.updateSku"]({ id, skuId, change: { price: cny(4900) } })
      assert.strictEqual((yield* browser["products.get"]({ id })).priceFrom.amount, 4900)
      yield* keeper["products.archiveSku"]({ id, skuId })
      const own = yield* keeper["products.listOwn"]({ status: "published" })
      assert.deepStrictEqual(own.data, [yield* keeper["products.getOwn"]({ id })])
      yield* keeper["products.unpublish"]({ id })
      yield* keeper["products.archive"]({ id })
      const gone = yield* Effect.flip(browser["products.get"]({ id }))
      assert.strictEqual(gone._tag, "ProductNotFound")
    })
  )

  it.effect("makes nothing under the name of another shop's product, and tells no more of it", () =>
    Effect.gen(function* () {
      const { product: theirs } = yield* publishProduct()
      const keeper = yield* adminRpcs(yield* principal("merchant", yield* makeMerchant))
      const { id: categoryId } = yield* makeCategory()
      const product = { categoryId, title: text("Fan") }
      const refused = yield* Effect.flip(keeper["products.create"]({ operationId: theirs.id, product }))
      assert.strictEqual(refused._tag, "ProductNotFound")
    })
  )

  it.effect("adds nothing under the name of another product's SKU, and says so", () =>
    Effect.gen(function* () {
      const { product: theirs } = yield* publishProduct()
      const keeper = yield* adminRpcs(yield* principal("merchant", yield* makeMerchant))
      const { id: categoryId } = yield* makeCategory()
      const { id, version } = yield* keeper["products.create"]({ product: { categoryId, title: text("Fan") } })
      const sku = { code: "FAN", price: cny(5900) }
      const operationId = firstOf(theirs.skus).id
      const refused = yield* Effect.flip(keeper["products.addSku"]({ operationId, id, sku }))
      assert.strictEqual(refused._tag, "SkuNotFound")
      const added = yield* keeper["products.addSku"]({ id, sku })
      assert.deepStrictEqual([added.skus.map(({ code }) => code), added.version], [["FAN"], version + 1])
    })
  )

  it.effect("lets an admin arrange the categories, and nobody else", () =>
    Effect.gen(function* () {
      const operator = yield* adminRpcs(yield* principal("admin"))
      const keeper = yield* adminRpcs(yield* principal("merchant", yield* makeMerchant))
      const browser = yield* RpcTest.makeClient(CatalogStorefrontRpcs)
      const category = { code: "gardens", name: text("Gardens") }
      const refused = yield* Effect.flip(keeper["categories.create"]({ category }))
      assert.strictEqual(refused._tag, "Forbidden")
      const { id } = yield* operator["categories.create"]({ category })
      yield* operator["categories.update"]({ id, change: { name: text("Garden") } })
      const tree = yield* browser["categories.list"]()
      assert.strictEqual(tree.data.find((node) => node.id === id)?.name.en, "Garden")
      yield* operator["categories.remove"]({ id })
      const again = yield* Effect.flip(operator["categories.remove"]({ id }))
      assert.strictEqual(again._tag, "CategoryNotFound")
    })
  )
})
