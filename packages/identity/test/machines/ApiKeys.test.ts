import { assert, layer } from "@effect/vitest"
import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import type { ApiKeyScope, NewApiKey } from "@mall/domain/identity/ApiKey"
import { CurrentUser, Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { Clock, Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { Headers } from "effect/http"
import { SqlClient } from "effect/sql"
import { IdentityCommandLayer, IdentityLayer } from "../../src/Identity.ts"
import { ApiKeyMemory } from "../../src/machines/ApiKeyMemory.ts"
import { ApiKeys } from "../../src/machines/ApiKeys.ts"
import { currentAdministrator, currentHolder } from "../../src/machines/currentHolder.ts"
import { MachineCredentials } from "../../src/machines/MachineCredentials.ts"
import { RequestNonces } from "../../src/machines/RequestNonces.ts"
import { eventually, withConfiguration } from "../fixture.ts"
import { ShiftedClock } from "../ShiftedClock.ts"

const newKeyId = generator(ApiKeyId)
const newMerchantId = generator(MerchantId)
const newRotationId = generator(Uuid7.pipe(Schema.brand("RotationId")))

const newUserId = generator(UserId)
const newSessionId = generator(SessionId)
type Held = NonNullable<Principal["held"]>

const holder = { actor: "operator:test", holds: () => true }
const scopes: ReadonlyArray<ApiKeyScope> = ["payments:read"]
const input: NewApiKey = { name: "test", method: "secret", scopes, reason: "test" }

const make = Effect.gen(function* () {
  const url = yield* acquireDatabase
  const start = (overrides: Record<string, string> = {}, identity: typeof IdentityCommandLayer = IdentityLayer) =>
    Layer.build(Layer.fresh(withConfiguration(identity, overrides).pipe(Layer.provideMerge(Sql.layerUrl(url)))))
  const first = yield* start()
  const second = yield* start()
  return { first, second, start }
})

/** Two processes on one database. */
class Processes extends Context.Service<Processes, Effect.Success<typeof make>>()(
  "@mall/identity/test/machines/Processes"
) {
  static readonly layer = Layer.effect(Processes, make)
}

const issue = Effect.fnUntraced(function* (more: Partial<NewApiKey> = {}) {
  const { first } = yield* Processes
  const merchantId = yield* newMerchantId
  const { apiKey, key } = yield* Context.get(first, ApiKeys).create(
    merchantId,
    yield* newKeyId,
    { ...input, ...more },
    holder
  )
  return { merchantId, id: apiKey.id, key }
})

const use = (process: Context.Context<MachineCredentials>, key: string) =>
  Effect.match(Context.get(process, MachineCredentials).ofHeaders(Headers.fromInput({ "x-api-key": key })), {
    onFailure: ({ _tag }) => _tag,
    onSuccess: ({ permissions }) => [...permissions].join()
  })

const becomes = (effect: Effect.Effect<string>, wanted: string) =>
  eventually(Effect.filterOrFail(effect, (found) => found === wanted))

layer(Processes.layer, { excludeTestServices: true, timeout: "60 seconds" })("API keys", (it) => {
  it.effect("end at their expiry, by the clock", () =>
    Effect.gen(function* () {
      const { first } = yield* Processes
      const expiresAt = DateTime.toDateUtc(DateTime.add(yield* DateTime.now, { hours: 1 }))
      const { id, key, merchantId } = yield* issue({ expiresAt })
      assert.strictEqual(yield* use(first, key), "payments:read")
      yield* Context.get(first, ShiftedClock).advance("61 minutes")
      assert.strictEqual(yield* use(first, key), "ApiKeyRefused")
      const rotation = { rotationId: yield* newRotationId, reason: "late" }
      const rotated = Context.get(first, ApiKeys).rotate(merchantId, id, rotation, holder)
      const clock = Context.get(first, Clock.Clock)
      assert.strictEqual((yield* Effect.flip(Effect.provideService(rotated, Clock.Clock, clock)))._tag, "ApiKeyEnded")
    })
  )

  it.effect("are known to another process within milliseconds when they change, also by a hand on psql", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Processes
      const keys = Context.get(first, ApiKeys)
      const delays: Array<number> = []
      for (let round = 0; round < 20; round++) {
        const { id, key, merchantId } = yield* issue()
        assert.strictEqual(yield* use(second, key), "payments:read")
        yield* keys.revoke(merchantId, id, { reason: "test" }, "operator:test")
        const since = yield* Clock.currentTimeMillis
        yield* becomes(use(second, key), "ApiKeyRefused")
        delays.push((yield* Clock.currentTimeMillis) - since)
      }
      const sorted = delays.toSorted((one, other) => one - other)
      assert.isBelow(sorted[10] ?? Infinity, 100)
      const { id, key } = yield* issue()
      assert.strictEqual(yield* use(second, key), "payments:read")
      const sql = Context.get(first, SqlClient.SqlClient)
      yield* sql`UPDATE identity.api_keys SET scopes = ARRAY['stock:write'] WHERE id = ${id}`
      yield* becomes(use(second, key), "stock:write")
    })
  )

  it.effect("are asked for in the database while a process hears nothing", () =>
    Effect.gen(function* () {
      const { first, start } = yield* Processes
      const deaf = yield* start({}, IdentityCommandLayer)
      const { id, key, merchantId } = yield* issue()
      assert.strictEqual(yield* use(deaf, key), "payments:read")
      yield* Context.get(first, ApiKeys).revoke(merchantId, id, { reason: "test" }, "operator:test")
      assert.strictEqual(yield* use(deaf, key), "ApiKeyRefused")
    })
  )

  it.effect("that are read while they change are not kept as they were", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Processes
      const { id, key, merchantId } = yield* issue()
      const memory = Context.get(second, ApiKeyMemory)
      for (let round = 0; round < 20; round++) {
        memory.forget(id)
        const rotation = { rotationId: yield* newRotationId, overlapSeconds: 0, reason: "race" }
        const rotated = Context.get(first, ApiKeys).rotate(merchantId, id, rotation, holder)
        const [next] = yield* Effect.all([rotated, use(second, key)], { concurrency: "unbounded" })
        yield* becomes(use(second, next.key), "payments:read")
      }
      assert.strictEqual(yield* use(second, key), "ApiKeyRefused")
    })
  )

  it.effect("sealed with another secret are refused, not believed", () =>
    Effect.gen(function* () {
      const { start } = yield* Processes
      const stranger = yield* start({ MALL_SECRET_KEY: "another-secret-of-32-characters!" })
      const { id } = yield* issue({ method: "signature" })
      const known = yield* Context.get(stranger, ApiKeyMemory).find(id)
      assert.deepStrictEqual(Option.getOrUndefined(known)?.secrets, [])
    })
  )

  it.effect("have at most five secrets, and a merchant fifty keys, however many ask at once", () =>
    Effect.gen(function* () {
      const { first } = yield* Processes
      const keys = Context.get(first, ApiKeys)
      const { id, merchantId } = yield* issue()
      const rotate = Effect.flatMap(newRotationId, (rotationId) =>
        keys.rotate(merchantId, id, { rotationId, reason: "again" }, holder)
      ).pipe(
        Effect.as("rotated"),
        Effect.catch(({ _tag }) => Effect.succeed(_tag))
      )
      const rotations = yield* Effect.all(
        Array.from({ length: 8 }, () => rotate),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(
        rotations.filter((each) => each === "rotated"),
        4
      )
      assert.lengthOf(
        rotations.filter((each) => each === "ApiKeyLimitReached"),
        4
      )
      const create = Effect.flatMap(newKeyId, (id) => keys.create(merchantId, id, input, holder)).pipe(
        Effect.as("made"),
        Effect.catch(({ _tag }) => Effect.succeed(_tag))
      )
      const made = yield* Effect.all(
        Array.from({ length: 55 }, () => create),
        { concurrency: 8 }
      )
      assert.lengthOf(
        made.filter((each) => each === "made"),
        49
      )
      const page = yield* keys.list(merchantId, { limit: 30 })
      const rest = yield* keys.list(merchantId, { limit: 30, after: page.nextCursor ?? "" })
      assert.deepStrictEqual([page.data.length, rest.data.length, rest.nextCursor], [30, 20, null])
    })
  )

  it.effect("give no scope that who makes them does not hold", () =>
    Effect.gen(function* () {
      const { first } = yield* Processes
      const few = { actor: "user:x", holds: (scope: ApiKeyScope) => scope === "payments:read" }
      const wide: NewApiKey = { ...input, scopes: ["payments:read", "payments:refund"] }
      const error = yield* Effect.flip(
        Context.get(first, ApiKeys).create(yield* newMerchantId, yield* newKeyId, wide, few)
      )
      assert.deepStrictEqual(error._tag === "ScopeNotHeld" ? error.scopes : error, ["payments:refund"])
    })
  )

  it.effect("go to nobody who lacks a scope of theirs, by a rotation either", () =>
    Effect.gen(function* () {
      const { first } = yield* Processes
      const { id, merchantId } = yield* issue({ scopes: ["payments:read", "payments:refund"] })
      const few = { actor: "user:x", holds: (scope: ApiKeyScope) => scope === "payments:read" }
      const rotation = { rotationId: yield* newRotationId, reason: "mine" }
      const error = yield* Effect.flip(Context.get(first, ApiKeys).rotate(merchantId, id, rotation, few))
      assert.deepStrictEqual(error._tag === "ScopeNotHeld" ? error.scopes : error, ["payments:refund"])
    })
  )

  it.effect("open what the policy in force lets their makers do, wherever they hold it", () =>
    Effect.gen(function* () {
      const makers: ReadonlyArray<readonly [held: Held, ofShop: boolean, ofMall: boolean]> = [
        [{ mall: [], shop: ["merchants:keys", "payments:refund"] }, true, false],
        [{ mall: ["merchants:keys", "payments:refund"], shop: [] }, true, true],
        [{ mall: ["merchants:administer"], shop: ["merchants:keys"] }, false, false]
      ]
      for (const [held, ofShop, ofMall] of makers) {
        const user = new Principal({
          ...{ userId: yield* newUserId, sessionId: yield* newSessionId, expiresAt: new Date(0), held },
          ...{ roles: ["customer", "merchant", "admin"], merchantId: Option.some(yield* newMerchantId) }
        })
        const [holder, administrator] = yield* Effect.all([currentHolder, currentAdministrator]).pipe(
          Effect.provideService(CurrentUser, user)
        )
        assert.deepStrictEqual(
          [holder.holds("payments:refund"), administrator.holds("payments:refund")],
          [ofShop, ofMall]
        )
      }
    })
  )

  it.effect("leave nonces that are deleted once they have ended, and not before", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Processes
      const nonces = Context.get(first, RequestNonces)
      const keyId = yield* newKeyId
      const clock = Context.get(first, Clock.Clock)
      const now = clock.currentTimeMillisUnsafe()
      assert.isTrue(yield* nonces.claim(keyId, "ended", new Date(now - 1)))
      assert.isTrue(yield* nonces.claim(keyId, "good", new Date(now + 600_000)))
      const purge = Effect.provideService(nonces.purge(100), Clock.Clock, clock)
      assert.isAtLeast(yield* purge, 1)
      assert.isFalse(yield* Context.get(second, RequestNonces).claim(keyId, "good", new Date(now + 600_000)))
      assert.isTrue(yield* nonces.claim(keyId, "ended", new Date(now + 600_000)))
    })
  )
})
