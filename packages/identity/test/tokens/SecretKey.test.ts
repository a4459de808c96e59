import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Option } from "effect"
import { SecretKey } from "../../src/tokens/SecretKey.ts"

const withConfig = (config: Record<string, string>) =>
  Layer.fresh(SecretKey.layer).pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(config))))
const bytes = new TextEncoder().encode("a private key")
const seal = Effect.flatMap(SecretKey, (secret) => secret.seal(bytes, "signing"))
const open = (sealed: Uint8Array, purpose = "signing") =>
  Effect.flatMap(SecretKey, (secret) => secret.open(sealed, purpose))

const given = withConfig({ MALL_SECRET_KEY: "0123456789abcdef0123456789abcdef" })

it.effect("opens what it sealed, for the same purpose only", () =>
  Effect.gen(function* () {
    const sealed = yield* seal
    assert.deepStrictEqual(yield* open(sealed), Option.some(bytes))
    assert.deepStrictEqual(yield* open(sealed, "another"), Option.none())
    assert.deepStrictEqual(yield* open(sealed.with(20, (sealed[20] ?? 0) ^ 1)), Option.none())
    assert.deepStrictEqual(yield* open(new Uint8Array(3)), Option.none())
  }).pipe(Effect.provide(given))
)

it.effect("cannot open what another secret sealed", () =>
  Effect.gen(function* () {
    const sealed = yield* seal.pipe(Effect.provide(given))
    const other = withConfig({ MALL_SECRET_KEY: "fedcba9876543210fedcba9876543210" })
    assert.deepStrictEqual(yield* open(sealed).pipe(Effect.provide(other)), Option.none())
  })
)

it.effect("refuses a short secret", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(seal.pipe(Effect.provide(withConfig({ MALL_SECRET_KEY: "short" }))))
    assert.include(error.message, "at least 32 characters")
  })
)

it.effect("makes a file that only its owner may read, once, also when many start at the same time", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = `${yield* fs.makeTempDirectoryScoped()}/data`
    const config = { MALL_DATA_DIR: folder }
    const sealed = yield* Effect.all(
      Array.from({ length: 8 }, () => seal.pipe(Effect.provide(withConfig(config)))),
      { concurrency: "unbounded" }
    )
    assert.deepStrictEqual(yield* fs.readDirectory(folder), ["secret.key"])
    assert.strictEqual(Number((yield* fs.stat(`${folder}/secret.key`)).mode) & 0o777, 0o600)
    for (const each of sealed) {
      assert.deepStrictEqual(yield* open(each).pipe(Effect.provide(withConfig(config))), Option.some(bytes))
    }
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
)
