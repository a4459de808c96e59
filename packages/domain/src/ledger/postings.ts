import type { Currency } from "../kernel/Currency.ts"
import type { Money } from "../kernel/Money.ts"
import type { MerchantId } from "../merchants/Merchant.ts"
import { accountCode } from "./Account.ts"
import type { AccountCode, AccountKind } from "./Account.ts"
import { PositiveAmount } from "./Transfer.ts"
import type { Leg } from "./Transfer.ts"

/** Where money came in. `isDirect`: straight into the merchant's own account at the channel, so the platform never holds it. */
export interface Way {
  readonly merchantId: MerchantId | null
  readonly channel: string
  readonly isDirect: boolean
}

const legsOf = (from: AccountCode, to: AccountCode, amount: number): ReadonlyArray<Leg> => [
  { account: from, side: "debit", amount: PositiveAmount.make(amount) },
  { account: to, side: "credit", amount: PositiveAmount.make(amount) }
]

const clearingOf = ({ channel, isDirect, merchantId }: Way, currency: Currency) =>
  accountCode({ owner: isDirect ? merchantId : null, kind: "clearing", detail: channel, currency })

const own = (owner: MerchantId | null, kind: AccountKind, currency: Currency) =>
  accountCode({ owner, kind, detail: null, currency })

/** What the platform owes the merchant; nothing where the merchant has the money already. */
const merchantOf = ({ isDirect, merchantId }: Way, currency: Currency) =>
  own(merchantId, isDirect ? "direct" : "payable", currency)

/** The channel holds the buyer's money: it is the merchant's. */
export const capture = (way: Way, { amount, currency }: Money) =>
  legsOf(clearingOf(way, currency), merchantOf(way, currency), amount)

/** The buyer's money went back. */
export const refund = (way: Way, { amount, currency }: Money) =>
  legsOf(merchantOf(way, currency), clearingOf(way, currency), amount)

/** The channel took money that nobody owed: it is the buyer's. */
export const surplusCapture = (way: Way, { amount, currency }: Money) =>
  legsOf(clearingOf(way, currency), own(way.merchantId, "refunds", currency), amount)

export const surplusRefund = (way: Way, { amount, currency }: Money) =>
  legsOf(own(way.merchantId, "refunds", currency), clearingOf(way, currency), amount)

/**
 * What the merchant pays for a capture. Also where the money went straight to them: the platform holds none of it, so they owe the
 * fee, and `payable` may stand below zero until a settlement takes it from what else is theirs.
 */
export const fee = (merchantId: MerchantId, { amount, currency }: Money) =>
  legsOf(own(merchantId, "payable", currency), own(null, "fees", currency), amount)

/** A part of the fee, or all of it, went back with the buyer's money. */
export const feeReturn = (merchantId: MerchantId, { amount, currency }: Money) =>
  legsOf(own(null, "fees", currency), own(merchantId, "payable", currency), amount)

/** What the channel has taken because of a dispute so far, and whether it is lost. */
export interface DisputeStand {
  readonly way: Way
  readonly isLost: boolean
  readonly withdrawn: Money | null
  readonly fees: Money | null
}

/** How the accounts stand because of a dispute, debits above zero. What is withdrawn is disputed until it is lost. */
const standing = ({ fees, isLost, way, withdrawn }: DisputeStand) => {
  const sums = new Map<AccountCode, number>()
  const add = (account: AccountCode, amount: number) => sums.set(account, (sums.get(account) ?? 0) + amount)
  const take = (account: AccountCode, { amount, currency }: Money) => {
    add(account, amount)
    add(clearingOf(way, currency), -amount)
  }
  if (withdrawn !== null) {
    const { currency } = withdrawn
    take(isLost ? merchantOf(way, currency) : own(way.merchantId, "disputes", currency), withdrawn)
  }
  if (fees !== null) take(own(way.merchantId, "dispute_fees", fees.currency), fees)
  return sums
}

/** From how a dispute stood to how it stands, in whatever way it came there; nothing where no money is concerned. */
export const dispute = (from: DisputeStand | undefined, to: DisputeStand): ReadonlyArray<Leg> => {
  const before = from === undefined ? new Map<AccountCode, number>() : standing(from)
  const after = standing(to)
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((account): ReadonlyArray<Leg> => {
    const change = (after.get(account) ?? 0) - (before.get(account) ?? 0)
    if (change === 0) return []
    return [{ account, side: change > 0 ? "debit" : "credit", amount: PositiveAmount.make(Math.abs(change)) }]
  })
}

/** What is owed becomes ready to be paid out. */
export const settlement = (merchantId: MerchantId, { amount, currency }: Money) =>
  legsOf(own(merchantId, "payable", currency), own(merchantId, "settlement", currency), amount)

/** A part of what is owed is held back. */
export const reserve = (merchantId: MerchantId, { amount, currency }: Money) =>
  legsOf(own(merchantId, "payable", currency), own(merchantId, "reserves", currency), amount)

/** What was held back becomes ready to be paid out. */
export const reserveRelease = (merchantId: MerchantId, { amount, currency }: Money) =>
  legsOf(own(merchantId, "reserves", currency), own(merchantId, "settlement", currency), amount)

/** The same, back. */
export const reversed = (legs: ReadonlyArray<Leg>): ReadonlyArray<Leg> =>
  legs.map(({ side, ...leg }) => ({ ...leg, side: side === "debit" ? "credit" : "debit" }))
