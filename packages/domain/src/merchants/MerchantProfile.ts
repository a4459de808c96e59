import { Schema } from "effect"
import { LocalizedText } from "../kernel/LocalizedText.ts"
import { Page } from "../kernel/Page.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import { KycLevel } from "./kyc.ts"
import { MerchantId } from "./Merchant.ts"
import { Standing } from "./MerchantStanding.ts"

/** How what is known of a merchant stands. `unknown`: they were never checked. */
export const KycStatus = Schema.Literals(["unknown", "verified", "expiring", "expired"]).annotate({
  identifier: "KycStatus"
})
export type KycStatus = typeof KycStatus.Type

/** Time moves it on; a new check starts it over. */
export const kycLifecycle = StateMachine.make<KycStatus>({
  unknown: ["verified"],
  verified: ["verified", "expiring", "expired"],
  expiring: ["verified", "expired"],
  expired: ["verified"]
})

/** What a merchant's standing follows from. */
export const standingOf = (kyc: KycStatus, isSuspended: boolean): Standing =>
  isSuspended ? "suspended" : kyc === "expired" ? "restricted" : "active"

/** A merchant and how far they are known. `verifiedUntil` is when a document, or the check itself, expires. */
export const MerchantProfile = Schema.Struct({
  id: MerchantId,
  code: Schema.String,
  name: LocalizedText,
  standing: Standing,
  kycLevel: Schema.NullOr(KycLevel),
  kycStatus: KycStatus,
  verifiedUntil: Schema.NullOr(Schema.Date),
  suspendedAt: Schema.NullOr(Schema.Date),
  createdAt: Schema.Date
}).annotate({ identifier: "MerchantProfile" })
export type MerchantProfile = typeof MerchantProfile.Type

export const MerchantPage = Page(MerchantProfile)

export const MerchantChange = Schema.Struct({
  standing: Standing,
  kycStatus: KycStatus,
  kycLevel: Schema.NullOr(KycLevel),
  verifiedUntil: Schema.NullOr(Schema.Date),
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "MerchantChange" })
export type MerchantChange = typeof MerchantChange.Type

/** With what became of them, the oldest first. */
export const MerchantDetails = Schema.Struct({
  merchant: MerchantProfile,
  history: Schema.Array(MerchantChange)
}).annotate({ identifier: "MerchantDetails" })
export type MerchantDetails = typeof MerchantDetails.Type
