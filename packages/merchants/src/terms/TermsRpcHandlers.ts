import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { TermsAdminRpcs, TermsMerchantRpcs } from "@mall/domain/merchants/TermsRpcs"
import { Effect, Layer } from "effect"
import { FeePlans } from "./FeePlans.ts"
import { Limits } from "./Limits.ts"
import { MerchantTerms } from "./MerchantTerms.ts"
import { Policies } from "./Policies.ts"
import { Quotas } from "./Quotas.ts"

const merchantLayer = TermsMerchantRpcs.toLayer(
  Effect.map(MerchantTerms, (terms) =>
    TermsMerchantRpcs.of({
      "terms.show": () => CurrentUser.use((user) => terms.show(user)),
      "terms.quote": (question) => CurrentUser.use((user) => terms.quote(question, user))
    })
  )
)

const adminLayer = TermsAdminRpcs.toLayer(
  Effect.gen(function* () {
    const limits = yield* Limits
    const plans = yield* FeePlans
    const policies = yield* Policies
    const quotas = yield* Quotas
    return TermsAdminRpcs.of({
      "admin.terms.feePlans": ({ merchantId }) => plans.list(merchantId),
      "admin.terms.putFeePlan": ({ merchantId, ...change }) =>
        CurrentUser.use(({ actorName }) => plans.put(merchantId, change, actorName)),
      "admin.terms.limits": ({ merchantId }) => limits.list(merchantId),
      "admin.terms.putLimits": ({ merchantId, ...change }) =>
        CurrentUser.use(({ actorName }) => limits.put(merchantId, change, actorName)),
      "admin.terms.policies": ({ merchantId }) => policies.list(merchantId),
      "admin.terms.putPolicy": ({ merchantId, ...change }) =>
        CurrentUser.use(({ actorName }) => policies.put(merchantId, change, actorName)),
      "admin.terms.quotas": ({ merchantId }) => quotas.standing(merchantId),
      "admin.terms.quote": ({ merchantId, ...question }) => plans.quote(merchantId, question),
      "admin.terms.verifyQuotas": () => quotas.verify
    })
  })
)

/** Serves `TermsMerchantRpcs` and `TermsAdminRpcs`. Needs the services of `TermsServices`. */
export const layer = Layer.mergeAll(merchantLayer, adminLayer)
