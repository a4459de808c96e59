import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Problem } from "../../src/kernel/Problem.ts"

class ShelfEmpty extends Problem<ShelfEmpty>()("ShelfEmpty", {
  status: 409,
  title: "The shelf is empty",
  fields: { shelf: Schema.String },
  detail: ({ shelf }) => `Nothing on ${shelf}`
}) {}

class ShelfLocked extends Problem<ShelfLocked>()("ShelfLocked", { status: 409, title: "The shelf is locked" }) {}

describe("Problem", () => {
  it.effect("is caught by its tag and says what happened", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.fail(new ShelfEmpty({ shelf: "A1" })))
      assert.strictEqual(error._tag, "ShelfEmpty")
      assert.strictEqual(error.message, "Nothing on A1")
    })
  )

  it.effect("is an RFC 9457 body on the wire", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Schema.encodeEffect(ShelfEmpty)(new ShelfEmpty({ shelf: "A1" })), {
        type: "urn:mall:problem:ShelfEmpty",
        title: "The shelf is empty",
        status: 409,
        detail: "Nothing on A1",
        code: "ShelfEmpty",
        shelf: "A1"
      })
    })
  )

  it.effect("comes back as itself from a union of problems of the same status", () =>
    Effect.gen(function* () {
      const Both = Schema.Union([ShelfLocked, ShelfEmpty])
      const body = yield* Schema.encodeEffect(Both)(new ShelfEmpty({ shelf: "A1" }))
      const back = yield* Schema.decodeUnknownEffect(Both)({ ...body, traceId: "0af7651916cd43dd8448eb211c80319c" })
      assert.instanceOf(back, ShelfEmpty)
      assert.strictEqual(back.message, "Nothing on A1")
    })
  )
})
