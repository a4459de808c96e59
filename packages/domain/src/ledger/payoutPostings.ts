import type { Currency } from "../kernel/Currency.ts"
import type { Money } from "../kernel/Money.ts"
import type { MerchantId } from "../merchants/Merchant.ts"
import { accountCode } from "./Account.ts"
import type { AccountCode } from "./Account.ts"
import { PositiveAmount } from "./Transfer.ts"
import type { Leg } from "./Transfer.ts"

/** Whose settled money goes to which bank. */
interface PayoutWay {
  readonly merchantId: MerchantId
  /** The platform's own bank, by whose account the books know it. */
  readonly bank: string
}

const settled = (owner: MerchantId, currency: Currency) =>
  accountCode({ owner, kind: "settlement", detail: null, currency })

const atBank = (bank: string, currency: Currency) => accountCode({ owner: null, kind: "bank", detail: bank, currency })

const between = (debit: AccountCode, credit: AccountCode, amount: number): ReadonlyArray<Leg> => [
  { account: debit, side: "debit", amount: PositiveAmount.make(amount) },
  { account: credit, side: "credit", amount: PositiveAmount.make(amount) }
]

/** Settled money leaves the platform's bank account for the merchant's. */
export const payout = ({ bank, merchantId }: PayoutWay, { amount, currency }: Money) =>
  between(settled(merchantId, currency), atBank(bank, currency), amount)

/** The merchant's bank sent it back. */
export const payoutReturn = ({ bank, merchantId }: PayoutWay, { amount, currency }: Money) =>
  between(atBank(bank, currency), settled(merchantId, currency), amount)
