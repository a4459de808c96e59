import { assert, describe, it, layer } from "@effect/vitest"
import { faults, ofHttpApi, ofRpcGroup } from "@mall/domain/identity/declarations"
import { isGranted, RequiredPermission } from "@mall/domain/identity/Permission"
import type { Permission, Role } from "@mall/domain/identity/Permission"
import { MallApi } from "@mall/domain/MallApi"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Array, Context, Effect, Layer } from "effect"
import type { Rpc } from "effect/rpc"
import { MallRpcs } from "../src/HttpApp.ts"
import { callLine, endingRpcs } from "./badCalls.ts"
import { caseOf, requestTo } from "./badRequests.ts"
import { endpoints } from "./endpoints.ts"
import type { Endpoint } from "./endpoints.ts"
import { payloadOf } from "./goodCalls.ts"
import { call } from "./rawHttp.ts"
import { newBuyer, signIn } from "./shoppers.ts"

interface Caller {
  readonly name: string
  readonly holds: (permission: Permission) => boolean
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
}

const havingRoles =
  (...roles: ReadonlyArray<Role>) =>
  (permission: Permission) =>
    isGranted(roles, permission)

const reason = "test"

/** Staff of the demo merchant's shop who may do one of the things that its other staff may. */
const newClerk = Effect.fnUntraced(function* (url: string) {
  const admin = yield* signIn(url, "admin@demo.mall")
  const { merchantId } = yield* (yield* signIn(url, "merchant@demo.mall")).storefront["account.me"]()
  const { version } = yield* admin.mall.policy.show()
  const rule = { effect: "allow", kind: "glob", resource: "stock", action: "*" } as const
  const document = { roles: [{ name: "clerk", description: "", inherits: [], rules: [rule] }] }
  yield* admin.mall.policy.apply({ payload: { version, document, reason } })
  const { email, user } = yield* newBuyer(url, "clerk")
  yield* admin.mall.assignments.grant({ params: { userId: user.id }, payload: { role: "clerk", merchantId, reason } })
  return yield* signIn(url, email, "walrus-clerk-umbrella-lantern")
})

class Mall extends Context.Service<Mall, { readonly url: string; readonly callers: ReadonlyArray<Caller> }>()(
  "@mall/server/test/permissions/Mall"
) {
  static readonly layer = Layer.effect(
    Mall,
    Effect.gen(function* () {
      const { url } = yield* startServer({ database: yield* acquireDatabase, environment: { ACCESS_LOG: "false" } })
      const merchant = yield* signIn(url, "merchant@demo.mall")
      const scopes = ["payments:read"] as const
      const { key } = yield* merchant.mall.apiKeys.create({
        payload: { name: "shop", method: "secret", scopes, reason }
      })
      const isCustomers = havingRoles("customer")
      const callers: ReadonlyArray<Caller> = [
        { name: "nobody", holds: havingRoles() },
        { name: "a customer", holds: isCustomers, token: (yield* newBuyer(url, "customer")).token },
        {
          name: "a clerk of the merchant",
          holds: (permission) => permission === "stock:write" || isCustomers(permission),
          token: (yield* newClerk(url)).token
        },
        {
          name: "a key of the merchant with one scope",
          holds: (permission) => permission === "public" || permission === scopes[0],
          headers: { "x-api-key": key }
        },
        { name: "a merchant", holds: havingRoles("customer", "merchant"), token: merchant.token },
        {
          name: "an admin",
          holds: havingRoles("customer", "admin"),
          token: (yield* signIn(url, "admin@demo.mall")).token
        }
      ]
      return Mall.of({ url, callers })
    })
  )
}

/** What the declared permission says of the caller, before anything else is looked at. */
const verdictOn = (caller: Caller, permission: Permission | undefined) => {
  if (permission === undefined) return "undeclared"
  if (caller.holds(permission)) return "let in"
  if (permission === "service") return "Unauthorized"
  return caller.token === undefined && caller.headers === undefined ? "Unauthorized" : "Forbidden"
}

/** `Unauthorized` or `Forbidden` where an answer says so, else let in. */
const verdictOf = (text: string) => /"code":"(Unauthorized|Forbidden)"/.exec(text)?.[1] ?? "let in"

/** A guest has a cart by its token. */
const headersOf = ({ path }: Endpoint) => (path.startsWith("/api/v1/cart") ? { "x-cart-token": "a".repeat(43) } : {})

describe("the declarations", () => {
  it("say of every endpoint and every Rpc who may call it", () => {
    assert.deepStrictEqual(faults([...ofHttpApi(MallApi), ...ofRpcGroup(MallRpcs)]), [])
  })
})

layer(Mall.layer, { excludeTestServices: true, timeout: "90 seconds" })("nobody gets further than declared", (it) => {
  it.effect("by an endpoint", () =>
    Effect.gen(function* () {
      const { callers, url } = yield* Mall
      const wrong = yield* Effect.forEach(
        callers.flatMap((caller) => endpoints.map((endpoint) => ({ caller, endpoint }))),
        Effect.fnUntraced(function* ({ caller, endpoint }) {
          const expected = verdictOn(caller, endpoint.permission)
          if (expected === "let in" && caseOf(endpoint).ends === true) return []
          const { text } = yield* call(url, {
            ...requestTo(endpoint, caller.token),
            headers: { ...headersOf(endpoint), ...caller.headers }
          })
          const verdict = verdictOf(text)
          return verdict === expected ? [] : [`${endpoint.way} for ${caller.name}: ${verdict}, not ${expected}`]
        }),
        { concurrency: 4 }
      )
      assert.deepStrictEqual(wrong.flat(), [])
    })
  )

  it.effect("by an Rpc", () =>
    Effect.gen(function* () {
      const { callers, url } = yield* Mall
      const rpcs = Array.fromIterable(MallRpcs.requests.values() as Iterable<Rpc.AnyWithProps>)
      const wrong = yield* Effect.forEach(
        callers.flatMap((caller) => rpcs.map((rpc) => ({ caller, rpc }))),
        Effect.fnUntraced(function* ({ caller, rpc }) {
          const expected = verdictOn(caller, Context.get(rpc.annotations, RequiredPermission))
          if (expected === "let in" && endingRpcs.has(rpc._tag)) return []
          const body = callLine(0, rpc._tag, payloadOf(rpc), caller.token)
          const { text } = yield* call(url, {
            ...{ method: "POST", path: "/rpc", body },
            ...(caller.headers === undefined ? {} : { headers: caller.headers })
          })
          const isRefused = text.includes('"_tag":"Die"')
          const verdict = isRefused ? text : verdictOf(text)
          return verdict === expected ? [] : [`${rpc._tag} for ${caller.name}: ${verdict}, not ${expected}`]
        }),
        { concurrency: 4 }
      )
      assert.deepStrictEqual(wrong.flat(), [])
    })
  )
})
