import { assert, describe, it } from "@effect/vitest"
import { fromAnswer, isNotClosable } from "../../../src/channel/alipay/alipayErrors.ts"

describe("What Alipay answers to a closing", () => {
  it("says by each of its words that the order is in another state, so that it is asked which", () => {
    const words = ["ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS"]
    for (const word of words) assert.isTrue(isNotClosable(fromAnswer("close", "40004", word)), word)
    assert.isFalse(isNotClosable(fromAnswer("close", "40004", "ACQ.INVALID_PARAMETER")))
  })
})
