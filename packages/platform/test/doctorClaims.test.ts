import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Idempotency } from "@mall/platform/Idempotency"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Layer, Schema } from "effect"
import { Checks } from "../src/doctor/Checks.ts"
import * as PlatformChecks from "../src/doctor/PlatformChecks.ts"

const newId = generator(Uuid7.pipe(Schema.brand("Id")))
const Test = Layer.mergeAll(Idempotency.layer, PlatformChecks.layer.pipe(Layer.provideMerge(Checks.layer))).pipe(
  Layer.provideMerge(TestDatabase)
)

layer(Test, { excludeTestServices: true })("The doctor", (it) => {
  it.effect("finds the claim of a holder who died, and none that was released", () =>
    Effect.gen(function* () {
      const idempotency = yield* Idempotency
      const checks = yield* Checks
      const claimed = (key: string) =>
        Effect.gen(function* () {
          const wanted = { scope: "user 1 desk.work", key, requestHash: "h", operationId: yield* newId }
          const outcome = yield* idempotency.claim(wanted)
          return outcome._tag === "Claimed" ? outcome.claim : yield* Effect.die("somebody has it")
        })
      const died = yield* claimed("died")
      yield* idempotency.release(yield* claimed("released"))
      const later = DateTime.add(yield* DateTime.now, { hours: 2 })
      const look = { selection: { type: "all" }, after: null, now: DateTime.toDateUtc(later) } as const
      const check = checks.list().find(({ name }) => name === "idempotency_claims")
      const found = (yield* check?.look(look) ?? Effect.die("there is no such check")).findings
      assert.deepStrictEqual(
        found.map(({ subject }) => subject.id),
        [died.operationId]
      )
      // whoever retries goes on with it
      assert.strictEqual((yield* claimed("released")).key, "released")
    })
  )
})
