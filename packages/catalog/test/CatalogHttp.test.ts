import { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import * as TestAuthorization from "@mall/testing/TestAuthorization"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { HttpBody, HttpClient, HttpClientRequest } from "effect/http"
import type { HttpMethod } from "effect/http"
import { SqlClient } from "effect/sql"
import { CatalogHttpTest, clientOf } from "./support/CatalogHttpTest.ts"
import {
  cny,
  firstOf,
  makeCategory,
  makeMerchant,
  nextId,
  principal,
  publishProduct,
  text
} from "./support/CatalogTest.ts"
import { StockMemory } from "./support/StockMemory.ts"

const guest = Effect.flatMap(principal("customer"), clientOf)
const staff = Effect.gen(function* () {
  const merchantId = yield* makeMerchant
  const who = yield* principal("merchant", merchantId)
  return { merchantId, who, client: yield* clientOf(who) }
})
const operator = Effect.flatMap(principal("admin"), clientOf)

interface Asked {
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: string
}

/** A request as it comes from anywhere: the status and whatever JSON the answer holds. */
const ask = Effect.fnUntraced(function* (method: HttpMethod.HttpMethod, path: string, asked: Asked = {}) {
  const request = HttpClientRequest.make(method)(path).pipe(
    HttpClientRequest.setHeaders({ ...asked.headers }),
    asked.token === undefined ? (same) => same : HttpClientRequest.bearerToken(asked.token),
    asked.body === undefined ? (same) => same : HttpClientRequest.setBody(HttpBody.text(asked.body, "application/json"))
  )
  const response = yield* HttpClient.execute(request)
  const answer = yield* response.text
  return { status: response.status, headers: response.headers, text: answer }
})

layer(CatalogHttpTest, { excludeTestServices: true })("CatalogHttp", (it) => {
  it.effect("takes a product from draft to shelf and off it again", () =>
    Effect.gen(function* () {
      const { client } = yield* staff
      const buyer = yield* guest
      const stock = yield* StockMemory
      const category = yield* makeCategory()
      const draft = yield* client.products.create({
        payload: { categoryId: category.id, title: text("Scarf"), images: ["https://cdn.example/scarf.png"] }
      })
      const params = { id: draft.id }
      assert.strictEqual((yield* Effect.flip(buyer.products.get({ params })))._tag, "ProductNotFound")
      assert.strictEqual((yield* Effect.flip(client.products.publish({ params })))._tag, "ProductIncomplete")
      const { skus } = yield* client.products.addSku({
        params,
        payload: { code: "SCARF", options: { colour: "red" }, price: cny(12_900) }
      })
      const skuId = firstOf(skus).id
      yield* client.products.setStock({ params: { ...params, skuId }, payload: { onHand: 9 } })
      assert.strictEqual(stock.onHand.get(skuId), 9)
      yield* client.products.publish({ params })

      const shown = yield* buyer.products.get({ params })
      assert.deepStrictEqual(shown.skus[0]?.available, 9)
      assert.deepStrictEqual(shown.priceFrom, cny(12_900))
      const listed = yield* buyer.products.list({ query: { category: category.id, sort: "price_desc" } })
      assert.deepStrictEqual(
        listed.data.map(({ id, imageUrl }) => [id, imageUrl]),
        [[draft.id, "https://cdn.example/scarf.png"]]
      )
      assert.deepStrictEqual((yield* buyer.products.list({ query: { ids: [draft.id] } })).data, listed.data)

      yield* client.products.updateSku({ params: { ...params, skuId }, payload: { price: cny(9900) } })
      assert.strictEqual((yield* buyer.products.get({ params })).priceFrom.amount, 9900)
      yield* client.products.update({ params, payload: { title: text("Shawl") } })
      assert.strictEqual((yield* buyer.products.get({ params })).title.en, "Shawl")
      yield* client.products.unpublish({ params })
      assert.strictEqual((yield* Effect.flip(buyer.products.get({ params })))._tag, "ProductNotFound")
      yield* client.products.archive({ params })
      assert.strictEqual((yield* Effect.flip(client.products.publish({ params })))._tag, "ProductStateConflict")
    })
  )

  it.effect("creates once for one Idempotency-Key, and answers 201 both times", () =>
    Effect.gen(function* () {
      const { who } = yield* staff
      const category = yield* makeCategory()
      const asked = {
        token: TestAuthorization.tokenOf(who),
        headers: { "idempotency-key": "create-hat" },
        body: JSON.stringify({ categoryId: category.id, title: text("Hat"), code: "HAT" })
      }
      const first = yield* ask("POST", "/api/v1/products", asked)
      const second = yield* ask("POST", "/api/v1/products", asked)
      assert.deepStrictEqual([first.status, second.status], [201, 201])
      assert.strictEqual(second.text, first.text)
      assert.strictEqual(second.headers["idempotency-replayed"], "true")
    })
  )

  it.effect("answers 304 to who has the very bytes, for a product, a list and the tree", () =>
    Effect.gen(function* () {
      const stock = yield* StockMemory
      const { product, sku } = yield* publishProduct()
      const product_ = `/api/v1/products/${product.id}`
      for (const path of [product_, `/api/v1/products?category=${product.categoryId}`, "/api/v1/categories"]) {
        const first = yield* ask("GET", path)
        assert.strictEqual(first.status, 200)
        assert.strictEqual(first.headers["content-type"], "application/json")
        const etag = String(first.headers["etag"])
        const again = yield* ask("GET", path, { headers: { "if-none-match": `"other", W/${etag}` } })
        assert.deepStrictEqual([again.status, again.text, again.headers["etag"]], [304, "", etag])
        assert.strictEqual((yield* ask("GET", path, { headers: { "if-none-match": '"other"' } })).status, 200)
      }
      const { headers } = yield* ask("GET", product_)
      stock.onHand.set(sku.id, 33)
      const changed = yield* ask("GET", product_, { headers: { "if-none-match": String(headers["etag"]) } })
      assert.strictEqual(changed.status, 200)
    })
  )

  it.effect("lets only those write who may", () =>
    Effect.gen(function* () {
      const customer = yield* guest
      const { client } = yield* staff
      const { product } = yield* publishProduct()
      const params = { id: product.id }
      const category = yield* makeCategory()
      const payload = { categoryId: category.id, title: text("Cap") }
      assert.strictEqual((yield* Effect.flip(customer.products.create({ payload })))._tag, "Forbidden")
      assert.strictEqual((yield* Effect.flip(client.products.archive({ params })))._tag, "ProductNotFound")
      const name = text("Caps")
      const byStaff = yield* Effect.flip(client.categories.create({ payload: { code: "caps", name } }))
      assert.strictEqual(byStaff._tag, "Forbidden")
      assert.strictEqual((yield* ask("POST", "/api/v1/products", { body: "{}" })).status, 401)
      const admin = yield* operator
      const made = yield* admin.categories.create({ payload: { code: "caps", name } })
      const moved = yield* admin.categories.update({ params: made, payload: { parentId: category.id } })
      assert.strictEqual(moved.depth, 2)
      assert.deepStrictEqual(yield* customer.categories.get({ params: made }), moved)
      assert.strictEqual((yield* Effect.flip(admin.categories.remove({ params: category })))._tag, "CategoryInUse")
      yield* admin.categories.remove({ params: made })
    })
  )

  it.effect("answers a clear 4xx to whatever is not a request it knows", () =>
    Effect.gen(function* () {
      const { who } = yield* staff
      const { product, sku } = yield* publishProduct()
      const token = TestAuthorization.tokenOf(who)
      const category = yield* makeCategory()
      const id = yield* nextId
      const many = Array.from({ length: 101 }, () => id).join(",")
      const queries = [
        "category=tea",
        "merchant=1",
        "minPrice=-1",
        "minPrice=1.5",
        "minPrice=abc",
        "minPrice=99999999999999999999",
        "maxPrice=1e3",
        "minPrice=200&maxPrice=100",
        "sort=cheapest",
        "limit=0",
        "limit=101",
        "limit=x",
        "after=%00",
        "after=bm9uc2Vuc2U",
        "currency=YEN",
        "ids=",
        "ids=abc",
        `ids=${many}`,
        `ids=${id}&sort=newest`,
        `ids=${id}&limit=5`
      ]
      for (const query of queries) {
        const { status, text } = yield* ask("GET", `/api/v1/products?${query}`)
        assert.strictEqual(status, 400, `${query}: ${text}`)
      }
      for (const path of [
        "/api/v1/products/abc",
        "/api/v1/categories/'--",
        "/demo/images/..%2Fsecret",
        "/demo/images/a"
      ]) {
        assert.strictEqual((yield* ask("GET", path)).status, 400, path)
      }
      const title = text("Vase")
      const good = { categoryId: category.id, title }
      const payloads: ReadonlyArray<unknown> = [
        {},
        [],
        "text",
        { ...good, categoryId: "x" },
        { ...good, title: { zh: " ", en: "" } },
        { ...good, title: { zh: "a\u0000b", en: "" } },
        { ...good, title: { zh: "\ud800", en: "" } },
        { ...good, title: { zh: "x".repeat(301), en: "" } },
        { ...good, images: ["http://plain.example/a.png"] },
        { ...good, images: ["javascript:alert(1)"] },
        { ...good, images: ["https://cdn.example/\u0000.png"] },
        { ...good, images: ["https://cdn.example/\ud800.png"] },
        { ...good, images: Array.from({ length: 13 }, () => "https://cdn.example/a.png") },
        { ...good, code: " padded " },
        { ...good, skus: [{ code: "V", price: { amount: 0, currency: "CNY" } }] },
        { ...good, skus: [{ code: "V", price: { amount: 1.5, currency: "CNY" } }] },
        { ...good, skus: [{ code: "V", price: { amount: 100, currency: "XXX" } }] },
        { ...good, skus: [{ code: "V", options: { "": "x" }, price: { amount: 1, currency: "CNY" } }] }
      ]
      for (const payload of payloads) {
        const { status, text } = yield* ask("POST", "/api/v1/products", { token, body: JSON.stringify(payload) })
        assert.strictEqual(status, 400, `${JSON.stringify(payload)}: ${text}`)
      }
      assert.strictEqual((yield* ask("POST", "/api/v1/products", { token, body: "{" })).status, 400)
      const stockPath = `/api/v1/products/${product.id}/skus/${sku.id}/stock`
      for (const onHand of [-1, 1.5, "7", 2_000_000_000, null]) {
        assert.strictEqual((yield* ask("PUT", stockPath, { token, body: JSON.stringify({ onHand }) })).status, 400)
      }
      const missing = yield* ask("POST", "/api/v1/products", {
        token,
        body: JSON.stringify({ ...good, categoryId: id })
      })
      assert.strictEqual(missing.status, 404)
    })
  )

  it.effect("treats SQL and markup in texts as texts", () =>
    Effect.gen(function* () {
      const { client } = yield* staff
      const sql = yield* SqlClient.SqlClient
      const category = yield* makeCategory()
      const nasty = `'); DROP TABLE catalog.products; -- <script>alert(1)</script> \\u0000 %00 ${"${x}"}`
      const made = yield* client.products.create({
        payload: {
          categoryId: category.id,
          code: nasty.slice(0, 60).trim(),
          title: { zh: nasty, en: nasty },
          description: { zh: nasty, en: "😀" },
          skus: [{ code: "'", options: { "'": '"' }, price: cny(1) }]
        }
      })
      yield* client.products.publish({ params: made })
      const shown = yield* client.products.get({ params: made })
      assert.deepStrictEqual(shown.title, { zh: nasty, en: nasty })
      assert.deepStrictEqual(shown.skus[0]?.options, { "'": '"' })
      assert.isAbove((yield* sql`SELECT 1 FROM catalog.products`).length, 0)
    })
  )

  it.effect("draws the demo shop's pictures", () =>
    Effect.gen(function* () {
      const first = yield* ask("GET", "/demo/images/green-tea.longjing.svg")
      const second = yield* ask("GET", "/demo/images/green-tea.longjing.svg")
      assert.strictEqual(first.status, 200)
      assert.include(String(first.headers["content-type"]), "image/svg+xml")
      assert.match(first.text, /^<svg [^]*<\/svg>\n$/)
      assert.strictEqual(first.text, second.text)
      assert.notStrictEqual(first.text, (yield* ask("GET", "/demo/images/green-tea.maofeng.svg")).text)
    })
  )

  it.effect("does not find what is not there", () =>
    Effect.gen(function* () {
      const { client } = yield* staff
      const params = { id: ProductId.make(yield* nextId) }
      const skuId = SkuId.make(yield* nextId)
      assert.strictEqual((yield* Effect.flip(client.products.get({ params })))._tag, "ProductNotFound")
      const update = client.products.updateSku({ params: { ...params, skuId }, payload: { price: cny(1) } })
      assert.strictEqual((yield* Effect.flip(update))._tag, "ProductNotFound")
    })
  )
})
