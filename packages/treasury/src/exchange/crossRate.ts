import type { Currency } from "@mall/domain/kernel/Currency"
import type { FxRateId } from "@mall/domain/treasury/FxRate"
import { inverse, one, quotient, ratioOf } from "./convert.ts"
import type { Ratio } from "./convert.ts"

/** The newest rate of its source and pair, whose `isStale` says whether it is too old. */
export interface KnownRate {
  readonly id: FxRateId
  readonly source: "ecb" | "manual"
  readonly base: Currency
  readonly quote: Currency
  readonly rate: string
  readonly validFrom: Date
  readonly isStale: boolean
}

/** What one major unit costs, by which rates, and of when the older of them is. */
export interface CrossRate {
  readonly ratio: Ratio
  readonly rateIds: ReadonlyArray<FxRateId>
  readonly validFrom: Date
  readonly isStale: boolean
}

const byHand = (known: ReadonlyArray<KnownRate>, from: Currency, to: Currency): CrossRate | undefined => {
  const [newest] = known
    .filter(
      ({ base, quote, source }) =>
        source === "manual" && ((base === from && quote === to) || (base === to && quote === from))
    )
    .toSorted((a, b) => b.validFrom.getTime() - a.validFrom.getTime())
  if (newest === undefined) return undefined
  const { base, id, isStale, rate, validFrom } = newest
  const ratio = ratioOf(rate)
  return { ratio: base === from ? ratio : inverse(ratio), rateIds: [id], validFrom, isStale }
}

/** From one currency to another over the euro, exactly. */
const overEuro = (known: ReadonlyArray<KnownRate>, from: Currency, to: Currency): CrossRate | undefined => {
  const published = new Map(
    known.flatMap((rate) => (rate.source === "ecb" && rate.base === "EUR" ? [[rate.quote, rate] as const] : []))
  )
  const [a, b] = [published.get(from), published.get(to)]
  if ((a === undefined && from !== "EUR") || (b === undefined && to !== "EUR")) return undefined
  const used = [a, b].filter((rate) => rate !== undefined)
  return {
    ratio: quotient(b === undefined ? one : ratioOf(b.rate), a === undefined ? one : ratioOf(a.rate)),
    rateIds: used.map(({ id }) => id),
    validFrom: new Date(Math.min(...used.map(({ validFrom }) => validFrom.getTime()))),
    isStale: used.some(({ isStale }) => isStale)
  }
}

/** A rate by hand goes before published ones, unless it is too old. Undefined where nobody knows a rate. */
export const crossRate = (known: ReadonlyArray<KnownRate>, from: Currency, to: Currency): CrossRate | undefined => {
  const manual = byHand(known, from, to)
  if (manual !== undefined && !manual.isStale) return manual
  return overEuro(known, from, to) ?? manual
}
