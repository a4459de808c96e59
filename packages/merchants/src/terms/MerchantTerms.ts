import type { Principal } from "@mall/domain/identity/CurrentUser"
import { shopOf } from "@mall/domain/identity/CurrentUser"
import type { FeeQuestion, FeeQuote } from "@mall/domain/merchants/FeePlan"
import { Terms } from "@mall/domain/merchants/Terms"
import { NoMerchant } from "@mall/domain/payments/Branding"
import { Context, Effect, Layer } from "effect"
import { FeePlans } from "./FeePlans.ts"
import { Limits } from "./Limits.ts"
import { Policies } from "./Policies.ts"
import { Quotas } from "./Quotas.ts"

const shop = (caller: Principal) => Effect.fromOption(shopOf(caller, "terms:read"), () => new NoMerchant({}))

/** What is agreed with the caller's shop, as its staff see it. */
export class MerchantTerms extends Context.Service<
  MerchantTerms,
  {
    show(caller: Principal): Effect.Effect<Terms, NoMerchant>
    quote(question: FeeQuestion, caller: Principal): Effect.Effect<FeeQuote, NoMerchant>
  }
>()("@mall/merchants/terms/MerchantTerms") {
  static readonly layerNoDeps = Layer.effect(
    MerchantTerms,
    Effect.gen(function* () {
      const limits = yield* Limits
      const plans = yield* FeePlans
      const policies = yield* Policies
      const quotas = yield* Quotas
      return MerchantTerms.of({
        show: Effect.fn("MerchantTerms.show")(function* (caller) {
          const merchantId = yield* shop(caller)
          return new Terms({
            merchantId,
            feePlans: yield* plans.list(merchantId, true),
            limits: yield* limits.list(merchantId, true),
            policies: yield* policies.list(merchantId, true),
            quotas: yield* quotas.standing(merchantId)
          })
        }),
        quote: (question, caller) => Effect.flatMap(shop(caller), (merchantId) => plans.quote(merchantId, question))
      })
    })
  )
}
