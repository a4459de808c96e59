import { Schema } from "effect"
import { FeePlanVersion } from "./FeePlan.ts"
import { MerchantId } from "./Merchant.ts"
import { LimitsVersion, QuotaStanding } from "./PaymentLimits.ts"
import { PaymentPolicyVersion } from "./PaymentPolicy.ts"

/** All that is agreed with a merchant, of now, of later and of before: newest first. */
export class Terms extends Schema.Class<Terms>("MerchantTerms")({
  merchantId: MerchantId,
  feePlans: Schema.Array(FeePlanVersion),
  limits: Schema.Array(LimitsVersion),
  policies: Schema.Array(PaymentPolicyVersion),
  quotas: Schema.Array(QuotaStanding)
}) {}
