import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, StepUp } from "../identity/StepUp.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { Audited } from "../operations/Audit.ts"
import { NoMerchant } from "../payments/Branding.ts"
import { FeePlanVersion, FeeQuestion, FeeQuote, NewFeePlan } from "./FeePlan.ts"
import { LimitsHolder } from "./LimitsHolder.ts"
import { MerchantId } from "./Merchant.ts"
import { LimitsVersion, NewLimits, QuotaStanding } from "./PaymentLimits.ts"
import { NewPaymentPolicy, PaymentPolicyVersion } from "./PaymentPolicy.ts"
import { Terms } from "./Terms.ts"
import { TermsBackdated, TermsChanged } from "./TermsError.ts"

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })
const created = HttpApiSchema.status(201)
const ofMerchant = { id: MerchantId }
const ofHolder = { id: LimitsHolder }

/** What operators read, over HTTP and RPC alike. */
export const feePlanList = Schema.Array(FeePlanVersion)
export const limitsList = Schema.Array(LimitsVersion)
export const policyList = Schema.Array(PaymentPolicyVersion)
export const quotaList = Schema.Array(QuotaStanding)
/** What may go wrong when new terms are said. */
export const changeErrors = [TermsChanged, TermsBackdated] as const

/** What merchants pay and what their payments may be. A merchant reads their own; operators agree on them. */
export class TermsApiGroup extends HttpApiGroup.make("terms")
  .add(
    HttpApiEndpoint.get("own", "/me/terms", { success: Terms, error: NoMerchant })
      .annotate(RequiredPermission, "terms:read")
      .annotateMerge(
        describe("Read one's own terms", "Fees and limits of now, of later and of before; quotas of now.")
      ),
    HttpApiEndpoint.post("ownQuote", "/me/fee-quote", { payload: FeeQuestion, success: FeeQuote, error: NoMerchant })
      .annotate(Audited, "nothing")
      .annotate(RequiredPermission, "terms:read")
      .annotateMerge(describe("Ask what a payment would cost", "By the plan and the volume of now. Charges nothing.")),
    HttpApiEndpoint.get("feePlans", "/:id/fee-plans", { params: ofMerchant, success: feePlanList })
      .annotate(RequiredPermission, "terms:administer")
      .annotateMerge(describe("List a merchant's fee plans", "Newest first: who said so, when and why.")),
    HttpApiEndpoint.post("putFeePlan", "/:id/fee-plans", {
      params: ofMerchant,
      payload: NewFeePlan,
      success: FeePlanVersion.pipe(created),
      error: changeErrors
    })
      .annotate(Audited, "fee_plan.put")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotate(RequiredPermission, "terms:administer")
      .annotateMerge(
        describe("Agree on fees", "A new version from a later time on; what was charged before stays as it is.")
      ),
    HttpApiEndpoint.get("limits", "/:id/limits", { params: ofHolder, success: limitsList })
      .annotate(RequiredPermission, "terms:administer")
      .annotateMerge(
        describe("List a merchant's limits", "Of all currencies, newest first; `platform`: of the mall's own payments.")
      ),
    HttpApiEndpoint.post("putLimits", "/:id/limits", {
      params: ofHolder,
      payload: NewLimits,
      success: LimitsVersion.pipe(created),
      error: changeErrors
    })
      .annotate(Audited, "payment_limits.put")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotate(RequiredPermission, "terms:administer")
      .annotateMerge(
        describe("Set the limits of a currency", "A new version from a later time on; null lifts a bound.")
      ),
    HttpApiEndpoint.get("policies", "/:id/payment-policies", { params: ofMerchant, success: policyList })
      .annotate(RequiredPermission, "terms:administer")
      .annotateMerge(describe("List a merchant's payment policies", "Newest first: who said so, when and why.")),
    HttpApiEndpoint.post("putPolicy", "/:id/payment-policies", {
      params: ofMerchant,
      payload: NewPaymentPolicy,
      success: PaymentPolicyVersion.pipe(created),
      error: changeErrors
    })
      .annotate(Audited, "payment_policy.put")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotate(RequiredPermission, "terms:administer")
      .annotateMerge(
        describe(
          "Say how a merchant's payments may be paid and given back",
          "A new version from a later time on. Tries that are under way go on."
        )
      ),
    HttpApiEndpoint.get("quotas", "/:id/quotas", { params: ofHolder, success: quotaList })
      .annotate(RequiredPermission, "terms:administer")
      .annotateMerge(describe("Read how a merchant's quotas stand", "Of the day and the month of now.")),
    HttpApiEndpoint.post("quote", "/:id/fee-quote", { params: ofMerchant, payload: FeeQuestion, success: FeeQuote })
      .annotate(Audited, "nothing")
      .annotate(RequiredPermission, "terms:administer")
      .annotateMerge(describe("Ask what a merchant's payment would cost", "Charges nothing."))
  )
  .middleware(Authorization)
  .prefix("/api/v1/merchants")
  .annotateMerge(
    OpenApi.annotations({ title: "Terms", description: "What merchants pay, and what their payments may be" })
  ) {}
