import { UserId } from "@mall/domain/identity/CurrentUser"
import { LocalizedText } from "@mall/domain/kernel/LocalizedText"
import { maskEmail, maskName, maskPhone } from "@mall/domain/kernel/mask"
import type { ApplicationChange } from "@mall/domain/merchants/Application"
import {
  ApplicationId,
  ApplicationPurpose,
  ApplicationStatus,
  MerchantApplication,
  MerchantContact,
  MerchantKind,
  Recommendation
} from "@mall/domain/merchants/Application"
import { KycLevel } from "@mall/domain/merchants/kyc"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { openRow, sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"
import { Effect, Schema } from "effect"

/** Applications were never in the clear. */
export const sealedApplications: PersonalDataTable = { name: "merchants.applications" }

/** Who applied, as it is sealed. The contact goes with the account, the rest once nobody has to keep it. */
const Particulars = Schema.Struct({
  legalName: Schema.String,
  registrationNumber: Schema.String,
  contact: Schema.NullOr(MerchantContact)
})
export type Particulars = typeof Particulars.Type

/** A row as it is stored. */
export const ApplicationRow = Schema.Struct({
  id: ApplicationId,
  applicantId: UserId,
  merchantId: Schema.NullOr(MerchantId),
  purpose: ApplicationPurpose,
  status: ApplicationStatus,
  kind: MerchantKind,
  level: KycLevel,
  country: Schema.String,
  code: Schema.String,
  shopName: LocalizedText,
  ...sealedFields,
  recommendation: Schema.NullOr(Recommendation),
  recommendedBy: Schema.NullOr(Schema.String),
  decidedBy: Schema.NullOr(Schema.String),
  createdAt: Schema.Date,
  updatedAt: Schema.Date
})
export type ApplicationRow = typeof ApplicationRow.Type

const Text = Schema.fromJsonString(Particulars)
const encodeText = Schema.encodeSync(Text)
const decodeText = Schema.decodeEffect(Text)

export const sealParticulars = (
  keys: PersonalDataKeys["Service"],
  id: ApplicationId,
  { contact, legalName, registrationNumber }: Particulars
) => sealRow(keys, sealedApplications, id, encodeText({ legalName, registrationNumber, contact }))

/** Null where the applicant was erased. What was sealed and cannot be read is a defect. */
export const openParticulars = Effect.fnUntraced(function* (keys: PersonalDataKeys["Service"], row: ApplicationRow) {
  const text = yield* openRow(keys, sealedApplications, row)
  if (text === null) return null
  return yield* Effect.catchTag(decodeText(text), "SchemaError", () =>
    Effect.die(new Error("What was sealed is no application"))
  )
})

const wholeOf = (row: ApplicationRow, particulars: Particulars | null) => {
  const { personalData: _, personalDataKey: __, ...fields } = row
  return new MerchantApplication({
    ...fields,
    legalName: particulars?.legalName ?? null,
    registrationNumber: particulars?.registrationNumber ?? null,
    contact: particulars?.contact ?? null
  })
}

/** As the applicant sees it: their own data, and nothing of who reviews. */
export const forApplicant = (keys: PersonalDataKeys["Service"]) => (row: ApplicationRow) =>
  Effect.map(
    openParticulars(keys, row),
    (particulars) =>
      new MerchantApplication({
        ...wholeOf(row, particulars),
        recommendation: null,
        recommendedBy: null,
        decidedBy: null
      })
  )

/** As a reviewer sees it, who compares names and numbers with the documents and has no need to call. */
export const forReviewer = (keys: PersonalDataKeys["Service"]) => (row: ApplicationRow) =>
  Effect.map(openParticulars(keys, row), (particulars) => {
    const whole = wholeOf(row, particulars)
    if (whole.contact === null) return whole
    const { email, name, phone } = whole.contact
    return new MerchantApplication({
      ...whole,
      contact: { name: maskName(name), email: maskEmail(email), phone: maskPhone(phone) }
    })
  })

/** What the applicant reads of the history: what a reviewer told the other is not for them. */
export const historyForApplicant = (applicantId: UserId, history: ReadonlyArray<ApplicationChange>) =>
  history.map((change): ApplicationChange => {
    if (change.actor === `user:${applicantId}`) return change
    return { ...change, actor: "reviewer", reason: change.toStatus === "in_review" ? "" : change.reason }
  })

/** What the audit trail keeps of an application: nothing of the person. */
export const auditedApplication = ({ level, merchantId, recommendation, status }: ApplicationRow) => ({
  status,
  level,
  recommendation,
  merchantId
})
