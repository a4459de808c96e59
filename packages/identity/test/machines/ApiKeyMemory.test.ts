import { assert, layer } from "@effect/vitest"
import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Context, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { ApiKeyMemory } from "../../src/machines/ApiKeyMemory.ts"
import { ApiKeyRepo } from "../../src/machines/ApiKeyRepo.ts"
import { ApiKeys } from "../../src/machines/ApiKeys.ts"
import { configuration } from "../fixture.ts"

const newKeyId = generator(ApiKeyId)
const newMerchantId = generator(MerchantId)

class Lookups extends Context.Service<Lookups, { count: number; underWay: number; most: number }>()(
  "@mall/identity/test/machines/Lookups"
) {}

/** The repository, counting what is looked up. */
const Counted = Layer.effectContext(
  Effect.gen(function* () {
    const repo = yield* ApiKeyRepo
    const lookups = { count: 0, underWay: 0, most: 0 }
    const find = (id: ApiKeyId) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          lookups.count++
          lookups.underWay++
          lookups.most = Math.max(lookups.most, lookups.underWay)
        }),
        () => repo.find(id),
        () => Effect.sync(() => lookups.underWay--)
      )
    return Context.make(ApiKeyRepo, ApiKeyRepo.of({ ...repo, find })).pipe(Context.add(Lookups, lookups))
  })
).pipe(Layer.provide(ApiKeyRepo.layer))

const Memory = Layer.merge(ApiKeyMemory.layer, ApiKeys.layer).pipe(
  Layer.provideMerge(Counted),
  Layer.provide(configuration({ API_KEY_CACHE_SIZE: "1000" })),
  Layer.provideMerge(TestDatabase)
)

const issue = Effect.gen(function* () {
  const keys = yield* ApiKeys
  const holder = { actor: "operator:test", holds: () => true }
  const { apiKey } = yield* keys.create(
    yield* newMerchantId,
    yield* newKeyId,
    { name: "test", method: "secret", scopes: ["payments:read"], reason: "test" },
    holder
  )
  return apiKey.id
})

const lookupsIn = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const lookups = yield* Lookups
  lookups.count = 0
  lookups.most = 0
  yield* effect
  return { count: lookups.count, most: lookups.most }
})

layer(Memory, { excludeTestServices: true })("the memory of API keys", (it) => {
  it.effect("looks a key up once, and a made-up one too", () =>
    Effect.gen(function* () {
      const memory = yield* ApiKeyMemory
      memory.setConnected(true)
      const id = yield* issue
      const madeUp = yield* newKeyId
      memory.forgetAll()
      const both = Effect.all([memory.find(id), memory.find(madeUp)])
      assert.strictEqual((yield* lookupsIn(Effect.replicateEffect(both, 100))).count, 2)
      assert.deepStrictEqual((yield* both).map(Option.isSome), [true, false])
      memory.forget(id)
      assert.strictEqual((yield* lookupsIn(both)).count, 1)
    })
  )

  it.effect("asks about a flood of made-up keys four at a time, and keeps what is in use", () =>
    Effect.gen(function* () {
      const memory = yield* ApiKeyMemory
      memory.setConnected(true)
      const id = yield* issue
      yield* memory.find(id)
      const madeUp = Effect.flatMap(newKeyId, memory.find)
      const flood = Effect.all(
        Array.from({ length: 2_000 }, () => Effect.andThen(memory.find(id), madeUp)),
        { concurrency: "unbounded" }
      )
      const { count, most } = yield* lookupsIn(flood)
      assert.isAtMost(most, 4)
      // one lookup per made-up key; the one in use stays, however many come between
      assert.isAtMost(count, 2_001)
    })
  )

  it.effect("asks each time while nothing is heard of", () =>
    Effect.gen(function* () {
      const memory = yield* ApiKeyMemory
      const id = yield* issue
      memory.setConnected(false)
      assert.strictEqual((yield* lookupsIn(Effect.replicateEffect(memory.find(id), 5))).count, 5)
    })
  )

  it.effect("writes when keys were used, the latest time of each", () =>
    Effect.gen(function* () {
      const memory = yield* ApiKeyMemory
      const sql = yield* SqlClient.SqlClient
      const ids = yield* Effect.all([issue, issue])
      for (const id of ids) memory.used(id)
      yield* memory.flushUses
      const rows = yield* sql`SELECT id FROM identity.api_keys WHERE id IN ${sql.in(ids)} AND last_used_at IS NOT NULL`
      assert.lengthOf(rows, 2)
    })
  )
})
