import { assert, layer } from "@effect/vitest"
import { Clamd, eicar } from "@mall/testing/Clamd"
import { ConfigProvider, Effect, Layer } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { VirusScanner } from "../../src/scanning/VirusScanner.ts"

const Scanner = VirusScanner.layer.pipe(
  Layer.provide(
    Layer.unwrap(
      Effect.map(Clamd, ({ port }) =>
        ConfigProvider.layer(ConfigProvider.fromUnknown({ CLAMD_ADDRESS: `127.0.0.1:${port}` }))
      )
    )
  ),
  Layer.provide(CircuitBreaker.layerStoreMemory()),
  Layer.provideMerge(Clamd.layer)
)

layer(Scanner, { excludeTestServices: true })("a scanner for viruses", (it) => {
  it.effect("finds what is infected, and passes what is not, of any size", () =>
    Effect.gen(function* () {
      const scanner = yield* VirusScanner
      const { sizes } = yield* Clamd
      assert.isTrue(scanner.isThere)
      assert.strictEqual(yield* scanner.scan(eicar), "infected")
      assert.strictEqual(yield* scanner.scan(Buffer.concat([Buffer.alloc(300_000), eicar])), "infected")
      assert.strictEqual(yield* scanner.scan(new Uint8Array(300_000)), "clean")
      assert.strictEqual(sizes.at(-1), 300_000)
    })
  )

  it.effect("that gives no verdict is one that fails", () =>
    Effect.gen(function* () {
      const clamd = yield* Clamd
      clamd.silent = true
      const error = yield* Effect.flip((yield* VirusScanner).scan(eicar))
      assert.strictEqual(error._tag, "DownstreamUnavailable")
    })
  )
})

layer(
  VirusScanner.layer.pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({}))),
    Layer.provide(CircuitBreaker.layerStoreMemory())
  )
)("without a scanner", (it) => {
  it.effect("everything is unscanned, and says so", () =>
    Effect.gen(function* () {
      const scanner = yield* VirusScanner
      assert.deepStrictEqual([scanner.isThere, yield* scanner.scan(eicar)], [false, "unscanned"])
    })
  )
})
