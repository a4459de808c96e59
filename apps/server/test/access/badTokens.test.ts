import { assert, layer } from "@effect/vitest"
import { RequiredPermission } from "@mall/domain/identity/Permission"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Array as Arr, Context, Effect, Layer, Schema } from "effect"
import type { Rpc } from "effect/rpc"
import { MallRpcs } from "../../src/HttpApp.ts"
import { callLine } from "../badCalls.ts"
import { requestTo } from "../badRequests.ts"
import { endpoints } from "../endpoints.ts"
import { payloadOf } from "../goodCalls.ts"
import { call } from "../rawHttp.ts"
import { eventually, newBuyer, signIn } from "../shoppers.ts"
import { forgedFrom } from "./badTokens.ts"

const Jwks = Schema.fromJsonString(
  Schema.Struct({ keys: Schema.NonEmptyArray(Schema.Struct({ kty: Schema.String, x: Schema.String })) })
)

/** A server, and tokens that are good for nothing by what is wrong with them. */
class Mall extends Context.Service<
  Mall,
  { readonly url: string; readonly good: string; readonly bad: Readonly<Record<string, string>> }
>()("@mall/server/test/access/badTokens/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const { dataFolder, sandboxPort, url } = yield* startServer({ database, environment: { ACCESS_LOG: "false" } })
      const admin = yield* signIn(url, "admin@demo.mall")
      const jwks = yield* Effect.flatMap(call(url, { method: "GET", path: "/.well-known/jwks.json" }), ({ text }) =>
        Schema.decodeEffect(Jwks)(text)
      )

      // a process of the same mall whose tokens are good for a second
      const brief = yield* startServer({
        ...{ database, dataFolder, sandboxPort, roles: "api" },
        environment: { ACCESS_TOKEN_LIFETIME: "1 second", ACCESS_LOG: "false" }
      })
      const expired = (yield* signIn(brief.url, "admin@demo.mall")).token

      const loggedOut = yield* newBuyer(url, "logged-out")
      yield* loggedOut.mall.auth.logout()
      const banned = yield* newBuyer(url, "banned")
      yield* admin.admin["users.ban"]({ userId: banned.user.id, reason: "fraud" })
      const demoted = yield* newBuyer(url, "demoted")
      yield* admin.admin["users.grant"]({
        userId: demoted.user.id,
        role: "admin",
        merchantId: null,
        reason: "helps out"
      })
      const wasAdmin = yield* signIn(url, demoted.email, "walrus-demoted-umbrella-lantern")
      yield* admin.admin["users.revoke"]({ userId: demoted.user.id, role: "admin", reason: "helped out" })
      const deleted = yield* newBuyer(url, "deleted")
      yield* deleted.storefront["account.delete"]()

      yield* eventually(
        call(url, { method: "GET", path: "/api/v1/auth/verify", token: expired }),
        ({ status }) => status === 401,
        "the token to expire"
      )
      return Mall.of({
        url,
        good: admin.token,
        bad: {
          ...forgedFrom(admin.token, jwks.keys[0]),
          "that has expired": expired,
          "of a session that ended": loggedOut.token,
          "of somebody who is banned": banned.token,
          "of a role that was taken": wasAdmin.token,
          "of an account that is gone": deleted.token
        }
      })
    })
  )
}

const guarded = endpoints.filter(({ permission }) => permission !== "public")
const guardedRpcs = Arr.fromIterable(MallRpcs.requests.values() as Iterable<Rpc.AnyWithProps>).filter(
  ({ annotations }) => Context.get(annotations, RequiredPermission) !== "public"
)

const Refusal = Schema.fromJsonString(
  Schema.Struct({
    type: Schema.String,
    title: Schema.String,
    status: Schema.Literal(401),
    code: Schema.Literal("Unauthorized"),
    traceId: Schema.String
  })
)
const readRefusal = Schema.decodeUnknownOption(Refusal, { onExcessProperty: "error" })

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("a token that is good for nothing", (it) => {
  it.effect("opens no endpoint and learns nothing", () =>
    Effect.gen(function* () {
      const { bad, url } = yield* Mall
      assert.isAbove(guarded.length, 60)
      const wrong = yield* Effect.forEach(
        guarded.flatMap((endpoint) => Object.entries(bad).map(([trick, token]) => ({ endpoint, trick, token }))),
        Effect.fnUntraced(function* ({ endpoint, token, trick }) {
          const { status, text } = yield* call(url, requestTo(endpoint, token))
          return readRefusal(text)._tag === "Some" ? [] : [`${endpoint.way} with one ${trick}: ${status} ${text}`]
        }),
        { concurrency: 8 }
      )
      assert.deepStrictEqual(wrong.flat(), [])
    })
  )

  it.effect("makes no call and learns nothing", () =>
    Effect.gen(function* () {
      const { bad, url } = yield* Mall
      assert.isAbove(guardedRpcs.length, 60)
      const wrong = yield* Effect.forEach(
        Object.entries(bad),
        Effect.fnUntraced(function* ([trick, token]) {
          const body = guardedRpcs.map((rpc, id) => callLine(id, rpc._tag, payloadOf(rpc), token)).join("")
          const { text } = yield* call(url, { method: "POST", path: "/rpc", body })
          const refused = text.split("\n").filter((line) => /"_tag":"Fail".*"code":"Unauthorized"/.test(line))
          const others = text.split("\n").filter((line) => line !== "" && !refused.includes(line))
          return refused.length === guardedRpcs.length ? [] : [`one ${trick}: ${others.join(" ")}`]
        })
      )
      assert.deepStrictEqual(wrong.flat(), [])
    })
  )

  it.effect("does no better on a way that is open to guests", () =>
    Effect.gen(function* () {
      const { bad, url } = yield* Mall
      const headers = { "x-cart-token": "a".repeat(43) }
      for (const [trick, token] of Object.entries(bad)) {
        const { status } = yield* call(url, { method: "GET", path: "/api/v1/cart", token, headers })
        assert.strictEqual(status, 401, trick)
      }
    })
  )

  it.effect("takes nothing from the one it was made of", () =>
    Effect.gen(function* () {
      const { good, url } = yield* Mall
      const { status } = yield* call(url, { method: "GET", path: "/api/v1/auth/verify", token: good })
      assert.strictEqual(status, 200)
    })
  )
})
