import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import * as Topic from "../kernel/Topic.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { PayoutAccountId } from "./PayoutAccount.ts"

/** What the merchant has to hear of their account at a bank, in case it was somebody else who added it. */
export const payoutAccountNews = Topic.make("payout_account_news", {
  schema: Schema.Struct({
    accountId: PayoutAccountId,
    merchantId: MerchantId,
    currency: Currency,
    maskedNumber: Schema.String,
    what: Schema.Literals(["added", "usable"])
  }),
  subscribers: ["merchants"],
  id: ({ accountId, what }) => `${accountId}-${what}`
})

/** The time in which a verified account is not paid to is over; the account may have ended before. */
export const payoutAccountCooledOff = Topic.make("payout_account_cooled_off", {
  schema: Schema.Struct({ accountId: PayoutAccountId }),
  subscribers: ["treasury"],
  id: ({ accountId }) => accountId
})
