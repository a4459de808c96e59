import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { Load } from "../../src/http/Load.ts"
import { Readiness } from "../../src/http/Readiness.ts"

const Ready = Readiness.layerDatabase.pipe(
  Layer.provideMerge(Readiness.layer),
  Layer.provideMerge(Load.layer),
  Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({}))),
  Layer.provideMerge(TestDatabase)
)

layer(Ready, { excludeTestServices: true })("Readiness", (it) => {
  it.effect("needs the database, and ends with the drain", () =>
    Effect.gen(function* () {
      const readiness = yield* Readiness
      const load = yield* Load
      assert.deepStrictEqual(yield* readiness.state, {
        ready: true,
        draining: false,
        dependencies: [{ name: "database", ready: true, required: true }]
      })
      load.draining = true
      const draining = yield* readiness.state
      assert.deepStrictEqual([draining.ready, draining.draining], [false, true])
    })
  )

  it.effect("takes a dependency that does not answer for one that is down", () =>
    Effect.gen(function* () {
      const readiness = yield* Readiness
      yield* readiness.register("queue", Effect.never)
      const state = yield* readiness.state
      assert.deepInclude(state.dependencies, { name: "queue", ready: false, required: true })
    }).pipe(Effect.scoped)
  )
})
