import { Schema } from "effect"
import * as Topic from "../kernel/Topic.ts"
import { MerchantId } from "./Merchant.ts"
import { KycStatus } from "./MerchantProfile.ts"

/** What is known of a merchant is about to expire, or has. Once for each such day of the merchant. */
export const merchantKycDue = Topic.make("merchant_kyc_due", {
  schema: Schema.Struct({ merchantId: MerchantId, kycStatus: KycStatus, verifiedUntil: Schema.Date }),
  subscribers: ["merchants"],
  id: ({ kycStatus, merchantId, verifiedUntil }) => `${merchantId}-${kycStatus}-${verifiedUntil.getTime()}`
})
