import { assert, describe, it } from "@effect/vitest"
import * as StateMachine from "../../src/kernel/StateMachine.ts"

const door = StateMachine.make({
  open: ["closed"],
  closed: ["open", "locked"],
  locked: ["closed"],
  gone: []
})

describe("StateMachine", () => {
  it("allows what the table lists and nothing else", () => {
    assert.isTrue(door.can("closed", "locked"))
    assert.isFalse(door.can("open", "locked"))
    assert.isFalse(door.can("open", "open"))
    assert.deepStrictEqual(door.sources("closed"), ["open", "locked"])
    assert.isTrue(door.isFinal("gone"))
    assert.isFalse(door.isFinal("open"))
  })
})
