import { assert, describe, it, layer } from "@effect/vitest"
import { faults, ofHttpApi, ofRpcGroup } from "@mall/domain/identity/declarations"
import { isGranted, RequiredPermission } from "@mall/domain/identity/Permission"
import type { Permission, Role } from "@mall/domain/identity/Permission"
import { MallApi } from "@mall/domain/MallApi"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Array, Context, Effect, Layer, Predicate } from "effect"
import type { Rpc } from "effect/rpc"
import { MallRpcs } from "../src/HttpApp.ts"
import { callLine, endingRpcs } from "./badCalls.ts"
import { caseOf, requestTo } from "./badRequests.ts"
import { missingId } from "./endpointCases.ts"
import { endpoints } from "./endpoints.ts"
import type { Endpoint } from "./endpoints.ts"
import type { Json } from "./hostileInput.ts"
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
  return caller.token === undefined ? "Unauthorized" : "Forbidden"
}

/** `Unauthorized` or `Forbidden` where an answer says so, else let in. */
const verdictOf = (text: string) => /"code":"(Unauthorized|Forbidden)"/.exec(text)?.[1] ?? "let in"

const money = { amount: 100, currency: "CNY" }
const text = { zh: "茶", en: "tea" }
const sku = { code: "sku-1", price: money }

/** A value for each field that a call cannot be without. */
const callFields: Readonly<Record<string, Json>> = {
  ...{ id: missingId, skuId: missingId, userId: missingId, sessionId: missingId, refundId: missingId },
  ...{ checkoutId: missingId, merchantId: missingId, quantity: 1, onHand: 5, reason: "because" },
  ...{ role: "customer", paymentMethod: null, expirySeconds: 60, channel: "wechatpay", ticket: "tk", change: {} },
  ...{
    returnId: missingId,
    rejection: { reason: "worn" },
    goods: { lines: [{ skuId: missingId, quantity: 1 }], reason: "worn" },
    receipt: { restock: true }
  },
  ...{ evidence: { kind: "product_description", text: "tea" } },
  ...{ version: 0, rules: [], branding: { name: "Tea", color: "#00aa55", logoUrl: null }, credentials: {} },
  ...{ edit: {}, shipment: { carrier: "SF", trackingNumber: "SF1" }, cartToken: "a".repeat(43) },
  ...{ currentPassword: "wrong-walrus", newPassword: "walrus-umbrella-lantern-9" },
  ...{ sku, product: { categoryId: missingId, title: text }, category: { code: "tea", name: text } },
  ...{ queue: "order_paid.trade", name: "no_such_sweep" },
  ...{ apiKey: { name: "shop", method: "secret", scopes: ["payments:read"], reason: "new" }, rotationId: missingId },
  provider: "google",
  request: { items: [{ skuId: missingId, quantity: 1 }], addressId: missingId },
  address: {
    ...{ recipient: "Vera", phone: "1", countryCode: "CN", region: "", city: "上海", street: "南京西路" },
    postalCode: ""
  }
}

/** Calls that take other fields than most. */
const payloads: Readonly<Record<string, Json>> = {
  "orders.paymentIncidents": { limit: 5 },
  "admin.routes.history": { limit: 5 },
  "admin.routes.explain": { amount: 100, currency: "CNY", merchantId: null },
  "payments.scheduleCancel": { id: missingId, at: null },
  "products.list": {},
  "products.listOwn": {}
}

const payloadOf = ({ _tag, payloadSchema }: Rpc.AnyWithProps): Json => {
  const fields = Predicate.hasProperty(payloadSchema, "fields") ? payloadSchema.fields : undefined
  if (payloads[_tag] !== undefined) return payloads[_tag]
  if (fields === undefined) return null
  return Object.fromEntries(
    Object.keys(fields ?? {}).flatMap((field) =>
      callFields[field] === undefined ? [] : [[field, callFields[field]] as const]
    )
  )
}

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
