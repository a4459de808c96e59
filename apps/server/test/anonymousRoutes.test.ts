import { assert, layer } from "@effect/vitest"
import { AccessToken } from "@mall/client/AccessToken"
import { MallHttp } from "@mall/client/MallHttp"
import { StorefrontRpc } from "@mall/client/MallRpc"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { spawnServer, startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { call } from "./rawHttp.ts"
import { connect, eventually, newBuyer } from "./shoppers.ts"

class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/anonymousRoutes/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.flatMap(acquireDatabase, (database) =>
      startServer({
        database,
        environment: {
          ANONYMOUS_ROUTES:
            "POST /api/v1/auth/log*n, POST /api/v1/users, GET /api/v1/categories/**, RPC categories.list"
        }
      })
    )
  )
}

/** The typed clients of a front end that sends its token with every request, also where the API asks for none. */
const withToken = Effect.fnUntraced(function* (url: string, token: string) {
  const Sending = Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(HttpClientRequest.bearerToken(token)))
  ).pipe(Layer.provide(FetchHttpClient.layer))
  const services = yield* Layer.build(
    Layer.merge(MallHttp.layer(url), StorefrontRpc.layer(url)).pipe(
      Layer.provideMerge(AccessToken.layer),
      Layer.provide(Sending),
      Layer.fresh
    )
  )
  return { mall: Context.get(services, MallHttp), storefront: Context.get(services, StorefrontRpc) }
})

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("A mall that shows guests little", (it) => {
  it.effect("asks for a token by HTTP where its list says nothing, also for an answer that is ready", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const buyer = yield* newBuyer(url, "signed-in")
      const { data } = yield* (yield* withToken(url, buyer.token)).mall.products.list({ query: {} })
      const path = `/api/v1/products/${data[0]!.id}`
      const get = (path: string, token?: string) =>
        call(url, { method: "GET", path, ...(token === undefined ? {} : { token }) })
      // asked twice, the second answer would come from memory
      yield* get(path, buyer.token)
      assert.strictEqual((yield* get(path, buyer.token)).status, 200)
      for (const closed of [path, "/api/v1/products", "/api/v1/cart", "/.well-known/jwks.json"]) {
        const refused = yield* get(closed)
        assert.strictEqual(refused.status, 401, closed)
        assert.include(refused.text, '"code":"Unauthorized"')
        assert.strictEqual((yield* get(closed, `${buyer.token}x`)).status, 401, closed)
        assert.strictEqual((yield* get(closed, buyer.token)).status, 200, closed)
      }
      assert.strictEqual((yield* get(`/api/v1/categories/${data[0]!.id}`)).status, 404)
      assert.strictEqual((yield* get("/readyz")).status, 200)
      yield* eventually(get("/metrics"), ({ text }) => text.includes('status="401"'), "the refusals to be counted")
    })
  )

  it.effect("and by RPC, call by call", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const guest = yield* connect(url)
      assert.isNotEmpty(yield* guest.storefront["categories.list"]())
      assert.strictEqual((yield* Effect.flip(guest.storefront["products.list"]({})))._tag, "Unauthorized")
      const buyer = yield* newBuyer(url, "rpc-signed-in")
      const { storefront } = yield* withToken(url, buyer.token)
      assert.isNotEmpty((yield* storefront["products.list"]({})).data)
      const forged = yield* withToken(url, `${buyer.token}x`)
      assert.strictEqual((yield* Effect.flip(forged.storefront["products.list"]({})))._tag, "Unauthorized")
    })
  )

  it.effect("does not start where the list would open what is not public", () =>
    Effect.gen(function* () {
      const server = yield* spawnServer({ ANONYMOUS_ROUTES: "GET /api/v1/orders/**", MALL_ROLES: "api" })
      const { code } = yield* server.ended
      assert.notStrictEqual(code, 0)
      assert.include(
        server.stderr.join(),
        'The setting ANONYMOUS_ROUTES is wrong: "GET /api/v1/orders/**" would open GET /api/v1/orders'
      )
      assert.lengthOf(server.stderr, 1)
    }).pipe(Effect.scoped)
  )
})
