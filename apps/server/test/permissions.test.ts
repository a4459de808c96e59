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
  readonly roles: ReadonlyArray<Role>
  readonly token: string | undefined
}

class Mall extends Context.Service<Mall, { readonly url: string; readonly callers: ReadonlyArray<Caller> }>()(
  "@mall/server/test/permissions/Mall"
) {
  static readonly layer = Layer.effect(
    Mall,
    Effect.gen(function* () {
      const { url } = yield* startServer({ database: yield* acquireDatabase, environment: { ACCESS_LOG: "false" } })
      const callers: ReadonlyArray<Caller> = [
        { name: "nobody", roles: [], token: undefined },
        { name: "a customer", roles: ["customer"], token: (yield* newBuyer(url, "customer")).token },
        {
          name: "a merchant",
          roles: ["customer", "merchant"],
          token: (yield* signIn(url, "merchant@demo.mall")).token
        },
        { name: "an admin", roles: ["customer", "admin"], token: (yield* signIn(url, "admin@demo.mall")).token }
      ]
      return Mall.of({ url, callers })
    })
  )
}

/** What the declared permission says of the caller, before anything else is looked at. */
const verdictOn = (caller: Caller, permission: Permission | undefined) => {
  if (permission === undefined) return "undeclared"
  if (isGranted(caller.roles, permission)) return "let in"
  if (permission === "service") return "Unauthorized"
  return caller.token === undefined ? "Unauthorized" : "Forbidden"
}

/** `Unauthorized` or `Forbidden` where an answer says so, else let in. */
const verdictOf = (text: string) => /"code":"(Unauthorized|Forbidden)"/.exec(text)?.[1] ?? "let in"

/** A guest has a cart by its token. */
const headersOf = ({ path }: Endpoint) =>
  path.startsWith("/api/v1/cart") ? { headers: { "x-cart-token": "a".repeat(43) } } : {}

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
          const { text } = yield* call(url, { ...requestTo(endpoint, caller.token), ...headersOf(endpoint) })
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
          const { text } = yield* call(url, { method: "POST", path: "/rpc", body })
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
