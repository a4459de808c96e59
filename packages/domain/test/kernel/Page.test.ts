import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { cursorOf, toPage } from "../../src/kernel/Page.ts"

const Key = Schema.Struct({ price: Schema.Int, id: Schema.String })
const cursor = cursorOf(Key)

describe("Page", () => {
  it.effect.prop("a cursor comes back as the key it was made from", { price: Schema.Int, id: Schema.String }, (key) =>
    Effect.gen(function* () {
      // a lone surrogate has no UTF-8 form; ids never hold one
      if (!key.id.isWellFormed()) return true
      const back = yield* cursor.decode(cursor.encode(key))
      return back.price === key.price && back.id === key.id
    })
  )

  it.effect("a cursor of another list, or of nobody, is refused", () =>
    Effect.gen(function* () {
      const other = cursorOf(Schema.Struct({ createdAt: Schema.String }))
      for (const bad of ["", "abc", "%%%", other.encode({ createdAt: "now" }), "bnVsbA"]) {
        assert.strictEqual((yield* Effect.flip(cursor.decode(bad))).code, "InvalidCursor")
      }
    })
  )

  it("cuts the row that only tells that there is more", () => {
    const page = toPage([1, 2, 3], 2, String)
    assert.deepStrictEqual(page, { data: [1, 2], nextCursor: "2" })
    assert.deepStrictEqual(toPage([1, 2], 2, String), { data: [1, 2], nextCursor: null })
    assert.deepStrictEqual(toPage<number>([], 2, String), { data: [], nextCursor: null })
  })
})
