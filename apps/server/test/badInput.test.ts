import { assert, describe, it, layer } from "@effect/vitest"
import { MallApi } from "@mall/domain/MallApi"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer } from "effect"
import { OpenApi } from "effect/http-api"
import { faultsOfCalls, traces } from "./badCalls.ts"
import { caseOf, faultsOf, requestTo } from "./badRequests.ts"
import { fill, queryOf } from "./addressOf.ts"
import { endpointCases, missingId } from "./endpointCases.ts"
import { endpoints } from "./endpoints.ts"
import {
  hostileQueryValues,
  hostileSegments,
  invalidUtf8,
  malformedBodies,
  spoil,
  wrongBodies
} from "./hostileInput.ts"
import { call } from "./rawHttp.ts"
import type { RawRequest } from "./rawHttp.ts"
import { newBuyer, signIn, skusInStock } from "./shoppers.ts"

const maxBody = 64 * 1024

class Mall extends Context.Service<Mall, { readonly url: string; readonly admin: string }>()(
  "@mall/server/test/badInput/Mall"
) {
  static readonly layer = Layer.effect(
    Mall,
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const { url } = yield* startServer({
        database,
        environment: { HTTP_MAX_BODY: String(maxBody), ACCESS_LOG: "false" }
      })
      const { token } = yield* signIn(url, "admin@demo.mall")
      return Mall.of({ url, admin: token })
    })
  )
}

const harmless = endpoints.filter((endpoint) => caseOf(endpoint).ends !== true)
const withPayload = harmless.filter(({ hasPayload }) => hasPayload)

type JsonSchema = { readonly $ref?: string; readonly properties?: Readonly<Record<string, unknown>> }

describe("the cases", () => {
  it("are one for each endpoint", () => {
    assert.deepStrictEqual(Object.keys(endpointCases).toSorted(), endpoints.map(({ way }) => way).toSorted())
  })

  it("name every field of the payload and of the query", () => {
    const document = OpenApi.fromApi(MallApi)
    const missing = endpoints.flatMap((endpoint) => {
      const { body, query, omits = [] } = caseOf(endpoint)
      const path = document.paths[endpoint.path.replaceAll(/:(\w+)/g, "{$1}")]
      const operation = path?.[endpoint.method.toLowerCase() as "get"]
      if (operation === undefined) return [`${endpoint.way} is not documented`]
      const declared = operation.requestBody?.content?.["application/json"]?.schema as JsonSchema | undefined
      const name = declared?.$ref?.split("/").at(-1)
      const schema = name === undefined ? declared : (document.components.schemas[name] as JsonSchema)
      const fields = Object.keys(schema?.properties ?? {}).filter((field) => !omits.includes(field))
      const queried = operation.parameters.filter((parameter) => parameter.in === "query")
      return [
        ...fields.filter((field) => !Object.keys(body ?? {}).includes(field)),
        ...queried.map((parameter) => parameter.name).filter((name) => !Object.keys(query ?? {}).includes(name))
      ].map((field) => `${endpoint.way} ${field}`)
    })
    assert.deepStrictEqual(missing, [])
  })
})

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("bad input", (it) => {
  it.effect("that is not JSON, or not an object, is a 400", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const requests = withPayload.flatMap((endpoint) =>
        [...malformedBodies, ...wrongBodies, invalidUtf8].map((body) => ({ ...requestTo(endpoint, admin), body }))
      )
      assert.deepStrictEqual(yield* faultsOf(url, requests, [400]), [])
    })
  )

  it.effect(
    "in any field of a body is never the server's failure",
    () =>
      Effect.gen(function* () {
        const { admin, url } = yield* Mall
        const requests = withPayload.flatMap((endpoint) => {
          const { body } = caseOf(endpoint)
          if (body === undefined) return []
          const bodies = ["", invalidUtf8, ...spoil(body).map((spoiled) => JSON.stringify(spoiled))]
          return bodies.map((body) => ({ ...requestTo(endpoint, admin), body }))
        })
        assert.isAbove(requests.length, 1000)
        assert.deepStrictEqual(yield* faultsOf(url, requests), [])
      }),
    120_000
  )

  it.effect("where no body is expected is never the server's failure", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const requests = harmless
        .filter(({ hasPayload, method }) => !hasPayload && method !== "GET")
        .flatMap((endpoint) => malformedBodies.map((body) => ({ ...requestTo(endpoint, admin), body })))
      assert.deepStrictEqual(yield* faultsOf(url, requests), [])
    })
  )

  it.effect("in a path is a 400 or 404", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const requests = harmless.flatMap((endpoint) => {
        const { params = {}, query } = caseOf(endpoint)
        return Object.keys(params).flatMap((name) =>
          hostileSegments.map((segment) => ({
            ...requestTo(endpoint, admin),
            path: fill(endpoint.path, { ...params, [name]: segment }) + queryOf(query)
          }))
        )
      })
      assert.isAbove(requests.length, 300)
      assert.deepStrictEqual(yield* faultsOf(url, requests, [400, 401, 404]), [])
    })
  )

  it.effect("in a query is never the server's failure", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const requests = harmless.flatMap((endpoint) => {
        const { params, query = {} } = caseOf(endpoint)
        return Object.keys(query).flatMap((name) => [
          {
            ...requestTo(endpoint, admin),
            path: fill(endpoint.path, params) + queryOf({ [name]: "a", [`${name}[]`]: "b" })
          },
          ...hostileQueryValues.map((value) => ({
            ...requestTo(endpoint, admin),
            path: fill(endpoint.path, params) + queryOf({ [name]: value })
          }))
        ])
      })
      assert.isAbove(requests.length, 100)
      assert.deepStrictEqual(yield* faultsOf(url, requests), [])
    })
  )

  it.effect("that is too large is a 413", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const body = JSON.stringify({ text: "x".repeat(maxBody) })
      const requests = withPayload.map((endpoint) => ({ ...requestTo(endpoint, admin), body }))
      assert.deepStrictEqual(yield* faultsOf(url, requests, [413]), [])
    })
  )

  it.effect("of another media type is a 415", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const requests = withPayload.flatMap((endpoint) =>
        ["text/plain", "application/xml", "multipart/form-data; boundary=x"].map((contentType) => ({
          ...requestTo(endpoint, admin),
          contentType
        }))
      )
      assert.deepStrictEqual(yield* faultsOf(url, requests, [415]), [])
    })
  )

  it.effect("of a method that the path does not have is a 405", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const methods = ["POST", "PUT", "PATCH", "DELETE"] as const
      const requests = endpoints.flatMap((endpoint): ReadonlyArray<RawRequest> => {
        const taken = new Set(endpoints.filter(({ path }) => path === endpoint.path).map(({ method }) => method))
        const free = methods.find((method) => !taken.has(method))
        return free === undefined ? [] : [{ method: free, path: requestTo(endpoint).path, token: admin }]
      })
      assert.isAbove(requests.length, 50)
      assert.deepStrictEqual(yield* faultsOf(url, requests, [405]), [])
    })
  )

  it.effect("in the Idempotency-Key is a 400", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const requests = harmless
        .filter(({ isIdempotent }) => isIdempotent)
        .flatMap((endpoint) =>
          ["x".repeat(256), "\u00e9\u00e9", "tab\there"].map((key) => ({
            ...requestTo(endpoint, admin),
            headers: { "idempotency-key": key }
          }))
        )
      assert.deepStrictEqual(yield* faultsOf(url, requests, [400]), [])
    })
  )

  it.effect("instead of a token is a 401", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const [header = "", claims = "", signature = ""] = admin.split(".")
      const unsigned = `${btoa('{"alg":"none","typ":"JWT"}').replaceAll("=", "")}.${claims}.`
      const bad = [
        ...["abc", "a.b.c", "..", "null", "x".repeat(5000), unsigned],
        `${header}.${claims}.${signature.slice(0, -4)}AAAA`,
        `${header}.${claims.slice(0, -4)}AAAA.${signature}`
      ]
      const guarded = endpoints.filter(({ permission }) => permission !== "public")
      const requests = guarded.flatMap((endpoint) => [
        requestTo(endpoint),
        { ...requestTo(endpoint), headers: { authorization: "Basic YTpi" } },
        { ...requestTo(endpoint), headers: { authorization: "Bearer" } },
        ...bad.map((token) => requestTo(endpoint, token))
      ])
      assert.deepStrictEqual(yield* faultsOf(url, requests, [401]), [])
    })
  )

  it.effect("that names what belongs to somebody else is a 404, or a 403 where a permission is missing", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const owner = yield* newBuyer(url, "owner")
      const stranger = yield* newBuyer(url, "stranger")
      const [sku] = yield* skusInStock(owner, 1)
      assert.isDefined(sku)
      const { orders, payment } = yield* owner.mall.checkout.checkout({
        payload: { items: [{ skuId: sku.id, quantity: 1 }], addressId: owner.addressId }
      })
      const { sessionId } = yield* owner.mall.auth.verify()
      const owned: ReadonlyArray<readonly [prefix: string, id: string]> = [
        ["/api/v1/users/me/addresses/:id", owner.addressId],
        ["/api/v1/users/me/sessions/:id", sessionId],
        ["/api/v1/orders/:id", orders[0]?.id ?? missingId],
        ["/api/v1/payments/:id", payment.id]
      ]
      const requests = owned.flatMap(([prefix, id]) =>
        harmless
          .filter(({ path, permission }) => path.startsWith(prefix) && permission !== "public")
          .map((endpoint) => ({
            ...requestTo(endpoint, stranger.token),
            path: fill(endpoint.path, { ...caseOf(endpoint).params, id })
          }))
      )
      assert.isAbove(requests.length, 15)
      assert.deepStrictEqual(yield* faultsOf(url, requests, [403, 404]), [])

      const taken = yield* call(url, {
        method: "POST",
        path: "/api/v1/checkout",
        token: stranger.token,
        body: JSON.stringify({ items: [{ skuId: sku.id, quantity: 1 }], addressId: owner.addressId })
      })
      assert.strictEqual(taken.status, 404)
    })
  )

  it.effect("in a call of any Rpc is answered as a failure of that call", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      assert.deepStrictEqual(yield* faultsOfCalls(url, admin), [])
    })
  )

  it.effect("that is no call at all is refused by the RPC endpoint without a word of its insides", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* Mall
      const bodies = [
        ...malformedBodies,
        ...wrongBodies,
        '{"_tag":"Request"}\n',
        '{"_tag":"Request","id":{},"tag":"cart.get","payload":null,"headers":[]}\n',
        '{"_tag":"Request","id":"1","tag":"no.such.call","payload":null,"headers":[]}\n',
        '{"_tag":"Request","id":"1","tag":"__proto__","payload":null,"headers":[]}\n',
        '{"_tag":"Request","id":"1","tag":"cart.get","payload":null,"headers":7}\n',
        '{"_tag":"Request","id":"1","tag":"cart.get","payload":null,"headers":[[1,2],null]}\n',
        '{"_tag":"Ack","requestId":"1"}\n',
        '{"_tag":"Interrupt","requestId":"1"}\n',
        '{"_tag":"Nonsense"}\n'
      ]
      const faults = yield* Effect.forEach(bodies, (body) =>
        Effect.map(call(url, { method: "POST", path: "/rpc", token: admin, body }), ({ status, text }) =>
          status < 500 && !traces.test(text) ? [] : [`${body.slice(0, 80)}: ${status} ${text.slice(0, 500)}`]
        )
      )
      assert.deepStrictEqual(faults.flat(), [])
      assert.strictEqual((yield* call(url, { method: "GET", path: "/readyz" })).status, 200)
    })
  )
})
