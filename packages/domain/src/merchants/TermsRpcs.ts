import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, RpcStepUp } from "../identity/StepUp.ts"
import { Audited } from "../operations/Audit.ts"
import { NoMerchant } from "../payments/Branding.ts"
import { FeePlanVersion, FeeQuestion, FeeQuote, NewFeePlan } from "./FeePlan.ts"
import { LimitsHolder } from "./LimitsHolder.ts"
import { MerchantId } from "./Merchant.ts"
import { LimitsVersion, NewLimits, QuotaReport } from "./PaymentLimits.ts"
import { NewPaymentPolicy, PaymentPolicyVersion } from "./PaymentPolicy.ts"
import { Terms } from "./Terms.ts"
import { changeErrors, feePlanList, limitsList, policyList, quotaList } from "./TermsApi.ts"

const ofMerchant = { merchantId: MerchantId }
const ofHolder = { merchantId: LimitsHolder }
const error = Schema.Union(changeErrors)

/** What the staff of a merchant see of what is agreed with them. */
export class TermsMerchantRpcs extends RpcGroup.make(
  Rpc.make("terms.show", { success: Terms, error: NoMerchant }),
  Rpc.make("terms.quote", { payload: FeeQuestion.fields, success: FeeQuote, error: NoMerchant })
)
  .annotateRpcs(RequiredPermission, "terms:read")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}

/** What operators agree on with merchants. The same services as the HTTP API serve it. */
export class TermsAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.terms.feePlans", { payload: ofMerchant, success: feePlanList }),
  Rpc.make("admin.terms.putFeePlan", {
    payload: { ...ofMerchant, ...NewFeePlan.fields },
    success: FeePlanVersion,
    error
  })
    .annotate(Audited, "fee_plan.put")
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp),
  Rpc.make("admin.terms.limits", { payload: ofHolder, success: limitsList }),
  Rpc.make("admin.terms.putLimits", {
    payload: { ...ofHolder, ...NewLimits.fields },
    success: LimitsVersion,
    error
  })
    .annotate(Audited, "payment_limits.put")
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp),
  Rpc.make("admin.terms.policies", { payload: ofMerchant, success: policyList }),
  Rpc.make("admin.terms.putPolicy", {
    payload: { ...ofMerchant, ...NewPaymentPolicy.fields },
    success: PaymentPolicyVersion,
    error
  })
    .annotate(Audited, "payment_policy.put")
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp),
  Rpc.make("admin.terms.quotas", { payload: ofHolder, success: quotaList }),
  Rpc.make("admin.terms.quote", { payload: { ...ofMerchant, ...FeeQuestion.fields }, success: FeeQuote }),
  /** Compares all counters with the payments behind them. */
  Rpc.make("admin.terms.verifyQuotas", { success: QuotaReport })
)
  .annotateRpcs(RequiredPermission, "terms:administer")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}
