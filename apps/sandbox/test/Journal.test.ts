import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Schema } from "effect"
import type { Scope } from "effect"
import { Journal } from "../src/Journal.ts"
import { SandboxUnavailable } from "../src/SandboxUnavailable.ts"
import { loadKeys } from "../src/wechatpay/WechatPayKeys.ts"
import { temporaryFolder } from "./TestMerchant.ts"

const Note = Schema.Struct({ id: Schema.String, text: Schema.String })

const on =
  (folder: string) =>
  <A, E>(effect: Effect.Effect<A, E, Journal | NodeServices.NodeServices | Scope.Scope>) =>
    Effect.scoped(effect).pipe(
      Effect.provide(
        Journal.layer.pipe(
          Layer.provideMerge(NodeServices.layer),
          Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ MALL_DATA_DIR: folder })))
        ),
        { local: true }
      )
    )

const openNotes = Effect.flatMap(Journal, (journal) => journal.open("notes", { schema: Note, key: ({ id }) => id }))

it.live("keeps the last value of each key, in the order of first setting, also past damaged lines", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    yield* Effect.gen(function* () {
      const notes = yield* openNotes
      yield* notes.set({ id: "a", text: "first" })
      yield* notes.set({ id: "b", text: "second" })
      yield* notes.set({ id: "a", text: "third" })
    }).pipe(on(folder))

    const fileSystem = yield* FileSystem.FileSystem
    yield* fileSystem.writeFileString(`${folder}/sandbox/notes.jsonl`, `{"id":"c","te`, { flag: "a" })
    yield* Effect.gen(function* () {
      const notes = yield* openNotes
      assert.deepStrictEqual(notes.values(), [
        { id: "a", text: "third" },
        { id: "b", text: "second" }
      ])
      yield* notes.clear
      yield* notes.set({ id: "d", text: "fourth" })
    }).pipe(on(folder))

    const rest = yield* Effect.map(openNotes, (notes) => notes.values()).pipe(on(folder))
    assert.deepStrictEqual(rest, [{ id: "d", text: "fourth" }])
  }).pipe(Effect.provide(NodeServices.layer))
)

it.live("says in one sentence why a folder cannot be used", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const fileSystem = yield* FileSystem.FileSystem
    yield* fileSystem.writeFileString(`${folder}/sandbox`, "a file in the way")
    const error = yield* Effect.flip(Effect.void.pipe(on(folder)))
    assert.instanceOf(error, SandboxUnavailable)
    assert.include(error.message, `${folder}/sandbox`)
  }).pipe(Effect.provide(NodeServices.layer))
)

it.live("makes one set of keys for all who start at once, readable by their owner only", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const all = yield* Effect.all(
      Array.from({ length: 3 }, () => loadKeys.pipe(on(folder))),
      { concurrency: "unbounded" }
    )
    assert.strictEqual(new Set(all.map(({ account }) => account.merchantPrivateKeyPem)).size, 1)
    const fileSystem = yield* FileSystem.FileSystem
    const files = yield* fileSystem.readDirectory(`${folder}/sandbox/wechatpay`)
    assert.deepStrictEqual(files.toSorted(), ["merchant.json", "platform.json"])
    for (const file of files) {
      const { mode } = yield* fileSystem.stat(`${folder}/sandbox/wechatpay/${file}`)
      assert.strictEqual(mode & 0o777, 0o600)
    }
  }).pipe(Effect.provide(NodeServices.layer))
)
