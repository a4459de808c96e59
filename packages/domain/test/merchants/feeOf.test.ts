import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Money } from "../../src/kernel/Money.ts"
import { feeOf, rateOf, returnedBy } from "../../src/merchants/feeOf.ts"
import { FeePlan, FeeRate, Rounding, TierMode } from "../../src/merchants/FeePlan.ts"
import { calendarOf } from "../../src/merchants/TimeZone.ts"
import { inForce } from "../../src/merchants/Version.ts"
import { ChannelId } from "../../src/payments/Payment.ts"

const stripe = ChannelId.make("stripe")
const alipay = ChannelId.make("alipay")
const decodeRate = Schema.decodeUnknownSync(FeeRate)
const decodePlan = Schema.decodeUnknownSync(FeePlan)
const isPlan = (plan: unknown) => Schema.decodeUnknownOption(FeePlan)(plan)._tag === "Some"

const flat = { channel: null, currency: null, fixed: 0, minimum: null, maximum: null }
const fallback = { ...flat, tiers: [{ from: 0, basisPoints: "100" }] }
const planned = (rates: ReadonlyArray<unknown>, rest: object = {}) => ({
  name: "standard",
  rates,
  tierMode: "marginal",
  rounding: "half_up",
  timeZone: "Asia/Shanghai",
  returns: { percent: true, fixed: false },
  ...rest
})
const cny = (amount: number) => Money.of(amount, "CNY")

/** Ten parts of money at once: percentages of a unit at a time, by fractions of big integers. */
const oracle = (plan: FeePlan, rate: FeeRate, amount: number, volume: number) => {
  const scale = (text: string) => BigInt(Math.round(Number(text) * 10_000))
  const tierAt = (at: number) => rate.tiers.findLast(({ from }) => from <= at) ?? rate.tiers[0]
  let hundredMillionths = 0n
  for (let unit = 0; unit < amount; unit++) {
    hundredMillionths += scale(tierAt(plan.tierMode === "whole" ? volume : volume + unit).basisPoints)
  }
  const whole = 100_000_000n
  const down = hundredMillionths / whole
  const double = (hundredMillionths % whole) * 2n
  const up = { down: 0n, up: double > 0n ? 1n : 0n, half_up: double >= whole ? 1n : 0n, half_even: 0n }
  const even = double > whole || (double === whole && down % 2n === 1n) ? 1n : 0n
  const percent = down + (plan.rounding === "half_even" ? even : up[plan.rounding])
  const raised = [percent + BigInt(rate.fixed), BigInt(rate.minimum ?? 0)].reduce((a, b) => (a > b ? a : b))
  return Number(rate.maximum === null || raised < BigInt(rate.maximum) ? raised : BigInt(rate.maximum))
}

const small = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const points = (value: number) => (value / 10_000).toFixed(4)

describe("feeOf", () => {
  it("charges 0.60 % and 30 of 100.00, rounded as the plan says", () => {
    const rate = { ...fallback, currency: "CNY", fixed: 30, tiers: [{ from: 0, basisPoints: "60" }] }
    const of = (rounding: Rounding, amount: number) =>
      Number(feeOf(decodePlan(planned([rate, fallback], { rounding })), stripe, cny(amount), 0).fee)
    assert.strictEqual(of("half_up", 10_000), 90)
    // 0.6 % of 1250 is 7.5
    assert.deepStrictEqual(
      Rounding.literals.map((rounding) => [rounding, of(rounding, 1250)]),
      [
        ["half_even", 38],
        ["half_up", 38],
        ["up", 38],
        ["down", 37]
      ]
    )
    // and of 750 it is 4.5
    assert.deepStrictEqual([of("half_even", 750), of("half_up", 750)], [34, 35])
  })

  it("takes marginal tiers part by part, and whole ones by where the volume stood", () => {
    const tiers = [
      { from: 0, basisPoints: "100" },
      { from: 10_000, basisPoints: "50" }
    ]
    const plan = (tierMode: TierMode) =>
      decodePlan(planned([{ ...fallback, currency: "CNY", tiers }, fallback], { tierMode }))
    assert.strictEqual(Number(feeOf(plan("marginal"), stripe, cny(4000), 8000).fee), 30)
    assert.strictEqual(Number(feeOf(plan("whole"), stripe, cny(4000), 8000).fee), 40)
    assert.strictEqual(Number(feeOf(plan("whole"), stripe, cny(4000), 10_000).fee), 20)
  })

  it("prefers the rate that names most of the payment", () => {
    const rates = [
      fallback,
      { ...fallback, currency: "CNY", fixed: 1 },
      { ...fallback, channel: "stripe" },
      { ...fallback, channel: "stripe", currency: "CNY", fixed: 2 }
    ]
    const plan = decodePlan(planned(rates))
    const found = (channel: ChannelId, currency: "CNY" | "USD") => {
      const rate = rateOf(plan, channel, Money.of(1, currency))
      return `${rate.channel} ${rate.currency}`
    }
    assert.strictEqual(found(stripe, "CNY"), "stripe CNY")
    assert.strictEqual(found(stripe, "USD"), "stripe null")
    assert.strictEqual(found(alipay, "CNY"), "null CNY")
    assert.strictEqual(found(alipay, "USD"), "null null")
  })

  it("stays exact at the largest amount", () => {
    const plan = decodePlan(planned([{ ...fallback, tiers: [{ from: 0, basisPoints: "5000" }] }], { rounding: "down" }))
    assert.strictEqual(Number(feeOf(plan, stripe, cny(Number.MAX_SAFE_INTEGER), 0).fee), 4_503_599_627_370_495)
  })

  it.prop(
    "is what an independent count says, unit by unit",
    {
      amount: small(3000),
      volume: small(3000),
      first: small(50_000_000),
      second: small(50_000_000),
      from: small(5000),
      fixed: small(50),
      minimum: Schema.NullOr(small(60)),
      above: Schema.NullOr(small(200)),
      rounding: Rounding,
      tierMode: TierMode
    },
    ({ above, amount, first, fixed, from, minimum, rounding, second, tierMode, volume }) => {
      const rate = decodeRate({
        ...{ channel: "stripe", currency: "CNY", fixed, minimum },
        maximum: above === null ? null : (minimum ?? 0) + above,
        tiers: [
          { from: 0, basisPoints: points(first) },
          { from: from + 1, basisPoints: points(second) }
        ]
      })
      const plan = decodePlan(planned([rate, fallback], { rounding, tierMode }))
      return Number(feeOf(plan, stripe, cny(amount), volume).fee) === oracle(plan, rate, amount, volume)
    }
  )

  it.prop(
    "gives back in any number of parts what it gives back at once, and never more",
    { parts: Schema.NonEmptyArray(small(1000).check(Schema.isGreaterThan(0))), returnable: small(5000) },
    ({ parts, returnable }) => {
      const captured = parts.reduce((sum, part) => sum + part, 0)
      let refunded = 0
      let given = 0
      for (const part of parts) {
        const before = returnedBy(returnable, captured, refunded)
        refunded += part
        const now = returnedBy(returnable, captured, refunded) - before
        if (now < 0) return false
        given += now
        if (given * captured > returnable * refunded) return false
      }
      return given === returnable
    }
  )

  it("keeps the parts that the plan does not give back", () => {
    const rate = { ...fallback, currency: "CNY", fixed: 30 }
    const returnable = (returns: object) =>
      Number(feeOf(decodePlan(planned([rate, fallback], { returns })), stripe, cny(10_000), 0).returnable)
    assert.strictEqual(returnable({ percent: true, fixed: true }), 130)
    assert.strictEqual(returnable({ percent: true, fixed: false }), 100)
    assert.strictEqual(returnable({ percent: false, fixed: true }), 30)
    assert.strictEqual(returnable({ percent: false, fixed: false }), 0)
  })
})

describe("a fee plan", () => {
  it("says what everything else costs, once, and names the currency of its amounts", () => {
    assert.isTrue(isPlan(planned([fallback])))
    assert.isFalse(isPlan(planned([{ ...fallback, channel: "stripe" }])))
    assert.isFalse(isPlan(planned([fallback, fallback])))
    assert.isFalse(isPlan(planned([{ ...fallback, fixed: 1 }])))
    assert.isFalse(isPlan(planned([{ ...fallback, tiers: [{ from: 5, basisPoints: "1" }] }])))
    assert.isFalse(isPlan(planned([fallback, { ...fallback, currency: "CNY", minimum: 2, maximum: 1 }])))
    assert.isFalse(isPlan(planned([fallback], { timeZone: "Mars/Olympus" })))
    for (const basisPoints of ["5000.1", "-1", "1e3", "01", "1.23456", ""]) {
      assert.isFalse(isPlan(planned([{ ...fallback, tiers: [{ from: 0, basisPoints }] }])), basisPoints)
    }
  })

  it("is in force from its time on, the newer one where two began together", () => {
    const at = (text: string) => new Date(text)
    const versions = [
      { version: 1, effectiveFrom: at("2026-01-01T00:00:00Z") },
      { version: 2, effectiveFrom: at("2026-06-01T00:00:00Z") },
      { version: 3, effectiveFrom: at("2026-06-01T00:00:00Z") }
    ]
    assert.isUndefined(inForce(versions, at("2025-12-31T23:59:59.999Z")))
    assert.strictEqual(inForce(versions, at("2026-05-31T23:59:59.999Z"))?.version, 1)
    assert.strictEqual(inForce(versions, at("2026-06-01T00:00:00Z"))?.version, 3)
  })

  it("counts days and months by the merchant's clock", () => {
    const at = new Date("2026-11-30T16:00:00Z")
    assert.deepStrictEqual(calendarOf(at, "UTC"), { day: "2026-11-30", month: "2026-11" })
    assert.deepStrictEqual(calendarOf(at, "Asia/Shanghai"), { day: "2026-12-01", month: "2026-12" })
  })
})
