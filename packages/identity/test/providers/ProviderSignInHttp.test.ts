import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, layer } from "@effect/vitest"
import { ProviderSignInApiGroup } from "@mall/domain/identity/ProviderSignInApi"
import { TokenPair } from "@mall/domain/identity/User"
import { Problems } from "@mall/domain/kernel/Problems"
import * as Edge from "@mall/platform/http/Edge"
import { ProblemsLayer } from "@mall/platform/ProblemsLayer"
import * as Stores from "@mall/platform/Stores"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Layer, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpRouter } from "effect/http"
import { HttpApi, HttpApiBuilder } from "effect/http-api"
import { IdentityLayer, IdentityProvidersHttp, IdentityProvidersLayer } from "../../src/Identity.ts"
import { login, registerUser, withConfiguration } from "../fixture.ts"
import { ShiftedClock } from "../ShiftedClock.ts"
import { TestProvider } from "./TestProvider.ts"

class Api extends HttpApi.make("mall").add(ProviderSignInApiGroup).middleware(Problems) {}

const Services = Layer.unwrap(
  Effect.map(TestProvider, ({ configuration }) =>
    withConfiguration(IdentityProvidersLayer.pipe(Layer.provideMerge(IdentityLayer), Layer.provide(Stores.layer)), {
      OIDC_PROVIDERS: configuration
    })
  )
)

const Server = HttpRouter.serve(
  HttpApiBuilder.layer(Api).pipe(Layer.provide(IdentityProvidersHttp), Layer.provide(ProblemsLayer))
).pipe(
  Layer.provideMerge(NodeHttpServer.layerTest),
  Layer.provide(Edge.layer),
  Layer.provideMerge(Services),
  Layer.provideMerge(TestProvider.layer),
  Layer.provideMerge(TestDatabase)
)

/** Redirects are for the browser of the test to follow. */
const send = Effect.fnUntraced(
  function* (request: HttpClientRequest.HttpClientRequest) {
    const response = yield* HttpClient.execute(request)
    return {
      status: response.status,
      location: response.headers["location"] ?? "",
      cookie: response.headers["set-cookie"] ?? "",
      headers: response.headers,
      text: yield* response.text
    }
  },
  Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
)

const callback = Effect.fnUntraced(function* (returned: string, cookie: string) {
  const { search } = new URL(returned)
  const [pair = ""] = cookie.split(";")
  return yield* send(HttpClientRequest.get(`/api/v1/auth/oidc/local/callback${search}`, { headers: { cookie: pair } }))
})

const decodePair = Schema.decodeEffect(Schema.fromJsonString(Schema.toCodecJson(TokenPair)))

layer(Server, { excludeTestServices: true, timeout: "60 seconds" })("identity providers over HTTP", (it) => {
  it.effect("lead the browser away with a cookie, and back to tokens that nobody keeps", () =>
    Effect.gen(function* () {
      const provider = yield* TestProvider
      provider.person = { sub: "http", email: "http@provider.test", email_verified: true, name: "Hana" }
      const away = yield* send(HttpClientRequest.get("/api/v1/auth/oidc/local"))
      assert.strictEqual(away.status, 302)
      for (const part of ["HttpOnly", "Secure", "SameSite=Lax", "Path=/api/v1/auth/oidc", "Max-Age=600"]) {
        assert.include(away.cookie, part)
      }
      const back = yield* callback(yield* provider.visit(away.location), away.cookie)
      assert.strictEqual(back.status, 200, back.text)
      assert.strictEqual((yield* decodePair(back.text)).user.name, "Hana")
      assert.strictEqual(back.headers["cache-control"], "no-store")
      assert.include(back.cookie, "Max-Age=0")
    })
  )

  it.effect("answer a forged callback with a problem, whatever is missing of it", () =>
    Effect.gen(function* () {
      const provider = yield* TestProvider
      const away = yield* send(HttpClientRequest.get("/api/v1/auth/oidc/local"))
      const returned = yield* provider.visit(away.location)
      for (const [url, cookie] of [
        ["http://x/", away.cookie],
        ["http://x/?code=abc&state=abc", away.cookie],
        [returned, ""],
        [returned, away.cookie]
      ] as const) {
        const answer = yield* callback(url, cookie)
        assert.include(answer.text, '"code":"SignInStateInvalid"')
        assert.strictEqual(answer.status, 401)
      }
      const down = yield* send(HttpClientRequest.get("/api/v1/auth/oidc/down"))
      assert.strictEqual(down.status, 503)
      assert.strictEqual((yield* send(HttpClientRequest.get("/api/v1/auth/oidc/nobody"))).status, 404)
    })
  )

  it.effect("are linked by who is signed in, listed and unlinked", () =>
    Effect.gen(function* () {
      const provider = yield* TestProvider
      provider.person = { sub: "link", email: "link@provider.test", email_verified: false, name: "" }
      const { accessToken } = yield* login(yield* registerUser)
      const path = "/api/v1/users/me/identities"
      const mine = { headers: { authorization: `Bearer ${accessToken}` } }
      assert.strictEqual((yield* send(HttpClientRequest.post(`${path}/local`))).status, 401)
      const clock = yield* ShiftedClock
      yield* clock.advance("11 minutes")
      const late = yield* send(HttpClientRequest.post(`${path}/local`, mine))
      yield* clock.advance("-11 minutes")
      assert.include(late.text, '"code":"StepUpRequired"')
      const away = yield* send(HttpClientRequest.post(`${path}/local`, mine))
      const { url } = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Struct({ url: Schema.String })))(
        away.text
      )
      assert.strictEqual((yield* callback(yield* provider.visit(url), away.cookie)).status, 200)
      assert.include((yield* send(HttpClientRequest.get(path, mine))).text, '"provider":"local"')
      assert.strictEqual((yield* send(HttpClientRequest.delete(`${path}/local`, mine))).status, 204)
      assert.strictEqual((yield* send(HttpClientRequest.get(path, mine))).text, "[]")
    })
  )
})
