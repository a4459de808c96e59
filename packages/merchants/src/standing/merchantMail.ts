import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Mailer } from "@mall/platform/mail/Mailer"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Effect, Option } from "effect"
import { openParticulars } from "../onboarding/ApplicationRecord.ts"
import { ApplicationRepo } from "../onboarding/ApplicationRepo.ts"

interface MerchantMail {
  /** The same for every attempt at it. */
  readonly id: string
  readonly subject: string
  readonly text: string
}

/** Writes to a merchant at the contact that was last approved, which no login alone changes. Who never was is not written to. */
export const writeToMerchant = Effect.fnUntraced(function* (merchantId: MerchantId, mail: MerchantMail) {
  const mailer = yield* Mailer
  const repo = yield* ApplicationRepo
  const application = yield* repo.lastApproved(merchantId)
  if (Option.isNone(application)) return
  const contact = (yield* openParticulars(yield* PersonalDataKeys, application.value))?.contact ?? null
  if (contact === null) return
  yield* mailer.send({ ...mail, to: contact.email }).pipe(
    // to try again would change nothing
    Effect.catchTag("MailRefused", (error) => Effect.logWarning("A mail was refused", { mailId: mail.id }, error))
  )
})
