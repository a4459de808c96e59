import type { Locale } from "@mall/domain/identity/User"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Mailer } from "@mall/platform/mail/Mailer"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Effect, Option } from "effect"
import { openParticulars } from "../onboarding/ApplicationRecord.ts"
import { ApplicationRepo } from "../onboarding/ApplicationRepo.ts"

export interface Letter {
  readonly subject: string
  readonly text: string
}

interface MerchantMail extends Letter {
  /** The same for every attempt at it. */
  readonly id: string
}

/** For whom nobody knows which language they read. */
export const inBoth = ({ en, zh }: Readonly<Record<Locale, Letter>>): Letter => ({
  subject: `${zh.subject} / ${en.subject}`,
  text: `${zh.text}\n\n${en.text}`
})

/** The address of the contact that was last approved, which no login alone changes. None of who never was. */
export const contactOf = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const repo = yield* ApplicationRepo
  const application = yield* repo.lastApproved(merchantId)
  if (Option.isNone(application)) return Option.none<string>()
  const particulars = yield* openParticulars(yield* PersonalDataKeys, application.value)
  return Option.fromNullishOr(particulars?.contact?.email)
})

export const sendMail = Effect.fnUntraced(function* (to: string, mail: MerchantMail) {
  const mailer = yield* Mailer
  yield* mailer.send({ ...mail, to }).pipe(
    // to try again would change nothing
    Effect.catchTag("MailRefused", (error) => Effect.logWarning("A mail was refused", { mailId: mail.id }, error))
  )
})

/** Writes to a merchant at that contact. */
export const writeToMerchant = Effect.fnUntraced(function* (merchantId: MerchantId, mail: MerchantMail) {
  const contact = yield* contactOf(merchantId)
  if (Option.isSome(contact)) yield* sendMail(contact.value, mail)
})
