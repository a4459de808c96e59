import { allocate } from "@mall/domain/kernel/allocate"
import { MinorUnits } from "@mall/domain/kernel/Money"
import type { SettlementLine } from "@mall/domain/treasury/Settlement"
import type { SettlementTerms } from "@mall/domain/treasury/SettlementTerms"
import type { Statement } from "./SettlementRepo.ts"

const dayMillis = 86_400_000
const wholeBasisPoints = 10_000

/** What the settlements before had to carry, and what was captured in them, in minor units. */
export interface CarriedIn {
  readonly sum: number
  readonly captured: number
}

/**
 * Less than nothing, and less than the minimum, is carried whole. The reserve is a part of what was captured, in what is carried in
 * too, at most all there is.
 */
export const statementOf = (
  lines: ReadonlyArray<SettlementLine>,
  { captured: capturedBefore, sum: carriedIn }: CarriedIn,
  { minimum, reserveBasisPoints, reserveDays }: SettlementTerms,
  cutOff: Date
): Statement => {
  const net = MinorUnits.make(lines.reduce((sum, { added, taken }) => sum + added - taken, carriedIn))
  const nothing = { reserve: 0, settled: 0, carriedOut: net, reserveReleaseAt: null }
  if (net <= 0 || net < minimum) return { lines, carriedIn, net, ...nothing }
  const captured = capturedBefore + (lines.find(({ purpose }) => purpose === "capture")?.added ?? 0)
  const [share = 0] = allocate(MinorUnits.make(captured), [reserveBasisPoints, wholeBasisPoints - reserveBasisPoints])
  const reserve = Math.min(net, share)
  const releaseAt = new Date(cutOff.getTime() + reserveDays * dayMillis)
  return {
    ...{ lines, carriedIn, net, reserve, settled: net - reserve, carriedOut: 0 },
    reserveReleaseAt: reserve > 0 ? releaseAt : null
  }
}
