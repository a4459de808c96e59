import { assert, layer } from "@effect/vitest"
import { signAt, signRequest } from "@mall/client/signRequest"
import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import type { ApiKeyScope, IssuedApiKey } from "@mall/domain/identity/ApiKey"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Clock, Context, Effect, Layer, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { callLine } from "./badCalls.ts"
import { call } from "./rawHttp.ts"
import type { RawRequest } from "./rawHttp.ts"
import { eventually, signIn } from "./shoppers.ts"

const payments = "/api/v1/payments"
const keysPath = "/api/v1/merchants/me/api-keys"

class Malls extends Context.Service<
  Malls,
  {
    readonly urls: readonly [string, string]
    readonly merchant: Effect.Success<ReturnType<typeof signIn>>
    readonly sql: SqlClient.SqlClient
  }
>()("@mall/server/test/machines/Malls") {
  static readonly layer = Layer.effect(
    Malls,
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const environment = { ACCESS_LOG: "false", API_KEY_USE_INTERVAL: "100 millis" }
      const first = yield* startServer({ database, environment, roles: "api" })
      const second = yield* startServer({ database, dataFolder: first.dataFolder, roles: "api", environment })
      const sql = Context.get(yield* Layer.build(Sql.layerUrl(database)), SqlClient.SqlClient)
      return Malls.of({ urls: [first.url, second.url], merchant: yield* signIn(first.url, "merchant@demo.mall"), sql })
    })
  )
}

const newKeyId = generator(ApiKeyId)
const newMerchantId = generator(MerchantId)
const newRotationId = generator(Uuid7.pipe(Schema.brand("RotationId")))

const issue = Effect.fnUntraced(function* (
  method: "secret" | "signature",
  scopes: ReadonlyArray<ApiKeyScope>,
  more: { readonly allowedNetworks?: ReadonlyArray<string> } = {}
) {
  const { merchant } = yield* Malls
  return yield* merchant.mall.apiKeys.create({ payload: { name: "shop", method, scopes, reason: "test", ...more } })
})

const withKey = ({ key }: IssuedApiKey, headers: Readonly<Record<string, string>> = {}) => ({
  headers: { "x-api-key": key, ...headers }
})

const codeOf = ({ status, text }: { readonly status: number; readonly text: string }) =>
  `${status} ${/"code":"(\w+)"/.exec(text)?.[1] ?? "ok"}`

/** `status code` of the answer at the first server, unless another is named. */
const ask = Effect.fnUntraced(function* (request: RawRequest, server: 0 | 1 = 0) {
  const { urls } = yield* Malls
  return codeOf(yield* call(urls[server], request))
})

const sign = Effect.fnUntraced(function* (
  { key }: IssuedApiKey,
  request: Pick<RawRequest, "method" | "path"> & { readonly body?: string; readonly headers?: Record<string, string> },
  at?: { readonly nonce: string; readonly timestamp: string }
) {
  const signable = {
    ...{ method: request.method, target: request.path },
    ...(request.body === undefined ? {} : { body: new TextEncoder().encode(request.body) })
  }
  const secret = Redacted.make(key)
  const signature = yield* at === undefined ? signRequest(secret, signable) : signAt(secret, signable, at)
  return { ...request, headers: { ...request.headers, ...signature } }
})

const newPayment = (reference: string) =>
  JSON.stringify({ amount: { amount: 100, currency: "CNY" }, reference, description: "tea" })

const rpc = (tag: string, payload: object, headers: Readonly<Record<string, string>>): RawRequest => ({
  method: "POST",
  path: "/rpc",
  body: callLine(0, tag, { ...payload }, undefined),
  headers
})

layer(Malls.layer, { excludeTestServices: true, timeout: "2 minutes" })("merchants' servers", (it) => {
  it.effect("are let in by a key that they send, as far as its scopes reach", () =>
    Effect.gen(function* () {
      const { merchant } = yield* Malls
      const key = yield* issue("secret", ["payments:read", "payments:create", "catalog:write"])
      assert.match(key.key, /^mk_live_[0-9a-f]{32}_[\w-]{43}$/)
      const create = { method: "POST", path: payments, body: newPayment("by-key"), ...withKey(key) } as const
      assert.strictEqual(yield* ask(create), "201 ok")
      const { data } = yield* merchant.mall.payments.list({ query: { reference: "by-key" } })
      assert.lengthOf(data, 1)
      const read = { method: "GET", path: `${payments}/${data[0]?.id}`, ...withKey(key) } as const
      assert.strictEqual(yield* ask(read, 1), "200 ok")
      const refused = [
        { method: "POST", path: `${payments}/${data[0]?.id}/refunds`, body: '{"reason":"x"}' },
        { method: "GET", path: "/api/v1/users/me" },
        { method: "GET", path: "/api/v1/auth/verify" },
        { method: "GET", path: keysPath },
        { method: "GET", path: "/api/v1/merchant/orders" }
      ] as const
      for (const request of refused) assert.strictEqual(yield* ask({ ...request, ...withKey(key) }), "403 Forbidden")
    })
  )

  it.effect("do by RPC what their keys are for, and nothing else", () =>
    Effect.gen(function* () {
      const { urls } = yield* Malls
      const key = yield* issue("secret", ["catalog:write"])
      const headers = { "x-api-key": key.key }
      const own = yield* call(urls[0], rpc("products.listOwn", {}, headers))
      assert.include(own.text, '"_tag":"Success"')
      const other = yield* call(urls[0], rpc("disputes.list", {}, headers))
      assert.include(other.text, '"code":"Forbidden"')
      const person = yield* call(urls[0], rpc("sessions.list", {}, headers))
      assert.include(person.text, '"code":"Forbidden"')
      const madeUp = yield* call(urls[0], rpc("products.listOwn", {}, { "x-api-key": "mk_live_x" }))
      assert.include(madeUp.text, '"code":"ApiKeyRefused"')
    })
  )

  it.effect("sign all calls of a request to RPC at once, each of which is let in by itself", () =>
    Effect.gen(function* () {
      const { urls } = yield* Malls
      const key = yield* issue("signature", ["catalog:write"])
      const lines = [
        callLine(0, "products.listOwn", {}, undefined),
        callLine(1, "disputes.list", {}, undefined),
        callLine(2, "products.listOwn", { limit: 1 }, undefined)
      ]
      const outcomesOf = ({ text }: { readonly text: string }) =>
        text
          .trim()
          .split("\n")
          .map((line) => {
            const outcome = /"code":"(\w+)"/.exec(line)?.[1] ?? /"_tag":"(Success)"/.exec(line)?.[1] ?? "none"
            return `${/"requestId":"?(\d)/.exec(line)?.[1]} ${outcome}`
          })
          .toSorted()
      const signed = yield* sign(key, { method: "POST", path: "/rpc", body: lines.join("") })
      const first = outcomesOf(yield* call(urls[0], signed))
      assert.deepStrictEqual(first, ["0 Success", "1 Forbidden", "2 Success"])

      const refused = (code: string) => lines.map((_, id) => `${id} ${code}`)
      for (const url of urls) {
        assert.deepStrictEqual(outcomesOf(yield* call(url, signed)), refused("RequestReplayed"))
      }
      const fresh = yield* sign(key, { method: "POST", path: "/rpc", body: lines.join("") })
      const [one = "", two = "", three = ""] = lines
      const spoiled: ReadonlyArray<RawRequest> = [
        { ...fresh, body: one + two + three.replace('"limit":1', '"limit":2') },
        { ...fresh, body: three + two + one },
        { ...fresh, headers: { ...fresh.headers, "x-nonce": "another-nonce-of-mine" } }
      ]
      for (const request of spoiled) {
        assert.deepStrictEqual(outcomesOf(yield* call(urls[0], request)), refused("SignatureMismatch"))
      }
      const twice = yield* Effect.all([call(urls[0], fresh), call(urls[1], fresh)], { concurrency: 2 })
      assert.deepStrictEqual(
        twice.map(outcomesOf).toSorted((a, b) => a.join().localeCompare(b.join())),
        [refused("RequestReplayed"), first]
      )

      // the headers of a call are no signature of the request
      const inside = one.replace('"headers":[]', `"headers":${JSON.stringify(Object.entries(fresh.headers))}`)
      const alone = { method: "POST", path: "/rpc", body: inside } as const
      assert.deepStrictEqual(outcomesOf(yield* call(urls[0], alone)), ["0 Unauthorized"])
      const sending = yield* issue("secret", ["catalog:write"])
      const wrongWay = yield* sign(sending, { method: "POST", path: "/rpc", body: one })
      assert.deepStrictEqual(outcomesOf(yield* call(urls[0], wrongWay)), ["0 ApiKeyRefused"])
    })
  )

  it.effect("are refused with keys that are wrong in any part, and the answer does not repeat them", () =>
    Effect.gen(function* () {
      const { urls } = yield* Malls
      const { key } = yield* issue("secret", ["payments:read"])
      const id = yield* newKeyId
      const wrong = [
        ...["", "x", key.slice(0, -1), `${key}x`, `${key.slice(0, -1)}${key.endsWith("A") ? "B" : "A"}`],
        ...[key.replace("mk_live", "mk_test"), key.toUpperCase()],
        key.replace(/_[0-9a-f]{32}_/, `_${id.replaceAll("-", "")}_`)
      ]
      for (const each of wrong) {
        const answer = yield* call(urls[0], { method: "GET", path: payments, headers: { "x-api-key": each } })
        assert.strictEqual(codeOf(answer), "401 ApiKeyRefused", each)
        if (each.length > 10) assert.notInclude(answer.text, each)
      }
      assert.strictEqual(yield* ask({ method: "GET", path: payments }), "401 Unauthorized")
      const both = { token: "expired", headers: { "x-api-key": key } }
      assert.strictEqual(yield* ask({ method: "GET", path: payments, ...both }), "401 Unauthorized")
    })
  )

  it.effect("sign their requests, with queries, bodies and idempotency keys", () =>
    Effect.gen(function* () {
      const key = yield* issue("signature", ["payments:read", "payments:create"])
      const query = `${payments}?reference=caf%C3%A9%20x&limit=5`
      assert.strictEqual(yield* ask(yield* sign(key, { method: "GET", path: query })), "200 ok")
      const create = {
        method: "POST",
        path: payments,
        body: newPayment("signed"),
        headers: { "idempotency-key": "signed-1" }
      } as const
      const { urls } = yield* Malls
      const first = yield* call(urls[0], yield* sign(key, create))
      assert.strictEqual(first.status, 201, first.text)
      const again = yield* call(urls[1], yield* sign(key, create))
      assert.strictEqual(again.headers["idempotency-replayed"], "true")
      assert.strictEqual(again.text, first.text)
    })
  )

  it.effect("cannot repeat a signed request, at no server, nor change what was signed", () =>
    Effect.gen(function* () {
      const key = yield* issue("signature", ["payments:read", "payments:create"])
      const signed = yield* sign(key, { method: "GET", path: `${payments}?limit=5` })
      assert.strictEqual(yield* ask(signed), "200 ok")
      assert.strictEqual(yield* ask(signed), "401 RequestReplayed")
      assert.strictEqual(yield* ask(signed, 1), "401 RequestReplayed")

      const racing = yield* sign(key, { method: "GET", path: payments })
      const answers = yield* Effect.all(
        Array.from({ length: 10 }, (_, index) => ask(racing, index % 2 === 0 ? 0 : 1)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(answers.toSorted(), ["200 ok", ...Array<string>(9).fill("401 RequestReplayed")])

      const body = newPayment("tampered")
      const post = yield* sign(key, { method: "POST", path: payments, body })
      const { "x-nonce": _, ...nonceless } = post.headers
      const spoiled: ReadonlyArray<RawRequest> = [
        { ...post, body: body.replace("100", "999") },
        { ...post, path: `${payments}?limit=1` },
        { ...post, headers: { ...post.headers, "x-nonce": "another-nonce-of-mine" } },
        { ...post, headers: { ...post.headers, "x-signature": `v1=${"0".repeat(64)}` } },
        { ...post, headers: { ...post.headers, "x-signature": "v2=abc" } },
        { ...post, headers: { ...post.headers, "x-api-key-id": "abc" } },
        { ...post, headers: nonceless }
      ]
      for (const request of spoiled) {
        assert.strictEqual(yield* ask(request), "401 SignatureMismatch")
      }
      assert.strictEqual(yield* ask(post), "201 ok")
    })
  )

  it.effect("are told the server's time when their clock is wrong", () =>
    Effect.gen(function* () {
      const { urls } = yield* Malls
      const key = yield* issue("signature", ["payments:read"])
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      for (const off of [-400, 400]) {
        const at = { nonce: `a-nonce-${now + off}`, timestamp: String(now + off) }
        const answer = yield* call(urls[0], yield* sign(key, { method: "GET", path: payments }, at))
        assert.strictEqual(codeOf(answer), "401 ClockSkewed")
        const told = Number(/"serverTime":(\d+)/.exec(answer.text)?.[1])
        assert.isAtMost(Math.abs(told - now), 60)
      }
      const within = { nonce: `a-nonce-${now}`, timestamp: String(now - 240) }
      assert.strictEqual(yield* ask(yield* sign(key, { method: "GET", path: payments }, within)), "200 ok")
    })
  )

  it.effect("use a key in the one way that it was made for", () =>
    Effect.gen(function* () {
      const signing = yield* issue("signature", ["payments:read"])
      const sending = yield* issue("secret", ["payments:read"])
      assert.strictEqual(yield* ask({ method: "GET", path: payments, ...withKey(signing) }), "401 ApiKeyRefused")
      assert.strictEqual(yield* ask(yield* sign(sending, { method: "GET", path: payments })), "401 ApiKeyRefused")
    })
  )

  it.effect("are let in from the networks of the key only, by HTTP and by RPC", () =>
    Effect.gen(function* () {
      const { urls } = yield* Malls
      const here = yield* issue("secret", ["catalog:write", "payments:read"], {
        allowedNetworks: ["127.0.0.0/8", "::1"]
      })
      const there = yield* issue("secret", ["catalog:write", "payments:read"], { allowedNetworks: ["10.0.0.0/8"] })
      assert.strictEqual(yield* ask({ method: "GET", path: payments, ...withKey(here) }), "200 ok")
      assert.strictEqual(yield* ask({ method: "GET", path: payments, ...withKey(there) }), "403 AddressNotAllowed")
      const forged = withKey(there, { "x-forwarded-for": "10.0.0.1" })
      assert.strictEqual(yield* ask({ method: "GET", path: payments, ...forged }), "403 AddressNotAllowed")
      const good = yield* call(urls[0], rpc("products.listOwn", {}, { "x-api-key": here.key }))
      assert.include(good.text, '"_tag":"Success"')
      const bad = yield* call(urls[0], rpc("products.listOwn", {}, { "x-api-key": there.key }))
      assert.include(bad.text, '"code":"AddressNotAllowed"')
    })
  )

  it.effect("see a key once: a repeated request shows and makes nothing, and nothing of it is kept readable", () =>
    Effect.gen(function* () {
      const { merchant, sql, urls } = yield* Malls
      const request = {
        method: "POST",
        path: keysPath,
        token: merchant.token,
        headers: { "idempotency-key": "once" },
        body: JSON.stringify({ name: "once", method: "signature", scopes: ["payments:read"], reason: "test" })
      } as const
      const first = yield* call(urls[0], request)
      assert.strictEqual(first.status, 201, first.text)
      assert.strictEqual(codeOf(yield* call(urls[1], request)), "409 ApiKeyShownBefore")
      const secret = /"key":"mk_live_[0-9a-f]{32}_([\w-]+)"/.exec(first.text)?.[1] ?? assert.fail(first.text)
      const listed = yield* call(urls[0], { method: "GET", path: keysPath, token: merchant.token })
      assert.notInclude(listed.text, secret)
      const tables = yield* sql`
        SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`
      for (const { name } of tables) {
        const rows = yield* sql`
          SELECT 1 FROM ${sql.literal(String(name))} AS t
          WHERE t::text LIKE ${`%${secret}%`} OR t::text LIKE ${`%${Buffer.from(secret).toString("hex")}%`} LIMIT 1`
        assert.lengthOf(rows, 0, String(name))
      }
    })
  )

  it.effect("rotate a key with and without an overlap", () =>
    Effect.gen(function* () {
      const { merchant } = yield* Malls
      const before = yield* issue("secret", ["payments:read"])
      const params = { id: before.apiKey.id }
      const read = (key: IssuedApiKey) => ask({ method: "GET", path: payments, ...withKey(key) })
      const after = yield* merchant.mall.apiKeys.rotate({ params, payload: { reason: "a year has passed" } })
      assert.strictEqual(after.apiKey.id, before.apiKey.id)
      assert.isNotNull(after.apiKey.overlapEndsAt)
      assert.deepStrictEqual([yield* read(before), yield* read(after)], ["200 ok", "200 ok"])
      const rotationId = yield* newRotationId
      const rotation = { id: params.id, rotationId, overlapSeconds: 0, reason: "it leaked" }
      const last = yield* merchant.merchant["apiKeys.rotate"](rotation)
      const repeated = yield* Effect.flip(merchant.merchant["apiKeys.rotate"](rotation))
      assert.strictEqual(repeated._tag, "ApiKeyShownBefore")
      yield* eventually(read(before), (code) => code === "401 ApiKeyRefused", "the first secret to end")
      assert.deepStrictEqual([yield* read(after), yield* read(last)], ["401 ApiKeyRefused", "200 ok"])
      assert.deepStrictEqual(
        last.apiKey.history.map(({ change, reason }) => `${change}: ${reason}`),
        ["created: test", "rotated: a year has passed", "rotated: it leaked"]
      )
    })
  )

  it.effect("are refused by every server right after a key was revoked", () =>
    Effect.gen(function* () {
      const { merchant } = yield* Malls
      const key = yield* issue("secret", ["payments:read"])
      const read = (server: 0 | 1) => ask({ method: "GET", path: payments, ...withKey(key) }, server)
      assert.deepStrictEqual([yield* read(0), yield* read(1)], ["200 ok", "200 ok"])
      const revoked = yield* merchant.mall.apiKeys.revoke({
        params: { id: key.apiKey.id },
        payload: { reason: "lost" }
      })
      assert.strictEqual(revoked.status, "revoked")
      assert.strictEqual(revoked.history.at(-1)?.actor, `user:${(yield* merchant.mall.account.get()).id}`)
      const since = yield* Clock.currentTimeMillis
      yield* eventually(read(1), (code) => code === "401 ApiKeyRefused", "the other server to hear of it")
      assert.isBelow((yield* Clock.currentTimeMillis) - since, 1_000)
      assert.strictEqual(yield* read(0), "401 ApiKeyRefused")
      const rotated = merchant.mall.apiKeys.rotate({ params: { id: key.apiKey.id }, payload: { reason: "again" } })
      assert.strictEqual((yield* Effect.flip(rotated))._tag, "ApiKeyEnded")
    })
  )

  it.effect("act under their key's name: in histories, in idempotency, in when it was used", () =>
    Effect.gen(function* () {
      const { merchant, sql, urls } = yield* Malls
      const keys = [yield* issue("secret", ["payments:create"]), yield* issue("secret", ["payments:create"])]
      const bodies = yield* Effect.forEach(keys, (key, index) =>
        call(urls[0], {
          ...{ method: "POST", path: payments, body: newPayment(`scope-${index}`) },
          ...withKey(key, { "idempotency-key": "the-same" })
        })
      )
      assert.deepStrictEqual(bodies.map(codeOf), ["201 ok", "201 ok"])
      const actors = yield* sql`SELECT actor FROM payments.history WHERE actor LIKE 'api_key:%'`
      const names = actors.map(({ actor }) => actor)
      for (const { apiKey } of keys) assert.include(names, `api_key:${apiKey.id}`)
      const listed = merchant.mall.apiKeys.list({ query: { limit: 2 } })
      yield* eventually(listed, ({ data }) => data.every(({ lastUsedAt }) => lastUsedAt !== null), "the uses")
    })
  )

  it.effect("get no more than who made the key holds, and no key of another's", () =>
    Effect.gen(function* () {
      const { merchant, urls } = yield* Malls
      const ada = yield* signIn(urls[0], "admin@demo.mall")
      const none = ada.mall.apiKeys.list({ query: {} })
      assert.strictEqual((yield* Effect.flip(none))._tag, "NoMerchant")
      const elsewhere = yield* newMerchantId
      const payload = { name: "n", method: "secret", scopes: ["payments:read"], reason: "r" } as const
      const foreign = yield* ada.admin["admin.apiKeys.create"]({
        ...{ merchantId: elsewhere, id: yield* newKeyId },
        apiKey: payload
      })
      const revoke = merchant.mall.apiKeys.revoke({ params: { id: foreign.apiKey.id }, payload: { reason: "x" } })
      assert.strictEqual((yield* Effect.flip(revoke))._tag, "ApiKeyNotFound")
      const create = { method: "POST", path: keysPath, token: merchant.token } as const
      for (const spoiled of [
        { scopes: ["users:administer"] },
        { scopes: ["merchants:keys"] },
        { scopes: ["account"] },
        { scopes: [] },
        { allowedNetworks: ["10.0.0.0/33"] },
        { allowedNetworks: ["300.0.0.1"] },
        { allowedNetworks: ["::g/64"] }
      ]) {
        assert.strictEqual(
          yield* ask({ ...create, body: JSON.stringify({ ...payload, ...spoiled }) }),
          "400 InvalidRequest",
          JSON.stringify(spoiled)
        )
      }
      const past = { ...payload, expiresAt: "2020-01-01T00:00:00.000Z" }
      assert.strictEqual(yield* ask({ ...create, body: JSON.stringify(past) }), "422 ApiKeyExpiryPast")
    })
  )
})
