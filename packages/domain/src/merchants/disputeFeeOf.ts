import type { FeePlan } from "./FeePlan.ts"
import type { DisputeCase } from "./FeeSchedule.ts"

/**
 * What a merchant has paid for a dispute that stands like this, of which `kept` is paid so far. What was lost and is appealed is neither
 * paid anew nor given back until it is decided.
 */
export const disputeFeeOf = (
  { disputes }: FeePlan,
  { currency, stand }: Pick<DisputeCase, "currency" | "stand">,
  kept: number
): number => {
  if (disputes === undefined || disputes.bearer === "platform" || stand === "none") return 0
  const amount = disputes.amounts.find((each) => each.currency === currency)?.amount ?? 0
  if (stand === "lost") return amount
  if (stand === "won" && disputes.returnedWhenWon) return 0
  return disputes.charged === "opened" ? amount : kept
}
