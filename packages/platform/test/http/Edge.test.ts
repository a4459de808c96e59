import { clientOf, tokenOf } from "@mall/testing/TestAuthorization"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { FetchHttpClient } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { call, exchangeBytes, startEdge, TestApi } from "./edgeServer.ts"
import { bearerOf, principalOf } from "./principal.ts"

const id = "0192d3a4-1111-7111-8111-111111111111"
const missing = "0192d3a4-1111-7111-8111-111111111110"

const ProblemBody = Schema.fromJsonString(
  Schema.Struct({
    type: Schema.String,
    title: Schema.String,
    status: Schema.Int,
    code: Schema.String,
    traceId: Schema.String,
    errors: Schema.optionalKey(
      Schema.Array(
        Schema.Struct({ path: Schema.Array(Schema.Union([Schema.String, Schema.Int])), message: Schema.String })
      )
    )
  })
)
const problemOf = Schema.decodeSync(ProblemBody)

const principal = principalOf(1)
const bearer = bearerOf(principal)

describe("Edge", () => {
  it.live("keeps a caller's request id and trace, and gives its own where they are missing or unsafe", () =>
    Effect.gen(function* () {
      const { log, url } = yield* startEdge()
      const traceId = "0af7651916cd43dd8448eb211c80319c"
      const given = yield* call(`${url}/api/v1/things/${id}`, {
        headers: { "x-request-id": "order-7", traceparent: `00-${traceId}-b7ad6b7169203331-00` }
      })
      assert.strictEqual(given.headers.get("x-request-id"), "order-7")
      assert.strictEqual(given.headers.get("x-trace-id"), traceId)
      assert.include(given.text, '"requestId":"order-7"')
      const lines = (yield* log).split("\n").filter((line) => line !== "")
      assert.lengthOf(lines, 2)
      for (const line of lines) assert.include(line, `"requestId":"order-7","traceId":"${traceId}"`)

      const made = yield* call(`${url}/api/v1/things/${id}`, {
        headers: { "x-request-id": 'a"b'.repeat(10), traceparent: "00-zz-yy-01" }
      })
      assert.match(made.headers.get("x-request-id") ?? "", /^[\w-]+$/)
      assert.match(made.headers.get("x-trace-id") ?? "", /^[0-9a-f]{32}$/)
      const long = yield* call(url, { headers: { "x-request-id": "a".repeat(129) } })
      assert.notStrictEqual(long.headers.get("x-request-id"), "a".repeat(129))
    }).pipe(Effect.scoped)
  )

  it.live("sends every byte of an answer as it is", () =>
    Effect.gen(function* () {
      const { url } = yield* startEdge()
      const bytes = yield* Effect.promise(
        async () => new Uint8Array(await (await fetch(`${url}/every-byte`)).arrayBuffer())
      )
      assert.deepStrictEqual(
        [...bytes],
        Array.from({ length: 256 }, (_, byte) => byte)
      )
    }).pipe(Effect.scoped)
  )

  it.live("answers shape errors with each part's path and without its value", () =>
    Effect.gen(function* () {
      const { log, url } = yield* startEdge()
      const post = (body: string, type = "application/json") =>
        call(`${url}/api/v1/things`, { method: "POST", body, headers: { "content-type": type } })

      const weak = yield* post(JSON.stringify({ name: 5, password: "hunter2" }))
      const problem = problemOf(weak.text)
      assert.strictEqual(weak.headers.get("content-type"), "application/problem+json")
      assert.strictEqual(problem.code, "InvalidRequest")
      assert.strictEqual(problem.traceId, weak.headers.get("x-trace-id"))
      assert.deepStrictEqual(problem.errors?.[0]?.path, ["payload", "name"])
      assert.notInclude(weak.text, "hunter2")
      assert.notInclude(yield* log, "hunter2")

      assert.strictEqual(problemOf((yield* post('{"name": "a", ')).text).code, "InvalidRequest")
      const parameter = problemOf((yield* call(`${url}/api/v1/things/7`)).text)
      assert.deepStrictEqual([parameter.status, parameter.errors?.[0]?.path], [400, ["params", "id"]])
      const query = problemOf((yield* call(`${url}/api/v1/things/${id}?limit=x`)).text)
      assert.deepStrictEqual([query.status, query.errors?.[0]?.path], [400, ["query", "limit"]])
      const type = yield* post("<name/>", "application/xml")
      assert.deepStrictEqual([type.status, problemOf(type.text).code], [415, "UnsupportedMediaType"])
    }).pipe(Effect.scoped)
  )

  it.live("tells of a defect its trace id only, and logs it once", () =>
    Effect.gen(function* () {
      const { log, url } = yield* startEdge()
      for (const path of ["/api/v1/boom", "/api/v1/misshapen", "/raw-defect"]) {
        const answer = yield* call(url + path)
        const problem = problemOf(answer.text)
        assert.deepStrictEqual([path, answer.status, problem.code], [path, 500, "InternalError"])
        assert.notInclude(answer.text, "secret plan")
        const errors = (yield* log)
          .split("\n")
          .filter((line) => line.includes(problem.traceId) && line.includes('"error"'))
        assert.lengthOf(errors, 1)
        assert.include(errors[0], `"requestId":"${answer.headers.get("x-request-id")}"`)
      }
      assert.include(yield* log, "the secret plan")
    }).pipe(Effect.scoped)
  )

  it.live("tells an unknown address from a known one with another method", () =>
    Effect.gen(function* () {
      const { port, url } = yield* startEdge()
      const nowhere = yield* call(`${url}/nowhere`)
      assert.deepStrictEqual([nowhere.status, problemOf(nowhere.text).code], [404, "RouteNotFound"])
      const method = yield* call(`${url}/api/v1/things`, { method: "DELETE" })
      assert.deepStrictEqual([method.status, problemOf(method.text).code], [405, "MethodNotAllowed"])
      assert.strictEqual(method.headers.get("allow"), "POST, OPTIONS")
      const options = yield* call(`${url}/api/v1/things/${id}`, { method: "OPTIONS" })
      assert.deepStrictEqual([options.status, options.headers.get("allow")], [204, "GET, HEAD, OPTIONS"])
      const head = yield* exchangeBytes(
        port,
        `HEAD /api/v1/things/${id} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
      )
      assert.match(head, /^HTTP\/1\.1 200 OK[^]*\r\n\r\n$/)
      const encoded = yield* exchangeBytes(port, "GET /api/v1/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      assert.match(encoded, /^HTTP\/1\.1 400 [^]*InvalidRequest/)
    }).pipe(Effect.scoped)
  )

  it.live("a typed client decodes what the edge answers", () =>
    Effect.gen(function* () {
      const { url } = yield* startEdge({ RATE_LIMIT_AUTH_PER_MINUTE: "1" })
      const client = yield* HttpApiClient.make(TestApi, { baseUrl: url })
      const found = yield* client.things.find({ params: { id }, query: {} })
      assert.strictEqual(found.id, id)
      const error = yield* Effect.flip(client.things.find({ params: { id: missing }, query: {} }))
      assert.strictEqual(error._tag, "ThingMissing")
      const shape = yield* Effect.flip(client.things.boom())
      assert.strictEqual(shape._tag, "InternalError")
      assert.strictEqual(yield* client.mine.me(), principal.userId)
    }).pipe(Effect.provide([FetchHttpClient.layer, clientOf(principal)]), Effect.scoped)
  )

  it.live("sends safe headers, and opens to the pages of configured origins only", () =>
    Effect.gen(function* () {
      const closed = yield* startEdge()
      const plain = yield* call(`${closed.url}/page`, { headers: { origin: "https://shop.example" } })
      assert.strictEqual(plain.headers.get("access-control-allow-origin"), null)
      assert.strictEqual(plain.headers.get("x-content-type-options"), "nosniff")
      assert.strictEqual(plain.headers.get("x-frame-options"), "DENY")
      assert.include(plain.headers.get("content-security-policy"), "frame-ancestors 'none'")
      assert.strictEqual(plain.headers.get("strict-transport-security"), null)
      assert.strictEqual((yield* call(`${closed.url}/api/v1/me`, bearer)).headers.get("cache-control"), "no-store")

      const open = yield* startEdge({ CORS_ORIGINS: "https://shop.example", TRUSTED_PROXIES: "127.0.0.0/8" })
      const preflight = yield* call(`${open.url}/api/v1/things`, {
        method: "OPTIONS",
        headers: {
          origin: "https://shop.example",
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization"
        }
      })
      assert.strictEqual(preflight.status, 204)
      assert.strictEqual(preflight.headers.get("access-control-allow-origin"), "https://shop.example")
      assert.strictEqual(preflight.headers.get("access-control-allow-headers"), "authorization")
      assert.strictEqual(preflight.headers.get("access-control-max-age"), "7200")
      const allowed = yield* call(`${open.url}/page`, {
        headers: { origin: "https://shop.example", "x-forwarded-proto": "https" }
      })
      assert.include(allowed.headers.get("access-control-expose-headers"), "X-Trace-Id")
      assert.match(allowed.headers.get("strict-transport-security") ?? "", /^max-age=/)
      const other = yield* call(`${open.url}/page`, { headers: { origin: "https://evil.example" } })
      assert.deepStrictEqual(
        [other.headers.get("access-control-allow-origin"), other.headers.get("vary")],
        [null, "Origin"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("logs one line a request, with the route and the user and without the query or the token", () =>
    Effect.gen(function* () {
      const { log, url } = yield* startEdge()
      yield* call(`${url}/api/v1/me?ticket=tk_once_1`, bearer)
      yield* call(`${url}/healthz`)
      yield* call(`${url}/stream`)
      yield* call(`${url}/pay/tk_once_1/confirm`)
      const text = yield* log
      const lines = text.split("\n").filter((line) => line.includes('"message":"request"'))
      assert.lengthOf(lines, 3)
      assert.include(lines[0], '"method":"GET","route":"/api/v1/me","path":"/api/v1/me","status":200')
      assert.include(lines[0], `"userId":"${principal.userId}"`)
      assert.include(lines[1], '"route":"/stream"')
      assert.include(lines[2], '"path":"/pay/tk_once_<redacted>/confirm","status":404')
      assert.notInclude(text, "tk_once_1")
      assert.notInclude(text, tokenOf(principal))

      const quiet = yield* startEdge({ LOG_LEVEL: "Warn" })
      yield* call(`${quiet.url}/page`)
      assert.strictEqual(yield* quiet.log, "")
      yield* call(`${quiet.url}/api/v1/boom`)
      assert.include(yield* quiet.log, '"status":500')
      const off = yield* startEdge({ ACCESS_LOG: "false" })
      yield* call(`${off.url}/page`)
      assert.strictEqual(yield* off.log, "")
    }).pipe(Effect.scoped)
  )

  it.live("tells callers apart who ask without a good token, by account where it is known", () =>
    Effect.gen(function* () {
      const { callers, url } = yield* startEdge({ TRUSTED_PROXIES: "127.0.0.0/8" })
      yield* call(`${url}/api/v1/me`, { headers: { "x-forwarded-for": "203.0.113.7" } })
      yield* call(`${url}/api/v1/me`, { headers: { "x-forwarded-for": "203.0.113.7" } })
      yield* call(`${url}/api/v1/me`, { headers: { "x-forwarded-for": "2001:db8::7" } })
      yield* call(`${url}/api/v1/things/${missing}`)
      assert.deepStrictEqual(
        callers.take().map(({ caller, count, signal }) => [signal, caller, count]),
        [
          ["token_failures", "ip:203.0.113.7", 2],
          ["token_failures", "ip:2001:db8:0:0::/64", 1]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.live("counts by route, never by path", () =>
    Effect.gen(function* () {
      const { url } = yield* startEdge({ OTEL_SERVICE_NAME: "user-api" })
      yield* call(`${url}/api/v1/things/${id}`)
      yield* call(`${url}/api/v1/things/${missing}`)
      yield* call(`${url}/a`)
      yield* call(`${url}/b`)
      const { text } = yield* call(`${url}/metrics`)
      const route = "/api/v1/things/:id"
      assert.include(text, `http_requests_total{service="user-api",method="GET",path="${route}",status="200"} 1\n`)
      assert.include(text, `http_requests_total{service="user-api",method="GET",path="${route}",status="404"} 1\n`)
      assert.include(text, `http_requests_total{service="user-api",method="GET",path="unmatched",status="404"} 2\n`)
      assert.include(text, `http_server_requests_duration_ms_count{app="user-api",path="${route}"} 2\n`)
      for (const bound of ["0.1", "0.5", "1", "2", "5", "10", "+Inf"]) {
        assert.include(
          text,
          `http_request_duration_seconds_bucket{method="GET",path="${route}",status="200",le="${bound}"} 1\n`
        )
      }
      assert.include(text, `http_request_size_bytes_count{method="GET",path="${route}",status="200"} 1\n`)
      assert.include(text, `http_response_size_bytes_count{method="GET",path="${route}",status="200"} 1\n`)
    }).pipe(Effect.scoped)
  )
})
