import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { MallApi } from "@mall/domain/MallApi"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect } from "effect"
import { FeePlans } from "./FeePlans.ts"
import { Limits } from "./Limits.ts"
import { MerchantTerms } from "./MerchantTerms.ts"
import { Policies } from "./Policies.ts"
import { Quotas } from "./Quotas.ts"

/** Serves the group `terms`. Needs the services of `TermsServices` and the middlewares. */
export const layer = ApiGroup.group(
  MallApi,
  "terms",
  Effect.fn(function* (handlers) {
    const limits = yield* Limits
    const plans = yield* FeePlans
    const policies = yield* Policies
    const quotas = yield* Quotas
    const terms = yield* MerchantTerms
    return handlers.handleAll({
      own: () => CurrentUser.use((user) => terms.show(user)),
      ownQuote: ({ payload }) => CurrentUser.use((user) => terms.quote(payload, user)),
      feePlans: ({ params }) => plans.list(params.id),
      putFeePlan: ({ params, payload }) => CurrentUser.use(({ actorName }) => plans.put(params.id, payload, actorName)),
      limits: ({ params }) => limits.list(params.id),
      putLimits: ({ params, payload }) => CurrentUser.use(({ actorName }) => limits.put(params.id, payload, actorName)),
      policies: ({ params }) => policies.list(params.id),
      putPolicy: ({ params, payload }) =>
        CurrentUser.use(({ actorName }) => policies.put(params.id, payload, actorName)),
      quotas: ({ params }) => quotas.standing(params.id),
      quote: ({ params, payload }) => plans.quote(params.id, payload)
    })
  })
)
