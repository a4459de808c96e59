import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, layer } from "@effect/vitest"
import { Authorization, OptionalAuthorization } from "@mall/domain/identity/Authorization"
import { CurrentUser, CurrentVisitor } from "@mall/domain/identity/CurrentUser"
import { RequiredPermission } from "@mall/domain/identity/Permission"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Layer, Option, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { IdentityLayer } from "../../src/Identity.ts"
import { UserAdministration } from "../../src/users/UserAdministration.ts"
import { login, registerUser, withConfiguration } from "../fixture.ts"

class Doors extends HttpApiGroup.make("doors").add(
  HttpApiEndpoint.get("account", "/account", { success: Schema.String })
    .middleware(Authorization)
    .annotate(RequiredPermission, "account"),
  HttpApiEndpoint.get("admin", "/admin", { success: Schema.String })
    .middleware(Authorization)
    .annotate(RequiredPermission, "users:administer"),
  HttpApiEndpoint.get("undeclared", "/undeclared", { success: Schema.String }).middleware(Authorization),
  HttpApiEndpoint.get("guest", "/guest", { success: Schema.String })
    .middleware(OptionalAuthorization)
    .annotate(RequiredPermission, "public")
) {}

class House extends HttpApi.make("house").add(Doors) {}

const Handlers = HttpApiBuilder.group(House, "doors", (handlers) => {
  const who = () => Effect.map(CurrentUser, ({ userId }) => userId)
  const visitor = Effect.map(
    CurrentVisitor,
    Option.match({ onNone: () => "nobody", onSome: ({ userId }): string => userId })
  )
  return handlers.handleAll({ account: who, admin: who, undeclared: who, guest: () => visitor })
})

const Server = HttpRouter.serve(HttpApiBuilder.layer(House).pipe(Layer.provide(Handlers))).pipe(
  Layer.provideMerge(NodeHttpServer.layerTest),
  Layer.provideMerge(withConfiguration(IdentityLayer)),
  Layer.provideMerge(TestDatabase)
)

const open = Effect.fnUntraced(function* (path: string, authorization?: string) {
  const request = HttpClientRequest.get(path, { headers: authorization === undefined ? {} : { authorization } })
  const response = yield* HttpClient.execute(request)
  return [response.status, yield* response.text] as const
})

layer(Server, { excludeTestServices: true })("the authorization middlewares", (it) => {
  it.effect("let in who has the permission, and say which one another lacks", () =>
    Effect.gen(function* () {
      const administration = yield* UserAdministration
      const user = yield* registerUser
      const customer = `Bearer ${(yield* login(user)).accessToken}`
      assert.deepStrictEqual(yield* open("/account", customer), [200, JSON.stringify(user.id)])
      const [status, body] = yield* open("/admin", customer)
      assert.strictEqual(status, 403)
      assert.include(body, "users:administer")
      yield* administration.grant(user.id, "admin", null, { actorId: null, reason: "" })
      assert.strictEqual((yield* open("/account", customer))[0], 401)
      const admin = `bearer  ${(yield* login(user)).accessToken}`
      assert.strictEqual((yield* open("/admin", admin))[0], 200)
    })
  )

  it.effect("let nobody through a door that declares no permission", () =>
    Effect.gen(function* () {
      const token = `Bearer ${(yield* login(yield* registerUser)).accessToken}`
      assert.strictEqual((yield* open("/undeclared", token))[0], 403)
    })
  )

  it.effect("take a guest as a guest, a user as a user, and refuse a bad token all the same", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const token = `Bearer ${(yield* login(user)).accessToken}`
      assert.deepStrictEqual(yield* open("/guest"), [200, '"nobody"'])
      assert.deepStrictEqual(yield* open("/guest", token), [200, JSON.stringify(user.id)])
      for (const bad of [`${token}x`, "Bearer", "Bearer x", "Basic YTpi", ""]) {
        assert.strictEqual((yield* open("/guest", bad))[0], 401, bad)
      }
    })
  )
})
