import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, layer } from "@effect/vitest"
import { AddressesApiGroup } from "@mall/domain/identity/AddressesApi"
import { AuthApiGroup, JwksApiGroup } from "@mall/domain/identity/AuthApi"
import { Authorization } from "@mall/domain/identity/Authorization"
import { AccountApiGroup, UsersApiGroup } from "@mall/domain/identity/UsersApi"
import { Problems } from "@mall/domain/kernel/Problems"
import * as Edge from "@mall/platform/http/Edge"
import { Idempotency } from "@mall/platform/Idempotency"
import { IdempotentLayer } from "@mall/platform/IdempotentLayer"
import { ProblemsLayer } from "@mall/platform/ProblemsLayer"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Layer, Logger, Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { createLocalJWKSet, jwtVerify } from "jose"
import { IdentityHttp, IdentityLayer } from "../src/Identity.ts"
import { UserAdministration } from "../src/users/UserAdministration.ts"
import {
  address,
  email,
  login,
  newUserId,
  otherPassword,
  registerUser,
  strongPassword,
  withConfiguration
} from "./fixture.ts"

/** The part of `MallApi` that identity answers. */
class IdentityApi extends HttpApi.make("mall")
  .add(UsersApiGroup, AccountApiGroup, AddressesApiGroup, AuthApiGroup, JwksApiGroup)
  .middleware(Problems) {}

const logged: Array<string> = []
const Recorder = Logger.layer([
  Logger.map(Logger.formatJson, (line) => {
    logged.push(line)
  })
])

const Server = HttpRouter.serve(
  HttpApiBuilder.layer(IdentityApi, { openapiPath: "/openapi.json" }).pipe(
    Layer.provide(IdentityHttp),
    Layer.provide([IdempotentLayer, ProblemsLayer])
  )
).pipe(
  Layer.provideMerge(NodeHttpServer.layerTest),
  Layer.provide([Idempotency.layer, Edge.layer]),
  Layer.provideMerge(withConfiguration(IdentityLayer)),
  Layer.provideMerge(TestDatabase),
  Layer.provideMerge(Recorder)
)

const noToken = HttpApiMiddleware.layerClient(Authorization, ({ next, request }) => next(request))
const withToken = (token: string) =>
  HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
    next(HttpClientRequest.bearerToken(request, token))
  )

const guest = HttpApiClient.make(IdentityApi).pipe(Effect.provide(noToken, { local: true }))
const clientOf = (pair: { readonly accessToken: string }) =>
  HttpApiClient.make(IdentityApi).pipe(Effect.provide(withToken(pair.accessToken), { local: true }))

const Problem = Schema.Struct({ code: Schema.String, status: Schema.Int })

/** A request as any client might send it. */
const send = Effect.fnUntraced(function* (
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE",
  path: string,
  options: { readonly body?: unknown; readonly headers?: Record<string, string> } = {}
) {
  const request = HttpClientRequest.make(method)(path, { headers: options.headers ?? {} })
  const response = yield* HttpClient.execute(
    options.body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, options.body)
  )
  return { status: response.status, headers: response.headers, text: yield* response.text }
})

const problemOf = ({ text }: { readonly text: string }) => Schema.decodeEffect(Schema.fromJsonString(Problem))(text)

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

layer(Server, { excludeTestServices: true })("identity over HTTP", (it) => {
  it.effect("registers, signs in, says who one is, changes it, and signs out", () =>
    Effect.gen(function* () {
      const anyone = yield* guest
      const who = { email: email("eve@mall.test"), password: strongPassword }
      const user = yield* anyone.users.register({ payload: { ...who, name: "Eve" } })
      const pair = yield* anyone.auth.login({ payload: who })
      const me = yield* clientOf(pair)
      assert.deepStrictEqual(yield* me.account.get(), user)
      assert.strictEqual((yield* me.account.update({ payload: { locale: "en" } })).locale, "en")
      const next = yield* anyone.auth.refresh({ payload: { refreshToken: Redacted.make(pair.refreshToken) } })
      const again = yield* clientOf(next)
      const { data } = yield* again.account.listSessions({ query: {} })
      assert.deepStrictEqual(
        data.map(({ current, ip }) => [current, ip]),
        [[true, data[0]?.ip]]
      )
      yield* again.auth.logout()
      assert.strictEqual((yield* Effect.flip(again.account.get()))._tag, "Unauthorized")
      assert.strictEqual((yield* Effect.flip(me.account.get()))._tag, "Unauthorized")
    })
  )

  it.effect("answers a repeated registration with the same Idempotency-Key as the first", () =>
    Effect.gen(function* () {
      const options = {
        body: { email: "idem@mall.test", password: Redacted.value(strongPassword) },
        headers: { "idempotency-key": "register-1" }
      }
      const first = yield* send("POST", "/api/v1/users", options)
      const second = yield* send("POST", "/api/v1/users", options)
      assert.strictEqual(first.status, 201)
      assert.strictEqual(second.text, first.text)
      assert.strictEqual(second.headers["idempotency-replayed"], "true")
      const other = yield* send("POST", "/api/v1/users", { body: options.body })
      assert.deepStrictEqual(yield* problemOf(other), { code: "EmailTaken", status: 409 })
    })
  )

  it.effect("verifies a token at each of its addresses, with and without the last slash", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const { accessToken } = yield* login(user)
      for (const path of ["/api/v1/auth/verify", "/api/user/verify-access-token/", "/api/user/verify-access-token"]) {
        for (const method of ["GET", "POST"] as const) {
          const answer = yield* send(method, path, bearer(accessToken))
          assert.strictEqual(answer.status, 200, `${method} ${path}`)
          assert.include(answer.text, `"userId":"${user.id}"`)
          assert.match(answer.text, /"roles":\["customer"\],"expiresAt":"[0-9T:.Z-]+"\}$/)
          assert.strictEqual(answer.headers["content-type"], "application/json")
          const refused = yield* send(method, path, bearer(`${accessToken}x`))
          assert.deepStrictEqual(yield* problemOf(refused), { code: "Unauthorized", status: 401 })
        }
      }
      const typed = yield* (yield* clientOf({ accessToken })).auth.verify()
      assert.strictEqual(typed.userId, user.id)
    })
  )

  it.effect("publishes keys with which anyone can verify a token", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const { accessToken } = yield* login(user)
      const answer = yield* send("GET", "/.well-known/jwks.json")
      assert.strictEqual(answer.headers["cache-control"], "public, max-age=300")
      const { keys } = yield* (yield* guest).jwks.keys()
      const verified = yield* Effect.promise(() =>
        jwtVerify(accessToken, createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) }), { audience: "mall" })
      )
      assert.strictEqual(verified.payload.sub, user.id)
    })
  )

  it.effect("a locked account says in Retry-After when to come again", () =>
    Effect.gen(function* () {
      const body = { email: "locked@mall.test", password: "wrong" }
      for (let i = 0; i < 5; i++) {
        const refused = yield* send("POST", "/api/v1/auth/login", { body })
        assert.deepStrictEqual(yield* problemOf(refused), { code: "InvalidCredentials", status: 401 })
      }
      const locked = yield* send("POST", "/api/v1/auth/login", { body })
      assert.deepStrictEqual(yield* problemOf(locked), { code: "RateLimited", status: 429 })
      assert.match(locked.headers["retry-after"] ?? "", /^[1-9][0-9]?$/)
    })
  )

  it.effect("keeps an address book", () =>
    Effect.gen(function* () {
      const me = yield* clientOf(yield* login(yield* registerUser))
      const stranger = yield* clientOf(yield* login(yield* registerUser))
      const created = yield* me.addresses.create({ payload: address })
      assert.isTrue(created.isDefault)
      const params = { id: created.id }
      assert.deepStrictEqual(yield* me.addresses.get({ params }), created)
      assert.strictEqual((yield* Effect.flip(stranger.addresses.get({ params })))._tag, "AddressNotFound")
      yield* me.addresses.replace({ params, payload: { ...address, city: "Suzhou" } })
      assert.strictEqual((yield* me.addresses.list({ query: {} })).data[0]?.city, "Suzhou")
      yield* me.addresses.delete({ params })
      assert.deepStrictEqual((yield* me.addresses.list({ query: {} })).data, [])
    })
  )

  it.effect("changes a password and deletes an account", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const me = yield* clientOf(yield* login(user))
      const change = { currentPassword: strongPassword, newPassword: otherPassword }
      yield* me.account.changePassword({ payload: change })
      const wrong = yield* Effect.flip(me.account.changePassword({ payload: change }))
      assert.strictEqual(wrong._tag, "InvalidCredentials")
      yield* me.account.delete()
      assert.strictEqual((yield* Effect.flip(me.account.get()))._tag, "Unauthorized")
    })
  )

  it.effect("needs a token where one is needed, whatever comes instead of it", () =>
    Effect.gen(function* () {
      const { accessToken } = yield* login(yield* registerUser)
      const id = yield* newUserId
      const guarded = [
        ["GET", "/api/v1/users/me"],
        ["PATCH", "/api/v1/users/me"],
        ["DELETE", "/api/v1/users/me"],
        ["POST", "/api/v1/users/me/password"],
        ["GET", "/api/v1/users/me/sessions"],
        ["GET", "/api/v1/users/me/devices"],
        ["DELETE", `/api/v1/users/me/sessions/${id}`],
        ["GET", "/api/v1/users/me/addresses"],
        ["POST", "/api/v1/users/me/addresses"],
        ["DELETE", `/api/v1/users/me/addresses/${id}`],
        ["POST", "/api/v1/auth/logout"],
        ["GET", "/api/v1/auth/verify"]
      ] as const
      const headers = [{}, { authorization: accessToken }, { authorization: "Bearer" }, { authorization: "Basic YTpi" }]
      for (const [method, path] of guarded) {
        for (const each of headers) {
          const answer = yield* send(method, path, { headers: each })
          assert.deepStrictEqual(yield* problemOf(answer), { code: "Unauthorized", status: 401 }, `${method} ${path}`)
        }
      }
    })
  )

  it.effect("answers no repeated registration with an account that was deleted since", () =>
    Effect.gen(function* () {
      const who = { email: "deleted@mall.test", password: Redacted.value(strongPassword), name: "Gone" }
      const register = send("POST", "/api/v1/users", { body: who, headers: { "idempotency-key": "before the end" } })
      const registered = yield* register
      assert.strictEqual((yield* register).headers["idempotency-replayed"], "true")
      const { accessToken } = yield* login({ email: email(who.email) })
      assert.strictEqual((yield* send("DELETE", "/api/v1/users/me", bearer(accessToken))).status, 204)
      const again = yield* register
      assert.strictEqual(again.status, 201)
      assert.isUndefined(again.headers["idempotency-replayed"])
      assert.notStrictEqual(again.text, registered.text)
    })
  )

  it.effect("knows nobody by what a browser sends of itself, so that no other site can act for them (13.01 CSRF)", () =>
    Effect.gen(function* () {
      const who = { email: email("forged@mall.test"), password: strongPassword }
      const anyone = yield* guest
      yield* anyone.users.register({ payload: { ...who, name: "Mallory's victim" } })
      const body = { ...who, password: Redacted.value(who.password) }
      const signedIn = yield* send("POST", "/api/v1/auth/login", { body })
      assert.strictEqual(signedIn.status, 200)
      assert.isUndefined(signedIn.headers["set-cookie"])
      const { accessToken } = yield* login(who)
      const asForms = [
        { cookie: `token=${accessToken}; accessToken=${accessToken}; authorization=Bearer ${accessToken}` },
        { origin: "https://evil.example", referer: "https://evil.example/", cookie: `session=${accessToken}` }
      ]
      for (const headers of asForms) {
        for (const path of ["/api/v1/users/me", `/api/v1/users/me?access_token=${accessToken}&token=${accessToken}`]) {
          const answer = yield* send("DELETE", path, { headers })
          assert.deepStrictEqual(yield* problemOf(answer), { code: "Unauthorized", status: 401 })
        }
      }
      assert.strictEqual((yield* send("GET", "/api/v1/users/me", bearer(accessToken))).status, 200)
    })
  )

  it.effect("answers bad input with a 4xx that says what is wrong, never a 500", () =>
    Effect.gen(function* () {
      const { accessToken } = yield* login(yield* registerUser)
      const registration = { email: "bad@mall.test", password: "purple-otter-sails-north" }
      const requests = [
        ["POST", "/api/v1/users", {}],
        ["POST", "/api/v1/users", null],
        ["POST", "/api/v1/users", []],
        ["POST", "/api/v1/users", { ...registration, email: "not an email" }],
        ["POST", "/api/v1/users", { ...registration, name: "\u0000" }],
        ["POST", "/api/v1/users", { ...registration, name: "\ud800" }],
        ["POST", "/api/v1/users", { ...registration, password: "x".repeat(5000) }],
        ["POST", "/api/v1/users", { ...registration, email: { $ne: null } }],
        ["POST", "/api/v1/auth/login", { email: "a@b.co", password: ["x"] }],
        ["POST", "/api/v1/auth/login", { email: "a@b.co", password: "x", client: "toaster" }],
        ["POST", "/api/v1/auth/login", { email: "'; DROP TABLE identity.users; --", password: "x" }],
        ["POST", "/api/v1/auth/refresh", { refreshToken: 42 }],
        ["POST", "/api/v1/auth/refresh", { refreshToken: "x".repeat(10_000) }],
        ["PATCH", "/api/v1/users/me", { avatarUrl: "javascript:alert(1)" }],
        ["PATCH", "/api/v1/users/me", { name: 1 }],
        ["GET", "/api/v1/users/me/sessions?limit=0", undefined],
        ["GET", "/api/v1/users/me/sessions?limit=101", undefined],
        ["GET", "/api/v1/users/me/sessions?after=%00", undefined],
        ["GET", "/api/v1/users/me/sessions?after=bm9uc2Vuc2U", undefined],
        ["DELETE", "/api/v1/users/me/sessions/1", undefined],
        ["DELETE", "/api/v1/users/me/sessions/' OR 1=1", undefined],
        ["GET", "/api/v1/users/me/addresses/%00", undefined],
        ["POST", "/api/v1/users/me/addresses", { ...address, countryCode: "China" }],
        ["POST", "/api/v1/users/me/addresses", { ...address, recipient: " " }],
        ["POST", "/api/v1/users/me/addresses", { ...address, street: "\ud800" }]
      ] as const
      for (const [method, path, body] of requests) {
        const answer = yield* send(method, path, { body, ...bearer(accessToken) })
        const what = `${method} ${path} ${JSON.stringify(body)?.slice(0, 60)} → ${answer.text}`
        assert.include(["InvalidRequest", "InvalidCursor"], (yield* problemOf(answer)).code, what)
        assert.strictEqual(answer.status, 400, what)
      }
    })
  )

  it.effect("tells the owner of a banned account so, after the right password", () =>
    Effect.gen(function* () {
      const administration = yield* UserAdministration
      const user = yield* registerUser
      yield* administration.ban(user.id, { actorId: null, reason: "fraud" })
      const anyone = yield* guest
      const right = anyone.auth.login({ payload: { email: user.email, password: strongPassword } })
      assert.strictEqual((yield* Effect.flip(right))._tag, "AccountBanned")
    })
  )

  it.effect("logs no password, no token and no email", () =>
    Effect.gen(function* () {
      const anyone = yield* guest
      const secret = "violet-marmot-reads-maps"
      const who = { email: email("quiet@mall.test"), password: Redacted.make(secret) }
      yield* anyone.users.register({ payload: who })
      const pair = yield* anyone.auth.login({ payload: who })
      const bad = { body: { email: who.email, password: [secret] } }
      yield* send("POST", "/api/v1/auth/login", bad)
      yield* send("GET", "/api/v1/auth/verify", bearer(`${pair.accessToken}x`))
      const me = yield* clientOf(pair)
      yield* me.account.changePassword({
        payload: { currentPassword: who.password, newPassword: Redacted.make("indigo-walrus-paints-walls") }
      })
      yield* Effect.logInfo("what a careless line would print", { who, pair: Redacted.make(pair.refreshToken) })
      const all = logged.join("\n")
      assert.include(all, "careless line")
      for (const word of [secret, "indigo-walrus", pair.accessToken, pair.refreshToken]) assert.notInclude(all, word)
      const [signature = ""] = pair.accessToken.split(".").slice(-1)
      assert.notInclude(all, signature)
    })
  )
})
