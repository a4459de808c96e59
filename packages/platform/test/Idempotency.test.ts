import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Idempotency } from "@mall/platform/Idempotency"
import { IdempotencyRepo } from "@mall/platform/IdempotencyRepo"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Result, Schema } from "effect"
import { SqlClient } from "effect/sql"

const newId = generator(Uuid7.pipe(Schema.brand("Id")))

const want = Effect.fnUntraced(function* (key: string, requestHash = "h") {
  return { scope: "user 1 desk.work", key, requestHash, operationId: yield* newId }
})

const claim = Effect.fnUntraced(function* (idempotency: Idempotency["Service"], key: string, requestHash?: string) {
  return yield* Effect.result(idempotency.claim(yield* want(key, requestHash)))
})

const tally = (results: ReadonlyArray<Result.Result<{ readonly _tag: string }, { readonly _tag: string }>>) => {
  const counts: Record<string, number> = {}
  for (const result of results) {
    const tag = Result.match(result, { onSuccess: ({ _tag }) => _tag, onFailure: ({ _tag }) => _tag })
    counts[tag] = (counts[tag] ?? 0) + 1
  }
  return counts
}

const answer = {
  status: 201,
  headers: { "content-type": "text/plain", location: "/x" },
  body: new Uint8Array([0, 255])
}

layer(Layer.mergeAll(Idempotency.layer, IdempotencyRepo.layer).pipe(Layer.provideMerge(TestDatabase)), {
  excludeTestServices: true
})("Idempotency", (it) => {
  it.effect("lets one claim each key, however many ask in however many processes", () =>
    Effect.gen(function* () {
      const other = Context.get(yield* Layer.build(Layer.fresh(Idempotency.layer)), Idempotency)
      const own = yield* Idempotency
      const results = yield* Effect.forEach(
        Array.from({ length: 1000 }, (_, index) => index),
        (index) => claim(index % 2 === 0 ? own : other, `k${Math.floor(index / 10)}`),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(tally(results), { Claimed: 100, IdempotencyInFlight: 900 })
    })
  )

  it.effect("decides each key of a group by itself", () =>
    Effect.gen(function* () {
      const idempotency = yield* Idempotency
      const first = yield* idempotency.claim(yield* want("done"))
      if (first._tag === "Claimed") yield* idempotency.complete(first.claim, answer)
      yield* claim(idempotency, "running")
      const results = yield* Effect.forEach(
        [
          claim(idempotency, "new"),
          claim(idempotency, "done"),
          claim(idempotency, "done", "other"),
          claim(idempotency, "running")
        ],
        (each) => each,
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(tally(results), {
        Claimed: 1,
        Completed: 1,
        IdempotencyKeyReused: 1,
        IdempotencyInFlight: 1
      })
      const [, done] = results
      assert.deepStrictEqual(done && Result.getOrThrow(done), { _tag: "Completed", response: answer })
    })
  )

  it.effect("knows a request by a hash of before, answers it, and takes over what its holder left", () =>
    Effect.gen(function* () {
      const idempotency = yield* Idempotency
      const sql = yield* SqlClient.SqlClient
      const former = { isOf: (stored: string) => stored === "k1.h" }
      const now = Effect.fnUntraced(function* (key: string, other?: typeof former) {
        return { ...(yield* want(key, "k2.h")), ...other }
      })
      const first = yield* idempotency.claim(yield* want("rotated", "k1.h"))
      if (first._tag !== "Claimed") return assert.fail()
      const busy = yield* Effect.flip(idempotency.claim(yield* now("rotated", former)))
      assert.strictEqual(busy._tag, "IdempotencyInFlight")
      yield* sql`UPDATE platform.idempotency_keys SET lease_until = 'epoch' WHERE key = 'rotated'`
      const stranger = yield* Effect.flip(idempotency.claim(yield* now("rotated")))
      assert.strictEqual(stranger._tag, "IdempotencyKeyReused")
      const second = yield* idempotency.claim(yield* now("rotated", former))
      if (second._tag !== "Claimed") return assert.fail()
      assert.strictEqual(second.claim.operationId, first.claim.operationId)
      yield* idempotency.complete(second.claim, answer)
      const third = yield* idempotency.claim(yield* now("rotated", former))
      assert.deepStrictEqual(third, { _tag: "Completed", response: answer })
    })
  )

  it.effect("keeps the operation id over a release, and takes a new one after the key was forgotten or expired", () =>
    Effect.gen(function* () {
      const idempotency = yield* Idempotency
      const sql = yield* SqlClient.SqlClient
      const claimed = Effect.gen(function* () {
        const outcome = yield* idempotency.claim(yield* want("again"))
        return outcome._tag === "Claimed" ? outcome.claim : yield* Effect.die("completed")
      })
      const first = yield* claimed
      yield* idempotency.release(first)
      const second = yield* claimed
      assert.strictEqual(second.operationId, first.operationId)

      // The first holder is late: what it does no longer touches the key.
      yield* idempotency.forget(first)
      yield* idempotency.complete(first, answer)
      assert.deepStrictEqual(tally([yield* claim(idempotency, "again")]), { IdempotencyInFlight: 1 })

      yield* idempotency.forget(second)
      const third = yield* claimed
      assert.notStrictEqual(third.operationId, first.operationId)

      yield* idempotency.complete(third, answer)
      yield* sql`UPDATE platform.idempotency_keys SET expires_at = 'epoch' WHERE key = 'again'`
      assert.notStrictEqual((yield* claimed).operationId, third.operationId)
    })
  )

  it.effect("purges expired rows in batches, and no others", () =>
    Effect.gen(function* () {
      const idempotency = yield* Idempotency
      const repo = yield* IdempotencyRepo
      const sql = yield* SqlClient.SqlClient
      yield* Effect.forEach(["p1", "p2", "p3", "stays"], (key) => claim(idempotency, key), { concurrency: "unbounded" })
      yield* sql`UPDATE platform.idempotency_keys SET expires_at = 'epoch' WHERE key LIKE 'p_'`
      assert.strictEqual(yield* repo.purge(new Date(1000), 2), 2)
      assert.strictEqual(yield* repo.purge(new Date(1000), 2), 1)
      assert.deepStrictEqual(tally([yield* claim(idempotency, "stays")]), { IdempotencyInFlight: 1 })
    })
  )
})
