import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { createServer } from "node:net"
import { VirusScanner } from "../../src/scanning/VirusScanner.ts"

/** The test file of EICAR, in two parts, so that no scanner takes this source for it. */
const eicar = Buffer.from(["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD", "-ANTIVIRUS-TEST-FILE!$H+H*"].join(""))

const command = "zINSTREAM\0"

/** What INSTREAM carries: undefined while it is not whole. */
const streamOf = (received: Buffer) => {
  const parts: Array<Buffer> = []
  let at = command.length
  while (at + 4 <= received.length) {
    const length = received.readUInt32BE(at)
    if (length === 0) return Buffer.concat(parts)
    parts.push(received.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return undefined
}

/** A peer that speaks clamd's protocol, and what it answers besides. */
class Clamd extends Context.Service<Clamd, { readonly port: number; silent: boolean; readonly sizes: Array<number> }>()(
  "@mall/platform/test/Clamd"
) {
  static readonly layer = Layer.effect(
    Clamd,
    Effect.acquireRelease(
      Effect.callback<{ readonly state: Clamd["Service"]; readonly close: () => void }>((resume) => {
        const server = createServer((socket) => {
          let received = Buffer.alloc(0)
          socket.on("error", () => socket.destroy())
          socket.on("data", (data) => {
            received = Buffer.concat([received, data])
            const stream = streamOf(received)
            if (stream === undefined) return
            state.sizes.push(stream.length)
            const isWhole = received.subarray(0, command.length).toString() === command
            const answer = stream.includes(eicar) ? "stream: Eicar-Signature FOUND\0" : "stream: OK\0"
            socket.end(state.silent || !isWhole ? "INSTREAM size limit exceeded. ERROR\0" : answer)
          })
        })
        const state = { port: 0, silent: false, sizes: new Array<number>() }
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          state.port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ state, close: () => server.close() }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ).pipe(Effect.map(({ state }) => state))
  )
}

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
