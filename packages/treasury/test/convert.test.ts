import { assert, describe, it } from "@effect/vitest"
import { currencies, minorUnitDigits } from "@mall/domain/kernel/Currency"
import { BigDecimal, Schema } from "effect"
import { convert, decimalOf, inverse, quotient, ratioOf, valueOf } from "../src/exchange/convert.ts"
import type { Terms } from "../src/exchange/convert.ts"
import { isOutlier } from "../src/exchange/isOutlier.ts"

const Rate = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000 }))
const Amount = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 }))
const Spread = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 }))
const Index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: currencies.length - 1 }))

const termsOf = (from: number, to: number, rate: number, spreadBasisPoints: number) => {
  const [a, b] = [currencies[from] ?? "CNY", currencies[to] ?? "USD"]
  return {
    from: a,
    to: a === b ? (a === "CNY" ? "USD" : "CNY") : b,
    rate: ratioOf(String(rate / 1000)),
    spreadBasisPoints
  } as const
}

const back = <T extends Pick<Terms, "from" | "rate" | "to">>({ from, rate, to, ...terms }: T) => ({
  ...terms,
  from: to,
  to: from,
  rate: inverse(rate)
})

/** An amount in hundredths of a percent of a minor unit of the other currency, as an exact fraction. */
const worth = ({ from, rate, to }: Pick<Terms, "from" | "rate" | "to">, amount: number) =>
  BigDecimal.divideUnsafe(
    BigDecimal.fromBigInt(BigInt(amount) * rate.numerator * 10n ** BigInt(minorUnitDigits[to])),
    BigDecimal.fromBigInt(rate.denominator * 10n ** BigInt(minorUnitDigits[from]))
  )

const plain = { side: "sell", from: "USD", to: "CNY", rate: ratioOf("7.2364"), spreadBasisPoints: 100 } as const

describe("An exchange", () => {
  it("is worth the rate, of which the spread is kept", () => {
    // 100.00 USD at 7.2364 is 723.64 CNY: 716.4036 for the merchant, 7.2364 for the platform
    assert.deepStrictEqual(convert({ ...plain, amount: 10_000 }), { sell: 10_000, buy: 71_640, fee: 723, rounding: 1 })
  })

  it("buys exactly what is asked for with the least that is worth it", () => {
    const bought = convert({ ...plain, side: "buy", amount: 71_640 })
    assert.strictEqual(bought?.buy, 71_640)
    assert.strictEqual(bought?.sell, 10_000)
    assert.isBelow(convert({ ...plain, amount: 9_999 })?.buy ?? 0, 71_640)
  })

  it("knows that a yen has no decimals and a dinar has three", () => {
    const yen = { ...plain, from: "USD", to: "JPY", rate: ratioOf("150.16"), spreadBasisPoints: 0 } as const
    assert.deepStrictEqual(convert({ ...yen, amount: 10_000 }), { sell: 10_000, buy: 15_016, fee: 0, rounding: 0 })
    const dinar = { ...plain, from: "KWD", to: "JPY", rate: ratioOf("489.5"), spreadBasisPoints: 0 } as const
    assert.deepStrictEqual(convert({ ...dinar, amount: 1_000 }), { sell: 1_000, buy: 489, fee: 0, rounding: 0 })
    assert.deepStrictEqual(convert(back({ ...dinar, amount: 489 })), { sell: 489, buy: 998, fee: 0, rounding: 0 })
    // half a yen buys nothing, and is not given away
    assert.isUndefined(convert({ ...dinar, amount: 1 }))
    // a yen is two fils: what the second is worth is left over
    assert.deepStrictEqual(convert({ ...back(dinar), side: "buy", amount: 1 }), {
      sell: 1,
      buy: 1,
      fee: 0,
      rounding: 1
    })
  })

  it("is refused where an amount cannot be kept exactly", () => {
    assert.isUndefined(convert({ ...plain, amount: Number.MAX_SAFE_INTEGER }))
    assert.isUndefined(convert({ ...plain, side: "buy", amount: Number.MAX_SAFE_INTEGER, rate: ratioOf("0.001") }))
  })

  it.prop(
    "never gives away more than came in, whichever way it is asked for",
    [Index, Index, Rate, Spread, Amount],
    ([from, to, rate, spread, amount]) => {
      const terms = termsOf(from, to, rate, spread)
      for (const side of ["sell", "buy"] as const) {
        const done = convert({ ...terms, side, amount })
        if (done === undefined) continue
        const { buy, fee, rounding, sell } = done
        assert.isTrue([sell, buy, fee, rounding].every((each) => Number.isSafeInteger(each) && each >= 0))
        const given = BigDecimal.fromBigInt(BigInt(buy + fee + rounding))
        assert.isTrue(BigDecimal.isLessThanOrEqualTo(given, worth(terms, sell)))
        assert.isTrue(BigDecimal.isGreaterThan(BigDecimal.sum(given, BigDecimal.fromBigInt(1n)), worth(terms, sell)))
        if (side === "sell") assert.isAtMost(rounding, 1)
        assert.strictEqual(side === "sell" ? sell : buy, amount)
      }
    }
  )

  it.prop(
    "there and back loses at least the spread of both ways",
    [Index, Index, Rate, Spread, Amount],
    ([from, to, rate, spread, amount]) => {
      const terms = { ...termsOf(from, to, rate, spread), side: "sell" } as const
      const there = convert({ ...terms, amount })
      const again = there === undefined ? undefined : convert(back({ ...terms, amount: there.buy }))
      if (again === undefined) return
      const kept = BigInt(10_000 - spread)
      assert.isTrue(BigInt(again.buy) * 100_000_000n <= BigInt(amount) * kept * kept)
    }
  )
})

describe("A rate", () => {
  it("crosses over the euro exactly, and is shown with twelve digits", () => {
    const cross = quotient(ratioOf("7.8240"), ratioOf("1.0812"))
    assert.strictEqual(decimalOf(cross), "7.23640399556")
    assert.strictEqual(decimalOf(ratioOf("7.1")), "7.1")
    // what was rounded for people is not what amounts are computed from
    assert.deepStrictEqual(convert({ ...plain, rate: cross, spreadBasisPoints: 0, amount: 1_081_200 }), {
      sell: 1_081_200,
      buy: 7_824_000,
      fee: 0,
      rounding: 0
    })
  })

  it("values an amount of either sign to the nearest unit", () => {
    assert.strictEqual(valueOf(-10_000, ratioOf("7.23645"), "USD", "CNY"), -72_364)
    assert.strictEqual(valueOf(333, ratioOf("0.0066"), "JPY", "USD"), 220)
  })

  it("is an outlier beyond so many percent, in both directions", () => {
    assert.deepStrictEqual(
      ["1.05", "1.0501", "0.95", "0.9499"].map((rate) => isOutlier("1.00", rate, 5)),
      [false, true, false, true]
    )
  })
})
