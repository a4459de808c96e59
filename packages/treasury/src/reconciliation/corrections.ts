import type { AccountCode } from "@mall/domain/ledger/Account"
import { accountCode, chart, parseAccountCode } from "@mall/domain/ledger/Account"
import { PositiveAmount } from "@mall/domain/ledger/Transfer"
import type { Leg } from "@mall/domain/ledger/Transfer"
import type { Difference } from "@mall/domain/treasury/Difference"

/**
 * The legs that bring the platform's clearing account to what the channel says it holds, against the account of adjustments,
 * from where whoever it belongs to is given it later. Null where no money differs, or nobody can say how much.
 */
export const proposalOf = ({ billCurrency, channel, excess, ourCurrency }: Difference): ReadonlyArray<Leg> | null => {
  const currency = billCurrency ?? ourCurrency
  if (excess === null || excess === 0 || currency === null) return null
  const clearing = accountCode({ owner: null, kind: "clearing", detail: channel, currency })
  const adjustments = accountCode({ owner: null, kind: "adjustments", detail: null, currency })
  const amount = PositiveAmount.make(Math.abs(excess))
  return [
    { account: clearing, side: excess > 0 ? "debit" : "credit", amount },
    { account: adjustments, side: excess > 0 ? "credit" : "debit", amount }
  ]
}

/** Why the ledger would not take the legs; undefined where it does. */
export const faultOf = (legs: ReadonlyArray<Leg>): string | undefined => {
  const seen = new Set<AccountCode>()
  const sums = new Map<string, bigint>()
  for (const { account, amount, side } of legs) {
    if (seen.has(account)) return `${account} comes twice`
    seen.add(account)
    const { currency, kind } = parseAccountCode(account)
    // what is posted as a fact is not refused for an overdraft, so it must not be able to make one
    if (chart[kind].isGuarded) return `${account} holds what is somebody's, and is not corrected so`
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(side === "debit" ? amount : -amount))
  }
  const uneven = [...sums].find(([, sum]) => sum !== 0n)
  return uneven === undefined ? undefined : `debits and credits of ${uneven[0]} differ by ${uneven[1]}`
}
