import { Layer } from "effect"
import { DisputeFees } from "./DisputeFees.ts"
import { FeePlans } from "./FeePlans.ts"
import { FeeRepo } from "./FeeRepo.ts"
import * as FeeScheduleLayer from "./FeeScheduleLayer.ts"
import { Limits } from "./Limits.ts"
import { MerchantTerms } from "./MerchantTerms.ts"
import * as PaymentQuotasLayer from "./PaymentQuotasLayer.ts"
import { layerPort, Policies } from "./Policies.ts"
import { QuotaRepo } from "./QuotaRepo.ts"
import { Quotas } from "./Quotas.ts"
import { TermsConfig } from "./TermsConfig.ts"
import { TermsVersions } from "./TermsVersions.ts"

/** What is agreed with merchants, and the ports `FeeSchedule`, `PaymentPolicies` and `PaymentQuotas`. Needs `SqlClient` and `Notifications`. */
export const layer = Layer.mergeAll(
  MerchantTerms.layerNoDeps,
  FeeScheduleLayer.layerNoDeps,
  PaymentQuotasLayer.layerNoDeps,
  layerPort
).pipe(
  Layer.provideMerge(Layer.mergeAll(Quotas.layerNoDeps, DisputeFees.layerNoDeps)),
  Layer.provideMerge(Layer.mergeAll(FeePlans.layerNoDeps, Limits.layerNoDeps, Policies.layerNoDeps)),
  Layer.provide(Layer.mergeAll(FeeRepo.layer, QuotaRepo.layer, TermsVersions.layer)),
  Layer.provide(TermsConfig.layer)
)
