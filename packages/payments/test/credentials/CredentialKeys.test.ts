import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Option, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { CredentialKeys } from "../../src/credentials/CredentialKeys.ts"

const aKey = () => randomBytes(32).toString("base64")
const binding = { merchantId: "019a0000-0000-7000-8000-000000000001", channel: "stripe", version: 3 }
const secret = Redacted.make('{"secretKey":"sk_live_1"}')

/** The keys as a process with this configuration has them. */
const keysOf = (config: Record<string, string>) =>
  Effect.provide(
    CredentialKeys,
    Layer.fresh(CredentialKeys.layer).pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(config))))
  )

layer(NodeServices.layer, { excludeTestServices: true })("CredentialKeys", (it) => {
  it.effect("open what they sealed, for the same merchant, channel and version, and nothing that was altered", () =>
    Effect.gen(function* () {
      const keys = yield* keysOf({ CREDENTIALS_KEYS: JSON.stringify({ k1: aKey() }) })
      const sealed = yield* keys.seal(secret, binding)
      const again = yield* keys.seal(secret, binding)
      assert.notDeepEqual(sealed.bytes, again.bytes)
      assert.notInclude(Buffer.from(sealed.bytes).toString("latin1"), "sk_live_1")
      const opened = yield* keys.open(sealed, binding)
      assert.strictEqual(Option.getOrThrow(Option.map(opened, Redacted.value)), Redacted.value(secret))
      for (const other of [
        { ...binding, merchantId: "019a0000-0000-7000-8000-000000000002" },
        { ...binding, channel: "paypal" },
        { ...binding, version: 4 }
      ]) {
        assert.isTrue(Option.isNone(yield* keys.open(sealed, other)))
      }
      for (const index of [0, 12, sealed.bytes.length - 1]) {
        const bytes = Uint8Array.from(sealed.bytes, (byte, at) => (at === index ? byte ^ 1 : byte))
        assert.isTrue(Option.isNone(yield* keys.open({ ...sealed, bytes }, binding)))
      }
      assert.isTrue(Option.isNone(yield* keys.open({ ...sealed, bytes: new Uint8Array(5) }, binding)))
    })
  )

  it.effect("seal with the first of them and open with any", () =>
    Effect.gen(function* () {
      const [older, newer] = [aKey(), aKey()]
      const before = yield* keysOf({ CREDENTIALS_KEYS: JSON.stringify({ k1: older }) })
      const during = yield* keysOf({ CREDENTIALS_KEYS: JSON.stringify({ k2: newer, k1: older }) })
      const after = yield* keysOf({ CREDENTIALS_KEYS: JSON.stringify({ k2: newer }) })
      const sealed = yield* before.seal(secret, binding)
      assert.strictEqual(sealed.keyId, "k1")
      assert.isTrue(Option.isSome(yield* during.open(sealed, binding)))
      assert.isTrue(Option.isNone(yield* after.open(sealed, binding)))
      const resealed = yield* during.seal(secret, binding)
      assert.strictEqual(resealed.keyId, "k2")
      assert.isTrue(Option.isSome(yield* after.open(resealed, binding)))
    })
  )

  it.effect("are refused at the start where they are no keys, in a sentence that shows none", () =>
    Effect.gen(function* () {
      for (const given of ["{}", '{"1":"x"}', JSON.stringify({ k1: "dG9vIHNob3J0" }), aKey()]) {
        const error = yield* Effect.flip(keysOf({ CREDENTIALS_KEYS: given }))
        assert.include(error.message, "CREDENTIALS_KEYS")
        if (given.length > 10) assert.notInclude(error.message, given)
      }
    })
  )

  it.effect("come from a file of their own where none are given, made once and for its owner alone", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const [first, second] = yield* Effect.all(
        [keysOf({ MALL_DATA_DIR: folder }), keysOf({ MALL_DATA_DIR: folder })],
        { concurrency: "unbounded" }
      )
      const sealed = yield* Effect.all([first.seal(secret, binding), second.seal(secret, binding)], {
        concurrency: "unbounded"
      })
      for (const one of sealed) {
        assert.isTrue(Option.isSome(yield* first.open(one, binding)))
        assert.isTrue(Option.isSome(yield* second.open(one, binding)))
      }
      assert.deepStrictEqual(yield* fs.readDirectory(folder), ["credentials.keys"])
      assert.strictEqual((yield* fs.stat(`${folder}/credentials.keys`)).mode & 0o777, 0o600)
      yield* fs.writeFileString(`${folder}/credentials.keys`, "half a fi")
      const unusable = yield* Effect.flip((yield* keysOf({ MALL_DATA_DIR: folder })).currentId)
      assert.include(unusable.message, "credentials.keys")
    }).pipe(Effect.scoped)
  )
})
