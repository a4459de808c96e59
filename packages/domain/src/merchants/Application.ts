import { Schema } from "effect"
import { BilingualText } from "../catalog/BilingualText.ts"
import { UserId } from "../identity/CurrentUser.ts"
import { Email } from "../identity/User.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import { Document } from "./Document.ts"
import { KycLevel } from "./kyc.ts"
import { MerchantId } from "./Merchant.ts"
import { registrationNumberFault } from "./registrationNumber.ts"

export const ApplicationId = Uuid7.pipe(
  Schema.brand("MerchantApplicationId"),
  Schema.annotate({ identifier: "MerchantApplicationId" })
)
export type ApplicationId = typeof ApplicationId.Type

export const MerchantKind = Schema.Literals(["individual", "company"]).annotate({ identifier: "MerchantKind" })

/** `onboarding` makes a merchant; `recheck` looks again at one that there is. */
export const ApplicationPurpose = Schema.Literals(["onboarding", "recheck"]).annotate({
  identifier: "MerchantApplicationPurpose"
})
export type ApplicationPurpose = typeof ApplicationPurpose.Type

export const ApplicationStatus = Schema.Literals([
  "draft",
  "submitted",
  "in_review",
  "approved",
  "rejected",
  "needs_changes"
]).annotate({ identifier: "MerchantApplicationStatus" })
export type ApplicationStatus = typeof ApplicationStatus.Type

/**
 * `in_review`: one reviewer has recommended what to do, and another decides. What its applicant left unfinished gets there only
 * to be rejected: it stands in the way of any other.
 */
export const applicationLifecycle = StateMachine.make<ApplicationStatus>({
  draft: ["submitted", "in_review"],
  submitted: ["in_review", "needs_changes"],
  in_review: ["approved", "rejected", "needs_changes"],
  needs_changes: ["submitted", "in_review"],
  approved: [],
  rejected: []
})

/** Whether the applicant may still change it. */
export const isEditable = (status: ApplicationStatus) => status === "draft" || status === "needs_changes"

/** Whom to ask. Personal data: never logged, and masked for who reviews. */
export const MerchantContact = Schema.Struct({
  name: NonBlankText(100),
  email: Email,
  phone: NonBlankText(32)
}).annotate({ identifier: "MerchantContact" })
export type MerchantContact = typeof MerchantContact.Type

/** Short and stable: it stands in imports, in addresses and on bills. */
export const MerchantCode = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9-]{2,39}$/, { message: "must be 3 to 40 small letters, digits and dashes" })
).annotate({ identifier: "MerchantCode" })

const identified = {
  legalName: NonBlankText(200),
  /** ISO 3166-1 alpha-2. */
  country: Schema.String.check(Schema.isPattern(/^[A-Z]{2}$/)),
  kind: MerchantKind,
  level: KycLevel,
  registrationNumber: Schema.String.check(Schema.isMaxLength(40)),
  contact: MerchantContact
}

interface Registered {
  readonly country: string
  readonly kind: typeof MerchantKind.Type
  readonly registrationNumber: string
}

const isRegistered = Schema.makeFilter(({ country, kind, registrationNumber }: Registered) => {
  const fault = registrationNumberFault(country, kind, registrationNumber)
  return fault === undefined || { path: ["registrationNumber"], issue: fault }
})

const ShopName = BilingualText(100)

/** What somebody says who wants to sell. */
export const NewApplication = Schema.Struct({ ...identified, shopName: ShopName, code: MerchantCode })
  .check(isRegistered)
  .annotate({ identifier: "NewMerchantApplication" })
export type NewApplication = typeof NewApplication.Type

/** What a merchant says who is to be looked at again. */
export const NewRecheck = Schema.Struct(identified).check(isRegistered).annotate({ identifier: "NewMerchantRecheck" })
export type NewRecheck = typeof NewRecheck.Type

/** What one reviewer thinks that another should decide. */
export const Recommendation = Schema.Literals(["approve", "reject"]).annotate({
  identifier: "MerchantApplicationRecommendation"
})
export type Recommendation = typeof Recommendation.Type

/** The names and numbers are null once the applicant is erased; the contact is masked for who reviews. */
export class MerchantApplication extends Schema.Class<MerchantApplication>("MerchantApplication")({
  id: ApplicationId,
  applicantId: UserId,
  merchantId: Schema.NullOr(MerchantId),
  purpose: ApplicationPurpose,
  status: ApplicationStatus,
  kind: MerchantKind,
  level: KycLevel,
  country: Schema.String,
  code: Schema.String,
  shopName: ShopName,
  legalName: Schema.NullOr(Schema.String),
  registrationNumber: Schema.NullOr(Schema.String),
  contact: Schema.NullOr(Schema.Struct({ name: Schema.String, email: Schema.String, phone: Schema.String })),
  recommendation: Schema.NullOr(Recommendation),
  recommendedBy: Schema.NullOr(Schema.String),
  decidedBy: Schema.NullOr(Schema.String),
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {}

export const ApplicationPage = Page(MerchantApplication)

export const ApplicationChange = Schema.Struct({
  fromStatus: Schema.NullOr(ApplicationStatus),
  toStatus: ApplicationStatus,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "MerchantApplicationChange" })
export type ApplicationChange = typeof ApplicationChange.Type

/** With the newest document of each kind, and what is still missing: of each entry, any one. */
export const ApplicationDetails = Schema.Struct({
  application: MerchantApplication,
  documents: Schema.Array(Document),
  missing: Schema.Array(Schema.Array(Schema.String)),
  history: Schema.Array(ApplicationChange)
}).annotate({ identifier: "MerchantApplicationDetails" })
export type ApplicationDetails = typeof ApplicationDetails.Type

export const Ruling = Schema.Struct({ reason: NonBlankText(500) }).annotate({ identifier: "MerchantRuling" })

/** What the first of two reviewers says. */
export const ReviewRecommendation = Schema.Struct({
  recommendation: Recommendation,
  ...Ruling.fields
}).annotate({ identifier: "MerchantReviewRecommendation" })
