import { assert, describe, it } from "@effect/vitest"
import { isCardNumber, maskCardNumbers } from "../../src/telemetry/cardNumbers.ts"

/** Published test numbers of the networks. */
const cards = [
  ...["4111111111111111", "4222222222222", "5555555555554444", "2223003122003222", "378282246310005"],
  ...["30569309025904", "3530111333300000", "6011111111111117", "6200000000000005", "9792000000000003"]
]

describe("maskCardNumbers", () => {
  it("leaves the last four digits of a card of any network", () => {
    for (const card of cards) {
      assert.isTrue(isCardNumber(card), card)
      assert.strictEqual(maskCardNumbers(`a${card}b`), `a<card *${card.slice(-4)}>b`)
    }
  })

  it("finds it in groups, beside other digits, and more than one", () => {
    assert.strictEqual(maskCardNumbers("4111-1111-1111-1111 12 27"), "<card *1111> 12 27")
    assert.strictEqual(maskCardNumbers("no 7 4111 1111 1111 1111"), "no 7 <card *1111>")
    assert.strictEqual(maskCardNumbers("3782 822463 10005 5555555555554444"), "<card *0005> <card *4444>")
    assert.strictEqual(maskCardNumbers("%B4111111111111111^DOE/J^2712"), "%B<card *1111>^DOE/J^2712")
  })

  it("leaves times, ids, references of channels and numbers with a wrong check digit", () => {
    const others = [
      ...["4111111111111112", "1763708400000", "20261121071011", "2026-11-21 07:10:11.123", "+86 138 0013 8000"],
      ...["4111111111111111000011112222", "41111111-1111-7111-8111-111111111111", "0.25", "", "123456789012"]
    ]
    for (const text of others) assert.strictEqual(maskCardNumbers(text), text)
  })

  it("takes no longer for long runs of digits than their length", () => {
    const long = "4 ".repeat(20_000)
    assert.isAbove(maskCardNumbers(long).length, 0)
    assert.strictEqual(maskCardNumbers("1".repeat(40_000)).length, 40_000)
  })
})
