import { MinorUnits } from "../kernel/Money.ts"
import type { Money } from "../kernel/Money.ts"
import type { ChannelId } from "../payments/Payment.ts"
import type { ChargedFee, FeePlan, FeeRate, Rounding } from "./FeePlan.ts"

/** Ten-thousandths of a basis point in the whole: 10^4 basis points of 10^4 parts. */
const whole = 100_000_000n

const scaled = (basisPoints: string) => {
  const [units = "0", decimals = ""] = basisPoints.split(".")
  return BigInt(units + decimals.padEnd(4, "0"))
}

/** Of a fraction that is not negative. */
const rounded = (numerator: bigint, denominator: bigint, rounding: Rounding): bigint => {
  const quotient = numerator / denominator
  const rest = numerator % denominator
  const isUp = {
    down: false,
    up: rest > 0n,
    half_up: rest * 2n >= denominator,
    half_even: rest * 2n > denominator || (rest * 2n === denominator && quotient % 2n === 1n)
  }[rounding]
  return isUp ? quotient + 1n : quotient
}

/** The rate that says most of the payment: its channel and currency, its channel, its currency, any. */
export const rateOf = ({ rates }: FeePlan, channel: ChannelId, { currency }: Money): FeeRate => {
  const named = (wantedChannel: ChannelId | null, wantedCurrency: typeof currency | null) =>
    rates.find((rate) => rate.channel === wantedChannel && rate.currency === wantedCurrency)
  return named(channel, currency) ?? named(channel, null) ?? named(null, currency) ?? named(null, null) ?? rates[0]
}

/** The percentages of `amount` on top of `volume`, of which `whole` are one. */
const percentages = ({ tierMode }: FeePlan, { tiers }: FeeRate, amount: bigint, volume: bigint) => {
  if (tierMode === "whole") {
    const tier = tiers.findLast(({ from }) => BigInt(from) <= volume) ?? tiers[0]
    return amount * scaled(tier.basisPoints)
  }
  let sum = 0n
  for (const [index, tier] of tiers.entries()) {
    const next = tiers[index + 1]
    const from = BigInt(tier.from) > volume ? BigInt(tier.from) : volume
    const end = volume + amount
    const to = next === undefined || BigInt(next.from) > end ? end : BigInt(next.from)
    if (to > from) sum += (to - from) * scaled(tier.basisPoints)
  }
  return sum
}

const least = (a: bigint, b: bigint) => (a < b ? a : b)

/** What a capture costs on top of the month's `volume` of its currency so far. Pure, exact, rounded once. */
export const feeOf = (plan: FeePlan, channel: ChannelId, money: Money, volume: number): ChargedFee => {
  const rate = rateOf(plan, channel, money)
  const percent = rounded(percentages(plan, rate, BigInt(money.amount), BigInt(volume)), whole, plan.rounding)
  const fixed = BigInt(rate.fixed)
  const floor = BigInt(rate.minimum ?? 0)
  const raised = percent + fixed < floor ? floor : percent + fixed
  const fee = rate.maximum === null ? raised : least(raised, BigInt(rate.maximum))
  const fixedPart = least(fixed, fee)
  const returnable = (plan.returns.percent ? fee - fixedPart : 0n) + (plan.returns.fixed ? fixedPart : 0n)
  const units = (value: bigint) => MinorUnits.make(Number(value))
  return {
    rate,
    volume: MinorUnits.make(volume),
    percent: units(percent),
    fixed: rate.fixed,
    fee: units(fee),
    returnable: units(returnable)
  }
}

/**
 * How much of `returnable` has been given back once `refunded` of `captured` is: in proportion, part units kept until they are
 * whole. So any number of partial refunds gives back no more than one, and refunds of all of it give back all of it.
 */
export const returnedBy = (returnable: number, captured: number, refunded: number): number =>
  Number((BigInt(returnable) * BigInt(refunded)) / BigInt(captured))
