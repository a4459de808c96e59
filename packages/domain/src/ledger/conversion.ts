import type { Currency } from "../kernel/Currency.ts"
import type { Money } from "../kernel/Money.ts"
import type { MerchantId } from "../merchants/Merchant.ts"
import { accountCode } from "./Account.ts"
import type { AccountCode, AccountKind, Side } from "./Account.ts"
import { PositiveAmount } from "./Transfer.ts"
import type { Leg } from "./Transfer.ts"

/** What a merchant's money is exchanged for. The platform's share is in the currency that is bought, beside `buy`. */
export interface Exchanged {
  readonly merchantId: MerchantId
  readonly sell: Money
  readonly buy: Money
  readonly fee: number
  readonly rounding: number
}

const account = (owner: MerchantId | null, kind: AccountKind, currency: Currency) =>
  accountCode({ owner, kind, detail: null, currency })

/** What the platform has in a currency from exchanges: a debit balance has been given away beyond what was taken in. */
export const fxAccount = (currency: Currency) => account(null, "fx", currency)

/** Each currency balances in itself: the two accounts `fx` are where the exchange is. */
export const conversion = ({ buy, fee, merchantId, rounding, sell }: Exchanged): ReadonlyArray<Leg> => {
  const leg = (code: AccountCode, side: Side, amount: number): ReadonlyArray<Leg> =>
    amount === 0 ? [] : [{ account: code, side, amount: PositiveAmount.make(amount) }]
  return [
    ...leg(account(merchantId, "settlement", sell.currency), "debit", sell.amount),
    ...leg(fxAccount(sell.currency), "credit", sell.amount),
    ...leg(fxAccount(buy.currency), "debit", buy.amount + fee + rounding),
    ...leg(account(merchantId, "settlement", buy.currency), "credit", buy.amount),
    ...leg(account(null, "fees", buy.currency), "credit", fee),
    ...leg(account(null, "rounding", buy.currency), "credit", rounding)
  ]
}
