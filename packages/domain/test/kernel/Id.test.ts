import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { generator, Uuid7 } from "../../src/kernel/Id.ts"

const ThingId = Uuid7.pipe(Schema.brand("ThingId"))
const newThingId = generator(ThingId)
const isId = Schema.is(ThingId)

describe("Uuid7", () => {
  it.effect("accepts what its generator makes, and no other writing of the same id", () =>
    Effect.gen(function* () {
      const id = yield* newThingId
      assert.isTrue(isId(id))
      for (const other of [
        id.toUpperCase(),
        `{${id}}`,
        id.replaceAll("-", ""),
        ` ${id}`,
        `${id}\n`,
        `urn:uuid:${id}`
      ]) {
        assert.isFalse(isId(other), other)
      }
    })
  )

  it("is of version 7 and of the variant of RFC 9562", () => {
    assert.isTrue(isId("019a0000-0000-7000-8000-00000000000a"))
    for (const other of ["019a0000-0000-4000-8000-00000000000a", "019a0000-0000-7000-c000-00000000000a", "abc", ""]) {
      assert.isFalse(isId(other), other)
    }
  })
})
