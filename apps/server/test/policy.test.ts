import { assert, layer } from "@effect/vitest"
import { BlockId } from "@mall/domain/identity/Block"
import { PolicyChangeId } from "@mall/domain/identity/Policy"
import type { PolicyDocument } from "@mall/domain/identity/Policy"
import { generator } from "@mall/domain/kernel/Id"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer, Schedule } from "effect"
import { callLine } from "./badCalls.ts"
import { call } from "./rawHttp.ts"
import { newBuyer, signIn } from "./shoppers.ts"

const newChangeId = generator(PolicyChangeId)
const newBlockId = generator(BlockId)

/** Two servers on one database, and their administrator at the first. */
class Malls extends Context.Service<Malls, { readonly first: string; readonly second: string }>()(
  "@mall/server/test/policy/Malls"
) {
  static readonly layer = Layer.effect(
    Malls,
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const environment = { ACCESS_LOG: "false", TRUSTED_PROXIES: "127.0.0.1" }
      const { dataFolder, sandboxPort, url } = yield* startServer({ database, environment })
      const second = yield* startServer({ database, dataFolder, sandboxPort, roles: "api", environment })
      return Malls.of({ first: url, second: second.url })
    })
  )
}

const documentOf = (name: string, resource: string): PolicyDocument => ({
  roles: [{ name, description: "", inherits: [], rules: [{ effect: "allow", kind: "glob", resource, action: "*" }] }]
})

const statusOf = (url: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.map(call(url, { method: "GET", path, headers }), ({ status }) => status)

/** Waits until the answer is this one; the time limit of the test is what ends it otherwise. */
const becomes = (status: number, url: string, path: string, headers: Readonly<Record<string, string>>) =>
  Effect.flatMap(statusOf(url, path, headers), (found) => (found === status ? Effect.void : Effect.fail(found))).pipe(
    Effect.retry(Schedule.spaced("5 millis"))
  )

layer(Malls.layer, { excludeTestServices: true, timeout: "2 minutes" })("the policy over HTTP and RPC", (it) => {
  it.effect("counts on another server without a new token, and is taken back by a rollback", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Malls
      const admin = yield* signIn(first, "admin@demo.mall")
      const { policy, assignments } = admin.mall
      const { version } = yield* policy.show()
      const applied = yield* policy.apply({
        payload: { version, document: documentOf("watcher", "blocks"), reason: "to watch" }
      })
      const buyer = yield* newBuyer(first, "watcher")
      const me = buyer.user
      yield* assignments.grant({
        params: { userId: me.id },
        payload: { role: "watcher", merchantId: null, reason: "watches" }
      })
      // a change of roles ends the token; what the role may do is looked up at each request
      const { token } = yield* signIn(first, buyer.email, "walrus-watcher-umbrella-lantern")
      const headers = { authorization: `Bearer ${token}` }
      yield* becomes(200, second, "/api/v1/blocks", headers)
      const explained = yield* policy.explain({ query: { userId: me.id, permission: "blocks:administer" } })
      assert.strictEqual(explained.because, "Allowed by watcher: allow blocks × *")

      yield* policy.apply({
        payload: { version: applied.version, document: documentOf("watcher", "stock"), reason: "no more" }
      })
      yield* becomes(403, second, "/api/v1/blocks", headers)
      yield* policy.rollback({ payload: { version: applied.version + 1, to: applied.version, reason: "again" } })
      yield* becomes(200, second, "/api/v1/blocks", headers)

      const stale = yield* Effect.flip(policy.apply({ payload: { version, document: { roles: [] }, reason: "late" } }))
      assert.strictEqual(stale._tag, "PolicyChanged")
    })
  )

  it.effect("opens to nobody what who applies it does not hold", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Malls
      const admin = yield* signIn(first, "admin@demo.mall")
      const { version } = yield* admin.mall.policy.show()
      yield* admin.mall.policy.apply({
        payload: { version, document: documentOf("policy-author", "policy"), reason: "writes policies" }
      })
      const buyer = yield* newBuyer(first, "author")
      const { id } = buyer.user
      yield* admin.mall.assignments.grant({
        params: { userId: id },
        payload: { role: "policy-author", merchantId: null, reason: "writes policies" }
      })
      const writer = yield* signIn(second, buyer.email, "walrus-author-umbrella-lantern")
      const change = { version: version + 1, document: documentOf("policy-author", "*"), reason: "all mine" }
      const byHttp = yield* Effect.flip(writer.mall.policy.apply({ payload: change }))
      assert.strictEqual(byHttp._tag, "PermissionNotHeld")
      const rpc = { id: yield* newChangeId, change }
      const byRpc = yield* call(second, {
        method: "POST",
        path: "/rpc",
        body: callLine(0, "policy.apply", rpc, writer.token)
      })
      assert.include(byRpc.text, "PermissionNotHeld")
      const granting = writer.mall.assignments.grant({
        params: { userId: id },
        payload: { role: "admin", merchantId: null, reason: "why not" }
      })
      assert.strictEqual((yield* Effect.flip(granting))._tag, "Forbidden")
    })
  )

  it.effect("keeps blocked networks and devices out of every server, over HTTP and RPC", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Malls
      const admin = yield* signIn(first, "admin@demo.mall")
      const { blocks } = admin.mall
      const from = (ip: string) => ({ "x-forwarded-for": ip })
      yield* becomes(200, second, "/api/v1/products", from("198.51.100.9"))
      const network = yield* blocks.add({
        payload: { kind: "network", subject: "198.51.100.0/24", reason: "stolen cards" }
      })
      yield* becomes(403, second, "/api/v1/products", from("198.51.100.9"))
      const refused = yield* call(second, {
        method: "POST",
        path: "/rpc",
        headers: from("198.51.100.200"),
        body: callLine(0, "products.list", {}, undefined)
      })
      assert.strictEqual(refused.status, 403)
      assert.include(refused.text, '"code":"CallerBlocked"')
      assert.notInclude(refused.text, "stolen cards")
      assert.notInclude(refused.text, "198.51")
      assert.strictEqual(yield* statusOf(second, "/api/v1/auth/verify", from("198.51.100.9")), 403)
      assert.strictEqual(yield* statusOf(second, "/healthz", from("198.51.100.9")), 200)
      assert.strictEqual(yield* statusOf(second, "/api/v1/products", from("198.51.101.9")), 200)

      const device = yield* blocks.add({ payload: { kind: "device", subject: "d-lost", reason: "lost" } })
      yield* becomes(403, second, "/api/v1/products", { "x-device-id": "d-lost" })
      for (const { id } of [network, device]) {
        yield* blocks.remove({ params: { id }, payload: { reason: "over" } })
      }
      yield* becomes(200, second, "/api/v1/products", { ...from("198.51.100.9"), "x-device-id": "d-lost" })
    })
  )

  it.effect("does not let an operator shut themselves out", () =>
    Effect.gen(function* () {
      const { first } = yield* Malls
      const admin = yield* signIn(first, "admin@demo.mall")
      const own = { kind: "network", subject: "127.0.0.0/8", reason: "a slip" } as const
      const byHttp = yield* Effect.flip(admin.mall.blocks.add({ payload: own }))
      assert.strictEqual(byHttp._tag, "OwnAddressBlocked")
      const payload = { id: yield* newBlockId, block: own }
      const byRpc = yield* call(first, {
        method: "POST",
        path: "/rpc",
        body: callLine(0, "blocks.add", payload, admin.token)
      })
      assert.include(byRpc.text, "OwnAddressBlocked")
      const everybody = { kind: "network", subject: "0.0.0.0/0", reason: "all" } as const
      const { status } = yield* call(first, {
        method: "POST",
        path: "/api/v1/blocks",
        headers: { authorization: `Bearer ${admin.token}`, "content-type": "application/json" },
        body: JSON.stringify(everybody)
      })
      assert.strictEqual(status, 400)
    })
  )
})
