import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { currencies, Currency, formatMajor, minorUnitDigits } from "../../src/kernel/Currency.ts"
import { AmountOverflow, CurrencyMismatch, Money, PositiveMoney } from "../../src/kernel/Money.ts"

const cny = (amount: number) => Money.of(amount, "CNY")

describe("Money", () => {
  it("knows at least 32 currencies and three tokens, with the digits of ISO 4217", () => {
    assert.isAtLeast(currencies.length, 35)
    assert.strictEqual(minorUnitDigits.CNY, 2)
    assert.strictEqual(minorUnitDigits.JPY, 0)
    assert.strictEqual(minorUnitDigits.KWD, 3)
    // where ISO and Intl differ, ISO counts
    assert.strictEqual(minorUnitDigits.HUF, 2)
    assert.strictEqual(minorUnitDigits.USDC, 6)
    assert.strictEqual(minorUnitDigits.BTC, 8)
  })

  it("shows major units by the digits of the currency", () => {
    assert.strictEqual(formatMajor(1999, "CNY"), "19.99")
    assert.strictEqual(formatMajor(-5, "USD"), "-0.05")
    assert.strictEqual(formatMajor(1999, "JPY"), "1999")
    assert.strictEqual(formatMajor(1, "KWD"), "0.001")
  })

  it("refuses to combine currencies", () => {
    assert.throws(() => cny(1).plus(Money.of(1, "USD")), CurrencyMismatch)
    assert.throws(() => cny(1).isAbove(Money.of(1, "USD")), CurrencyMismatch)
  })

  it("refuses what it cannot hold exactly instead of rounding it", () => {
    assert.throws(() => cny(Number.MAX_SAFE_INTEGER).plus(cny(1)), AmountOverflow)
    assert.throws(() => cny(Number.MAX_SAFE_INTEGER).times(2), AmountOverflow)
    assert.throws(() => cny(1).times(0.5), AmountOverflow)
  })

  it.effect("is a whole number and a known currency at every edge", () =>
    Effect.gen(function* () {
      const decode = Schema.decodeUnknownEffect(Money)
      assert.strictEqual((yield* decode({ amount: 1999, currency: "CNY" })).amount, 1999)
      for (const bad of [
        { amount: 19.99, currency: "CNY" },
        { amount: 2 ** 53, currency: "CNY" },
        { amount: "1999", currency: "CNY" },
        { amount: 1999, currency: "XXX" },
        { amount: null, currency: "CNY" }
      ]) {
        assert.strictEqual((yield* Effect.flip(decode(bad)))._tag, "SchemaError")
      }
      const zero = Schema.decodeEffect(PositiveMoney)({ amount: 0, currency: "CNY" })
      assert.strictEqual((yield* Effect.flip(zero))._tag, "SchemaError")
    })
  )

  const Amount = Schema.Int.check(Schema.isBetween({ minimum: -1_000_000_000_000, maximum: 1_000_000_000_000 }))

  it.prop("adds as whole numbers do", { a: Amount, b: Amount, currency: Currency }, ({ a, b, currency }) => {
    const sum = Money.of(a, currency).plus(Money.of(b, currency))
    return (
      sum.amount === a + b &&
      sum.minus(Money.of(b, currency)).equals(Money.of(a, currency)) &&
      sum.plus(sum.negated()).equals(Money.zero(currency))
    )
  })
})
