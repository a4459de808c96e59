import type { AccountCode, AccountKind } from "@mall/domain/ledger/Account"
import { accountCode, chart, parseAccountCode } from "@mall/domain/ledger/Account"
import { PositiveAmount } from "@mall/domain/ledger/Transfer"
import type { Leg } from "@mall/domain/ledger/Transfer"
import type { Correction, Difference } from "@mall/domain/treasury/Difference"

/** What stands in the books of money that a merchant has in an account of their own. */
const ownKinds: ReadonlySet<AccountKind> = new Set(["clearing", "direct"])

/**
 * The legs that bring a clearing account to what the channel says it holds. Of the platform's account it stands against the
 * account of adjustments, from where whoever it belongs to is given it later. Of a merchant's own account the platform never had
 * the money: the legs tell of it only, as its captures do. Null where no money differs beyond what was corrected already, or nobody
 * can say how much.
 */
export const proposalOf = (
  difference: Difference,
  corrections: ReadonlyArray<Correction>
): ReadonlyArray<Leg> | null => {
  const { billCurrency, channel, merchantId, ourCurrency } = difference
  const currency = billCurrency ?? ourCurrency
  if (difference.excess === null || currency === null) return null
  const clearing = accountCode({ owner: merchantId, kind: "clearing", detail: channel, currency })
  // a difference that begins anew may have been corrected as it was before
  const corrected = corrections
    .flatMap(({ legs, status }) => (status === "approved" ? legs : []))
    .filter(({ account }) => account === clearing)
    .reduce((sum, { amount, side }) => sum + (side === "debit" ? amount : -amount), 0)
  const excess = difference.excess - corrected
  if (excess === 0) return null
  const kind = merchantId === null ? "adjustments" : "direct"
  const against = accountCode({ owner: merchantId, kind, detail: null, currency })
  const amount = PositiveAmount.make(Math.abs(excess))
  return [
    { account: clearing, side: excess > 0 ? "debit" : "credit", amount },
    { account: against, side: excess > 0 ? "credit" : "debit", amount }
  ]
}

/** Why the ledger would not take the legs as a correction of the difference; undefined where it does. */
export const faultOf = ({ merchantId }: Difference, legs: ReadonlyArray<Leg>): string | undefined => {
  const seen = new Set<AccountCode>()
  const sums = new Map<string, bigint>()
  for (const { account, amount, side } of legs) {
    if (seen.has(account)) return `${account} comes twice`
    seen.add(account)
    const { currency, kind, owner } = parseAccountCode(account)
    // what is posted as a fact is not refused for an overdraft, so it must not be able to make one
    if (chart[kind].isGuarded) return `${account} holds what is somebody's, and is not corrected so`
    if (merchantId !== null && (owner !== merchantId || !ownKinds.has(kind))) {
      return `${account} has nothing to do with money in the merchant's own account`
    }
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(side === "debit" ? amount : -amount))
  }
  const uneven = [...sums].find(([, sum]) => sum !== 0n)
  return uneven === undefined ? undefined : `debits and credits of ${uneven[0]} differ by ${uneven[1]}`
}
