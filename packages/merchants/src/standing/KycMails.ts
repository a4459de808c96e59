import type { KycStatus } from "@mall/domain/merchants/MerchantProfile"
import { merchantKycDue } from "@mall/domain/merchants/MerchantTopics"
import { Mailer } from "@mall/platform/mail/Mailer"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import * as Subscription from "@mall/platform/Subscription"
import { Effect, Layer, Option } from "effect"
import { openParticulars } from "../onboarding/ApplicationRecord.ts"
import { ApplicationRepo } from "../onboarding/ApplicationRepo.ts"

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

/** Writes to a merchant whose check expires, at the contact that was last approved. The id of the mail is the message's own. */
const handler = Effect.fnUntraced(function* ({
  kycStatus,
  merchantId,
  verifiedUntil
}: (typeof merchantKycDue.schema)["Type"]) {
  const mailer = yield* Mailer
  const repo = yield* ApplicationRepo
  const application = yield* repo.lastApproved(merchantId)
  if (Option.isNone(application)) return
  const contact = (yield* openParticulars(yield* PersonalDataKeys, application.value))?.contact ?? null
  if (contact === null) return
  const id = merchantKycDue.id({ merchantId, kycStatus, verifiedUntil })
  const day = verifiedUntil.toISOString().slice(0, 10)
  yield* mailer.send({ id, to: contact.email, ...textOf(kycStatus, day) }).pipe(
    // to try again would change nothing
    Effect.catchTag("MailRefused", (error) => Effect.logWarning("A mail was refused", { mailId: id }, error))
  )
})

/** Needs `ApplicationRepo`, and the store of circuit breakers. */
export const subscription = Subscription.layer({ topic: merchantKycDue, subscriber: "merchants", handler }).pipe(
  Layer.provide([Mailer.layer, PersonalDataKeys.layer])
)
