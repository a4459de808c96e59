import { assert, describe, it, layer } from "@effect/vitest"
import { isGranted, RequiredPermission } from "@mall/domain/identity/Permission"
import { Array as Arr, Context, Effect, Predicate } from "effect"
import type { Rpc } from "effect/rpc"
import { MallRpcs } from "../../src/HttpApp.ts"
import { callLine } from "../badCalls.ts"
import { caseOf, requestTo } from "../badRequests.ts"
import { fill, queryOf } from "../addressOf.ts"
import { missingId } from "../endpointCases.ts"
import { endpoints } from "../endpoints.ts"
import { payloadOf } from "../goodCalls.ts"
import { call } from "../rawHttp.ts"
import { endpointReach, rpcReach } from "./ownership.ts"
import type { Reach } from "./ownership.ts"
import { Victims } from "./victims.ts"

/** What neither a buyer nor staff may call at all is the affair of another suite. */
const isForStrangers = (permission: Parameters<typeof isGranted>[1] | undefined) =>
  permission !== undefined && isGranted(["customer", "merchant"], permission)

const reachable = endpoints.filter(({ permission }) => isForStrangers(permission))
const rpcs = Arr.fromIterable(MallRpcs.requests.values() as Iterable<Rpc.AnyWithProps>).filter(({ annotations }) =>
  isForStrangers(Context.get(annotations, RequiredPermission))
)

const fieldsOf = ({ payloadSchema }: Rpc.AnyWithProps) =>
  Predicate.hasProperty(payloadSchema, "fields") ? Object.keys(payloadSchema.fields ?? {}) : []

const isAimed = <A>(reach: Reach<A> | undefined): reach is Exclude<Reach<A>, { readonly open: string }> =>
  typeof reach === "function"

describe("the rows", () => {
  it("are one for each endpoint that names a thing in its path", () => {
    const missing = reachable.filter(({ path, way }) => path.includes(":") && endpointReach[way] === undefined)
    assert.deepStrictEqual(
      missing.map(({ way }) => way),
      []
    )
    const known = new Set(endpoints.map(({ way }) => way))
    assert.deepStrictEqual(
      Object.keys(endpointReach).filter((way) => !known.has(way)),
      []
    )
  })

  it("are one for each Rpc that names a thing by its id", () => {
    const missing = rpcs.filter((rpc) => fieldsOf(rpc).some((field) => /id$/i.test(field)) && !(rpc._tag in rpcReach))
    assert.deepStrictEqual(
      missing.map(({ _tag }) => _tag),
      []
    )
  })
})

layer(Victims.layer, { excludeTestServices: true, timeout: "2 minutes" })("what is somebody else's", (it) => {
  const leaks = (text: string, secrets: ReadonlyArray<string>, said: string) =>
    secrets.filter((secret) => text.includes(secret) && !said.includes(secret))

  it.effect("is not found by any endpoint, and stays as it is", () =>
    Effect.gen(function* () {
      const { belongings, secrets, state, strangers, url } = yield* Victims
      const before = yield* state
      const wrong = yield* Effect.forEach(
        Object.entries(strangers).flatMap(([who, token]) => reachable.map((endpoint) => ({ who, token, endpoint }))),
        Effect.fnUntraced(function* ({ endpoint, token, who }) {
          const reach = endpointReach[endpoint.way]
          if (!isAimed(reach)) return []
          const { body, params } = reach(belongings)
          const path = fill(endpoint.path, params) + queryOf(caseOf(endpoint).query)
          const plain = requestTo(endpoint, token)
          const sent = body === undefined ? plain.body : JSON.stringify(body)
          const { status, text } = yield* call(url, { ...plain, path, body: sent })
          const isRefused = status === 401 || status === 403 || status === 404 || /"data":\[\]/.test(text)
          const leaked = leaks(text, secrets, `${path} ${String(sent)}`)
          return isRefused && leaked.length === 0 ? [] : [`${endpoint.way} for ${who}: ${status} ${text}`]
        }),
        { concurrency: 4 }
      )
      assert.deepStrictEqual(wrong.flat(), [])
      assert.strictEqual(yield* state, before)
    })
  )

  it.effect("is not found by any Rpc, and stays as it is", () =>
    Effect.gen(function* () {
      const { belongings, secrets, state, strangers, url } = yield* Victims
      const before = yield* state
      const wrong = yield* Effect.forEach(
        Object.entries(strangers).flatMap(([who, token]) => rpcs.map((rpc) => ({ who, token, rpc }))),
        Effect.fnUntraced(function* ({ rpc, token, who }) {
          const reach = rpcReach[rpc._tag]
          if (!isAimed(reach)) return []
          const payload = Object.assign({}, payloadOf(rpc), reach(belongings))
          const body = callLine(0, rpc._tag, payload, token)
          const { text } = yield* call(url, { method: "POST", path: "/rpc", body })
          const isRefused = /"_tag":"Fail".*"status":(401|403|404)/.test(text) || text.includes('"data":[]')
          const leaked = leaks(text, secrets, body)
          return isRefused && leaked.length === 0 ? [] : [`${rpc._tag} for ${who}: ${text}`]
        }),
        { concurrency: 4 }
      )
      assert.deepStrictEqual(wrong.flat(), [])
      assert.strictEqual(yield* state, before)
    })
  )

  it.effect("is in no list of a stranger's", () =>
    Effect.gen(function* () {
      const { secrets, strangers, url } = yield* Victims
      const lists = reachable.filter(({ method, path }) => method === "GET" && !path.includes(":"))
      assert.isAbove(lists.length, 8)
      for (const [who, token] of Object.entries(strangers)) {
        for (const { path, way } of lists) {
          const { text } = yield* call(url, { method: "GET", path, token })
          // both are called so, and each sees their own name
          const own = ["Vera Visitor", "南京西路 1266 号"]
          assert.deepStrictEqual(leaks(text, secrets, own.join()), [], `${way} for ${who}`)
        }
        const calls = rpcs.filter((rpc) => !fieldsOf(rpc).some((field) => /id$/i.test(field)) && isList(rpc._tag))
        const body = calls.map((rpc, id) => callLine(id, rpc._tag, payloadOf(rpc), token)).join("")
        const { text } = yield* call(url, { method: "POST", path: "/rpc", body })
        assert.deepStrictEqual(leaks(text, secrets, "Vera Visitor 南京西路 1266 号"), [], who)
      }
    })
  )

  it.effect("cannot be told from what does not exist", () =>
    Effect.gen(function* () {
      const { belongings, strangers, url } = yield* Victims
      const looks = reachable.filter(({ method, path }) => method === "GET" && path.includes(":"))
      for (const endpoint of looks) {
        const reach = endpointReach[endpoint.way]
        if (!isAimed(reach)) continue
        const { params } = reach(belongings)
        const none = Object.fromEntries(Object.keys(params).map((name) => [name, missingId]))
        for (const [who, token] of Object.entries(strangers)) {
          const ask = (params: Readonly<Record<string, string>>) =>
            call(url, {
              method: "GET",
              token,
              path:
                fill(endpoint.path, params) + queryOf(endpoint.way.includes("/status") ? caseOf(endpoint).query : {})
            })
          const [real, imagined] = [yield* ask(params), yield* ask(none)]
          assert.strictEqual(shapeOf(real.text), shapeOf(imagined.text), `${endpoint.way} for ${who}`)
          assert.strictEqual(real.status, imagined.status, `${endpoint.way} for ${who}`)
        }
      }
    })
  )

  it.effect("is still there for its owners", () =>
    Effect.gen(function* () {
      const { belongings, owners, url } = yield* Victims
      const mine: ReadonlyArray<readonly [string, string]> = [
        [`/api/v1/users/me/addresses/${belongings.addressId}`, owners.buyer],
        [`/api/v1/orders/${belongings.orderId}`, owners.buyer],
        [`/api/v1/orders/${belongings.orderId}/returns/${belongings.returnId}`, owners.buyer],
        [`/api/v1/orders/${belongings.orderId}`, owners.staff],
        [`/api/v1/payments/${belongings.shopPaymentId}/refunds/${belongings.refundId}`, owners.staff],
        [`/api/v1/payments/disputes/${belongings.disputeId}`, owners.staff]
      ]
      for (const [path, token] of mine) {
        assert.strictEqual((yield* call(url, { method: "GET", path, token })).status, 200, path)
      }
    })
  )
})

const isList = (tag: string) => /\.(list\w*|me)$/.test(tag)

/** A problem without what differs from request to request. */
const shapeOf = (text: string) =>
  text
    .replaceAll(/"traceId":"\w+"/g, "")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}|victim-secret-reference/g, "id")
