import { BigDecimal } from "effect"

/** Whether a rate is more than so many percent of the former one away from it. */
export const isOutlier = (former: string, rate: string, percent: number) => {
  const [before, after] = [BigDecimal.fromStringUnsafe(former), BigDecimal.fromStringUnsafe(rate)]
  const distance = BigDecimal.abs(BigDecimal.subtract(after, before))
  const [times, bound] = [BigDecimal.fromBigInt(100n), BigDecimal.fromBigInt(BigInt(percent))]
  return BigDecimal.isGreaterThan(BigDecimal.multiply(distance, times), BigDecimal.multiply(before, bound))
}
