import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { NonBlankText, PlainText } from "../../src/kernel/PlainText.ts"

const accepts = Schema.is(PlainText(5))

describe("PlainText", () => {
  it("takes any script, and refuses what PostgreSQL cannot hold", () => {
    assert.isTrue(accepts("茶🍵"))
    assert.isTrue(accepts(""))
    assert.isFalse(accepts("a\u0000b"))
    assert.isFalse(accepts("\ud800"))
    assert.isFalse(accepts("123456"))
    assert.isFalse(Schema.is(NonBlankText(5))(" \t "))
  })
})
