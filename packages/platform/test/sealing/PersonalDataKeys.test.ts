import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer } from "effect"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PersonalDataKeys } from "../../src/sealing/PersonalDataKeys.ts"

const place = { table: "trade.orders", column: "personal_data", id: "order 1" }
const text = "Zebedee Quillfeather"

/** The keys of a process with these settings. */
const keysOf = (settings: Record<string, string>) =>
  Effect.map(
    Layer.build(
      PersonalDataKeys.layer.pipe(
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(settings))),
        Layer.fresh
      )
    ),
    (context) => Context.get(context, PersonalDataKeys)
  )

const aKey = () => randomBytes(32).toString("base64")
const ringOf = (keys: Record<string, string>) => ({ PERSONAL_DATA_KEYS: JSON.stringify(keys) })

describe("PersonalDataKeys", () => {
  it.effect("opens what it sealed, which holds none of it and never looks the same twice", () =>
    Effect.gen(function* () {
      const keys = yield* keysOf(ringOf({ p1: aKey() }))
      const sealed = keys.seal(text, place)
      assert.strictEqual(sealed.keyId, "p1")
      assert.notInclude(Buffer.from(sealed.bytes).toString("latin1"), "Quillfeather")
      assert.notDeepEqual(sealed.bytes, keys.seal(text, place).bytes)
      assert.strictEqual((yield* keys.open(sealed, place)).toString(), text)
    })
  )

  it.effect("opens nothing that was altered or stands in another row, column or table, and says nothing of it", () =>
    Effect.gen(function* () {
      const keys = yield* keysOf(ringOf({ p1: aKey() }))
      const sealed = keys.seal(text, place)
      const altered = Uint8Array.from(sealed.bytes, (byte, index) => (index === 40 ? byte ^ 1 : byte))
      const attempts = [
        keys.open({ ...sealed, bytes: altered }, place),
        keys.open({ ...sealed, bytes: sealed.bytes.subarray(0, 20) }, place),
        keys.open(sealed, { ...place, id: "order 2" }),
        keys.open(sealed, { ...place, column: "other" }),
        keys.open(sealed, { ...place, table: "identity.addresses" })
      ]
      for (const attempt of attempts) {
        const error = yield* Effect.flip(attempt)
        assert.isTrue(error.isKeyHere)
        assert.notInclude(JSON.stringify(error) + error.message + error.stack, "Quillfeather")
      }
    })
  )

  it.effect("goes on opening by former keys, and names a key that is not here", () =>
    Effect.gen(function* () {
      const [older, newer] = [aKey(), aKey()]
      const sealed = (yield* keysOf(ringOf({ p1: older }))).seal(text, place)
      const rotated = yield* keysOf(ringOf({ p2: newer, p1: older }))
      assert.strictEqual(rotated.currentId, "p2")
      assert.strictEqual((yield* rotated.open(sealed, place)).toString(), text)
      const error = yield* Effect.flip((yield* keysOf(ringOf({ p2: newer }))).open(sealed, place))
      assert.deepStrictEqual([error.keyId, error.isKeyHere], ["p1", false])
    })
  )

  it.effect("derives a key from the installation's secret, which still opens once there are keys", () =>
    Effect.gen(function* () {
      const secret = { MALL_SECRET_KEY: "0123456789abcdef0123456789abcdef" }
      const derived = yield* keysOf(secret)
      const sealed = derived.seal(text, place)
      assert.strictEqual((yield* (yield* keysOf(secret)).open(sealed, place)).toString(), text)
      const later = yield* keysOf({ ...secret, ...ringOf({ p1: aKey() }) })
      assert.deepStrictEqual([later.currentId, later.ids.toSorted()], ["p1", ["p1", derived.currentId]])
      assert.strictEqual((yield* later.open(sealed, place)).toString(), text)
      const other = yield* keysOf({ MALL_SECRET_KEY: "fedcba9876543210fedcba9876543210" })
      assert.isFalse((yield* Effect.flip(other.open(sealed, place))).isKeyHere)
    })
  )

  it.effect("without either keeps a file that only its owner reads, the same for processes that start at once", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "mall-keys-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true }))
      )
      const settings = { MALL_DATA_DIR: join(folder, "data") }
      const [first, second] = yield* Effect.all([keysOf(settings), keysOf(settings)], { concurrency: "unbounded" })
      assert.strictEqual((yield* second.open(first.seal(text, place), place)).toString(), text)
      assert.strictEqual(statSync(join(folder, "data", "personal-data.keys")).mode & 0o777, 0o600)
    })
  )

  it.effect("refuses keys that are none, without repeating them", () =>
    Effect.gen(function* () {
      for (const wrong of ["{}", "nonsense-secret", '{"1":"AAAA"}', JSON.stringify({ p1: "nonsense-secret" })]) {
        const error = yield* Effect.flip(keysOf({ PERSONAL_DATA_KEYS: wrong }))
        assert.include(error.message, "PERSONAL_DATA_KEYS")
        assert.notInclude(error.message, "nonsense-secret")
      }
      assert.include((yield* Effect.flip(keysOf({ MALL_SECRET_KEY: "short" }))).message, "32 characters")
    })
  )
})
