import { Schema } from "effect"
import { UserId } from "../identity/CurrentUser.ts"
import * as Topic from "../kernel/Topic.ts"
import { payoutAccountNews } from "../treasury/PayoutTopics.ts"
import { SettlementSettled } from "../treasury/Settlement.ts"
import { MerchantId } from "./Merchant.ts"
import { KycStatus } from "./MerchantProfile.ts"

/** What is known of a merchant is about to expire, or has. Once for each such day of the merchant. */
export const merchantKycDue = Topic.make("merchant_kyc_due", {
  schema: Schema.Struct({ merchantId: MerchantId, kycStatus: KycStatus, verifiedUntil: Schema.Date }),
  subscribers: ["merchants"],
  id: ({ kycStatus, merchantId, verifiedUntil }) => `${merchantId}-${kycStatus}-${verifiedUntil.getTime()}`
})

/**
 * A mail to one person about a merchant's money, so that what one mailbox refuses is not sent to the others again. `userId` is of
 * the staff; null is the contact that was last approved. Addresses are looked up when it is sent: none is in a message.
 */
export const merchantMoneyMail = Topic.make("merchant_money_mail", {
  schema: Schema.Struct({
    userId: Schema.NullOr(UserId),
    about: Schema.Union([
      Schema.TaggedStruct("PayoutAccount", { news: payoutAccountNews.schema }),
      Schema.TaggedStruct("Settlement", { news: SettlementSettled.schema })
    ])
  }),
  subscribers: ["merchants"],
  id: ({ about, userId }) =>
    `${about._tag === "PayoutAccount" ? payoutAccountNews.id(about.news) : SettlementSettled.id(about.news)}-${userId ?? "contact"}`
})
export type MerchantMoneyMail = (typeof merchantMoneyMail.schema)["Type"]
