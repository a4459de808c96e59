import { assert, layer } from "@effect/vitest"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Array, Context, Effect, Layer } from "effect"
import { call } from "./rawHttp.ts"
import { signIn } from "./shoppers.ts"

class Mall extends Context.Service<Mall, { readonly url: string }>()("@mall/server/test/readyAnswers/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.map(
      Effect.flatMap(acquireDatabase, (database) => startServer({ database })),
      Mall.of
    )
  )
}

/** Such a condition is judged by the endpoint itself, and no answer meets it. */
const byTheEndpoint = { "if-none-match": '"none"' }
const ownToEach = new Set(["x-request-id", "x-trace-id", "date", "ratelimit-remaining", "ratelimit-reset"])

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("answers that are ready", (it) => {
  it.effect("are those of the endpoint, to the byte and the header", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const { mall, token } = yield* signIn(url, "buyer@demo.mall")
      const { data } = yield* mall.products.list({ query: { limit: 2 } })
      const paths = [
        `/api/v1/products/${data[0]?.id}`,
        `/api/v1/products/${data[0]?.id.toUpperCase()}`,
        "/api/v1/products",
        "/api/v1/products?limit=20",
        "/api/v1/products?limit=0",
        `/api/v1/products?ids=${data[1]?.id}`,
        "/api/v1/products/none",
        "/api/v1/auth/verify",
        "/api/user/verify-access-token/"
      ]
      for (const path of paths) {
        const ask = (headers: Readonly<Record<string, string>>) =>
          call(url, { method: "GET", path, token, headers }).pipe(
            Effect.map(({ headers, status, text }) => ({
              status,
              text: text.replace(/"traceId":"\w+"/, ""),
              headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !ownToEach.has(name)))
            }))
          )
        yield* ask({})
        assert.deepStrictEqual(yield* ask({}), yield* ask(byTheEndpoint), path)
      }
    })
  )

  it.effect("are not needed for the API's reference, which several may ask for first", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const pages = yield* Effect.all(
        Array.makeBy(3, () => call(url, { method: "GET", path: "/docs" })),
        { concurrency: 3 }
      )
      for (const { status, text } of pages) {
        assert.strictEqual(status, 200)
        assert.include(text, `"/api/v1/products":{"get"`)
        assert.strictEqual(text, pages[0]?.text)
      }
      assert.strictEqual((yield* call(url, { method: "GET", path: "/swagger/index.html" })).text, pages[0]?.text)
    })
  )

  it.effect("end with the session and change with the product", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const buyer = yield* signIn(url, "buyer@demo.mall")
      const verify = (token?: string) =>
        Effect.map(call(url, { method: "GET", path: "/api/v1/auth/verify", token }), ({ status }) => status)
      assert.deepStrictEqual([yield* verify(buyer.token), yield* verify(), yield* verify("a.b.c")], [200, 401, 401])
      yield* buyer.mall.auth.logout()
      assert.strictEqual(yield* verify(buyer.token), 401)

      const { mall } = yield* signIn(url, "admin@demo.mall")
      const [product] = (yield* mall.products.list({ query: { limit: 1 } })).data
      assert.isDefined(product)
      const read = Effect.map(call(url, { method: "GET", path: `/api/v1/products/${product.id}` }), ({ text }) => text)
      const list = Effect.map(call(url, { method: "GET", path: "/api/v1/products?limit=1" }), ({ text }) => text)
      assert.notInclude(`${yield* read}${yield* list}`, "Quite another name")
      const title = { zh: "另一个名字", en: "Quite another name" }
      yield* mall.products.update({ params: { id: product.id }, payload: { title } })
      assert.include(yield* read, "Quite another name")
      assert.include(yield* list, "Quite another name")
    })
  )
})
