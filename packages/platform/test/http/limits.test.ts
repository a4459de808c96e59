import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { call, startEdge } from "./edgeServer.ts"
import { bearerOf, principalOf } from "./principal.ts"

describe("limits", () => {
  it.live("lets a client make a burst and tells when to come again; health is exempt", () =>
    Effect.gen(function* () {
      const { url } = yield* startEdge({ RATE_LIMIT_IP_PER_SECOND: "0.001", RATE_LIMIT_IP_BURST: "3" })
      const statuses: Array<number> = []
      for (let i = 0; i < 3; i++) statuses.push((yield* call(`${url}/page`)).status)
      assert.deepStrictEqual(statuses, [200, 200, 200])
      const refused = yield* call(`${url}/page`)
      assert.strictEqual(refused.status, 429)
      assert.include(refused.text, '"code":"RateLimited"')
      assert.isAtLeast(Number(refused.headers.get("retry-after")), 900)
      assert.strictEqual(refused.headers.get("ratelimit-limit"), "3")
      assert.strictEqual(refused.headers.get("ratelimit-remaining"), "0")
      assert.strictEqual((yield* call(`${url}/healthz`)).status, 200)
      assert.include((yield* call(`${url}/metrics`)).text, 'path="unmatched",status="429"} 1')
    }).pipe(Effect.scoped)
  )

  it.live("counts simultaneous calls exactly", () =>
    Effect.gen(function* () {
      const { url } = yield* startEdge({ RATE_LIMIT_AUTH_PER_MINUTE: "5" })
      const answers = yield* Effect.all(
        Array.from({ length: 30 }, () => call(`${url}/api/v1/auth/refresh`, { method: "POST" })),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(
        answers.filter(({ status }) => status === 200),
        5
      )
      assert.isTrue(answers.every(({ status }) => status === 200 || status === 429))
    }).pipe(Effect.scoped)
  )

  it.live("limits how many accounts an address opens, as often as an operator says", () =>
    Effect.gen(function* () {
      for (const [config, limit] of [
        [{}, 30],
        [{ RATE_LIMIT_REGISTER_PER_MINUTE: "2" }, 2]
      ] as const) {
        const { url } = yield* startEdge(config)
        const answers = yield* Effect.all(
          Array.from({ length: limit + 5 }, () => call(`${url}/api/v1/register`, { method: "POST" })),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(
          answers.filter(({ status }) => status === 200),
          limit
        )
        const refused = answers.find(({ status }) => status === 429)
        assert.strictEqual(refused?.headers.get("ratelimit-limit"), String(limit))
      }
    }).pipe(Effect.scoped)
  )

  it.live("takes the limit of an endpoint, per client and per user", () =>
    Effect.gen(function* () {
      const { url } = yield* startEdge()
      const rare = call(`${url}/api/v1/rare`)
      assert.deepStrictEqual([(yield* rare).status, (yield* rare).status, (yield* rare).status], [200, 200, 429])
      const [first, second] = [bearerOf(principalOf(1)), bearerOf(principalOf(2))]
      assert.strictEqual((yield* call(`${url}/api/v1/seldom`, first)).status, 200)
      const refused = yield* call(`${url}/api/v1/seldom`, first)
      assert.strictEqual(refused.status, 429)
      assert.strictEqual(refused.headers.get("ratelimit-limit"), "1")
      assert.isAtLeast(Number(refused.headers.get("retry-after")), 3000)
      assert.strictEqual((yield* call(`${url}/api/v1/seldom`, second)).status, 200)
    }).pipe(Effect.scoped)
  )

  it.live("limits a user wherever they call from", () =>
    Effect.gen(function* () {
      const { url } = yield* startEdge({ RATE_LIMIT_USER_PER_SECOND: "0.001", RATE_LIMIT_USER_BURST: "2" })
      const me = call(`${url}/api/v1/me`, bearerOf(principalOf(1)))
      assert.deepStrictEqual([(yield* me).status, (yield* me).status, (yield* me).status], [200, 200, 429])
      assert.strictEqual((yield* call(`${url}/api/v1/me`, bearerOf(principalOf(2)))).status, 200)
    }).pipe(Effect.scoped)
  )

  it.live("believes X-Forwarded-For of trusted proxies only", () =>
    Effect.gen(function* () {
      const from = (url: string, address: string) => call(`${url}/page`, { headers: { "x-forwarded-for": address } })
      const config = { RATE_LIMIT_IP_PER_SECOND: "0.001", RATE_LIMIT_IP_BURST: "1" }
      const direct = yield* startEdge(config)
      assert.strictEqual((yield* from(direct.url, "203.0.113.1")).status, 200)
      assert.strictEqual((yield* from(direct.url, "203.0.113.2")).status, 429)

      const behind = yield* startEdge({ ...config, TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8" })
      assert.strictEqual((yield* from(behind.url, "198.51.100.9, 203.0.113.1, 10.1.2.3")).status, 200)
      assert.strictEqual((yield* from(behind.url, "203.0.113.2")).status, 200)
      assert.strictEqual((yield* from(behind.url, "8.8.8.8, 203.0.113.1")).status, 429)
      assert.include(yield* behind.log, '"clientIp":"203.0.113.1"')
    }).pipe(Effect.scoped)
  )

  it.live("sheds what is too many at once, before any work", () =>
    Effect.gen(function* () {
      const { begun, letGo, load, url } = yield* startEdge({ HTTP_MAX_IN_FLIGHT: "1" })
      const slow = yield* Effect.forkChild(call(`${url}/api/v1/slow`))
      yield* begun
      const shed = yield* call(`${url}/page`)
      assert.deepStrictEqual([shed.status, shed.headers.get("retry-after")], [503, "1"])
      assert.include(shed.text, '"code":"Overloaded"')
      assert.strictEqual((yield* call(`${url}/healthz`)).status, 200)
      yield* letGo
      assert.strictEqual((yield* Fiber.await(slow))._tag, "Success")
      assert.strictEqual((yield* call(`${url}/page`)).status, 200)
      assert.strictEqual(load.inFlight, 0)
    }).pipe(Effect.scoped)
  )

  it.live("sheds while the event loop lags", () =>
    Effect.gen(function* () {
      const { load, url } = yield* startEdge({ HTTP_MAX_EVENT_LOOP_DELAY: "0 seconds" })
      yield* Effect.suspend(() => (load.lagging ? Effect.void : Effect.fail("not yet"))).pipe(
        Effect.eventually,
        Effect.timeout("10 seconds")
      )
      assert.strictEqual((yield* call(`${url}/page`)).status, 503)
      assert.strictEqual((yield* call(`${url}/healthz`)).status, 200)
    }).pipe(Effect.scoped)
  )
})
