import { accountDeleted } from "@mall/domain/identity/IdentityTopics"
import { Mailer } from "@mall/platform/mail/Mailer"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import * as Subscription from "@mall/platform/Subscription"
import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import { Documents } from "./kyc/Documents.ts"
import { ApplicantErasure } from "./onboarding/ApplicantErasure.ts"
import { KycExpiry } from "./standing/KycExpiry.ts"
import * as KycMails from "./standing/KycMails.ts"
import * as MoneyMails from "./standing/MoneyMails.ts"

/** What merchants do by themselves on a schedule; an operator may run each by its name. */
export const sweeps = Layer.unwrap(
  Effect.gen(function* () {
    const documents = yield* Documents
    const expiry = yield* KycExpiry
    return Layer.mergeAll(
      Sweep.layer({ name: "merchant_kyc", every: "1 hour", batch: expiry.sweep }),
      Sweep.layer({ name: "merchant_documents_scan", every: "1 minute", limit: 50, batch: documents.scan }),
      Sweep.layer({ name: "merchant_documents_clear", every: "10 minutes", limit: 100, batch: documents.clear })
    )
  })
)

/** What merchants do when they are told something. Needs the services of `MerchantServices`, and the store of circuit breakers. */
export const subscriptions = Layer.mergeAll(
  Layer.mergeAll(KycMails.subscription, MoneyMails.subscriptions).pipe(
    Layer.provide([Mailer.layer, PersonalDataKeys.layer])
  ),
  Subscription.layer({
    topic: accountDeleted,
    subscriber: "merchants",
    handler: ({ userId }) => ApplicantErasure.use((erasure) => erasure.erase(userId))
  })
)
