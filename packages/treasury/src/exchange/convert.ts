import type { Currency } from "@mall/domain/kernel/Currency"
import { minorUnitDigits } from "@mall/domain/kernel/Currency"
import type { FxSide } from "@mall/domain/treasury/FxQuote"
import { BigDecimal } from "effect"

/** An exact ratio of whole numbers above zero. */
export interface Ratio {
  readonly numerator: bigint
  readonly denominator: bigint
}

const power = (digits: number) => 10n ** BigInt(digits)

export const one: Ratio = { numerator: 1n, denominator: 1n }

/** Of a decimal as `Rate` allows it. */
export const ratioOf = (rate: string): Ratio => {
  const { scale, value } = BigDecimal.fromStringUnsafe(rate)
  return { numerator: value, denominator: power(scale) }
}

export const inverse = ({ denominator, numerator }: Ratio): Ratio => ({
  numerator: denominator,
  denominator: numerator
})

/** `a / b`. */
export const quotient = (a: Ratio, b: Ratio): Ratio => ({
  numerator: a.numerator * b.denominator,
  denominator: a.denominator * b.numerator
})

/** For people: twelve digits after the first one that is not zero, at most fifteen decimals, half to even. */
export const decimalOf = ({ denominator, numerator }: Ratio) => {
  const leadingZeros = Math.max(0, String(denominator).length - String(numerator).length)
  const exact = BigDecimal.divideUnsafe(BigDecimal.fromBigInt(numerator), BigDecimal.fromBigInt(denominator))
  return BigDecimal.format(BigDecimal.round(exact, { scale: Math.min(12 + leadingZeros, 15), mode: "half-even" }))
}

/** The ratio of major units as one of minor units: a yen is one, a dollar a hundred, a dinar a thousand. */
const inMinorUnits = ({ denominator, numerator }: Ratio, from: Currency, to: Currency): Ratio => ({
  numerator: numerator * power(minorUnitDigits[to]),
  denominator: denominator * power(minorUnitDigits[from])
})

/** An amount of either sign at a rate, to the nearest minor unit, half to even. Beyond safe integers it is undefined. */
export const valueOf = (amount: number, rate: Ratio, from: Currency, to: Currency): number | undefined => {
  const { denominator, numerator } = inMinorUnits(rate, from, to)
  const exact = BigDecimal.divideUnsafe(
    BigDecimal.fromBigInt(BigInt(amount) * numerator),
    BigDecimal.fromBigInt(denominator)
  )
  const value = Number(BigDecimal.round(exact, { scale: 0, mode: "half-even" }).value)
  return Number.isSafeInteger(value) ? value : undefined
}

export interface Terms {
  readonly side: FxSide
  readonly amount: number
  readonly from: Currency
  readonly to: Currency
  /** Major units of `to` for one of `from`, before the spread. */
  readonly rate: Ratio
  readonly spreadBasisPoints: number
}

/** What comes of it, in minor units. */
export interface Converted {
  readonly sell: number
  readonly buy: number
  readonly fee: number
  readonly rounding: number
}

const whole = 10_000n

/**
 * What is sold and bought. The platform gives up what the amount sold is worth at the rate, cut off to a whole unit: never more than
 * came in. Of that the merchant gets the worth less the spread, cut off; the spread, cut off, is the fee; the unit that may be
 * left over belongs to nobody. Where the amount to buy is given, the least is sold that is worth it, and what that is worth
 * beyond is left over too. Undefined where one of the amounts is zero or not a safe integer.
 */
export const convert = ({ amount, from, rate, side, spreadBasisPoints, to }: Terms): Converted | undefined => {
  const { denominator, numerator } = inMinorUnits(rate, from, to)
  const kept = whole - BigInt(spreadBasisPoints)
  const given = BigInt(amount)
  // the smallest whole number that is not below the fraction
  const sell = side === "sell" ? given : (given * denominator * whole + numerator * kept - 1n) / (numerator * kept)
  const worth = (sell * numerator) / denominator
  const buy = side === "buy" ? given : (sell * numerator * kept) / (denominator * whole)
  const fee = (sell * numerator * (whole - kept)) / (denominator * whole)
  const converted = {
    sell: Number(sell),
    buy: Number(buy),
    fee: Number(fee),
    rounding: Number(worth - buy - fee)
  }
  return Number.isSafeInteger(converted.sell) && Number.isSafeInteger(Number(worth)) && sell > 0n && buy > 0n
    ? converted
    : undefined
}
