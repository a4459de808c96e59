import type { KycStatus } from "@mall/domain/merchants/MerchantProfile"
import { merchantKycDue } from "@mall/domain/merchants/MerchantTopics"
import * as Subscription from "@mall/platform/Subscription"
import { writeToMerchant } from "./merchantMail.ts"

const textOf = (status: KycStatus, day: string) =>
  status === "expired"
    ? {
        subject: "认证已过期 / Your verification has expired",
        text: `认证已于 ${day} 过期，请重新提交资料。\n\nIt expired on ${day}. Please ask for a new check and add your documents.`
      }
    : {
        subject: "认证即将过期 / Your verification expires soon",
        text: `认证将于 ${day} 过期，请及时更新资料。\n\nIt expires on ${day}. Please ask for a new check and add your documents.`
      }

/** Writes to a merchant whose check expires. The id of the mail is the message's own. */
export const subscription = Subscription.layer({
  topic: merchantKycDue,
  subscriber: "merchants",
  handler: (message) => {
    const { kycStatus, merchantId, verifiedUntil } = message
    const text = textOf(kycStatus, verifiedUntil.toISOString().slice(0, 10))
    return writeToMerchant(merchantId, { id: merchantKycDue.id(message), ...text })
  }
})
