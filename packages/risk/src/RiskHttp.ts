import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { MallApi } from "@mall/domain/MallApi"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect } from "effect"
import { Backtests } from "./Backtests.ts"
import { RiskChecks } from "./RiskChecks.ts"
import { RiskLists } from "./RiskLists.ts"
import { RiskReviews } from "./RiskReviews.ts"
import { RiskRules } from "./RiskRules.ts"

/** Serves the group `risk`. Needs the services of `RiskServices` and the middlewares. */
export const layer = ApiGroup.group(
  MallApi,
  "risk",
  Effect.fn(function* (handlers) {
    const backtests = yield* Backtests
    const checks = yield* RiskChecks
    const lists = yield* RiskLists
    const reviews = yield* RiskReviews
    const rules = yield* RiskRules
    return handlers.handleAll({
      rules: () => rules.list,
      history: ({ params }) => rules.history(params.id),
      put: ({ params, payload }) => CurrentUser.use(({ userId }) => rules.put(params.id, payload, `user:${userId}`)),
      setMode: ({ params, payload }) =>
        CurrentUser.use(({ userId }) => rules.setMode(params.id, payload, `user:${userId}`)),
      backtest: ({ payload }) => backtests.run(payload),
      checks: ({ query }) => checks.list(query),
      reviews: ({ query }) => reviews.list(query),
      showReview: ({ params }) => reviews.show(params.id),
      approve: ({ params, payload: { reason } }) =>
        CurrentUser.use(({ userId }) => reviews.approve(params.id, { actor: `user:${userId}`, reason })),
      reject: ({ params, payload: { reason } }) =>
        CurrentUser.use(({ userId }) => reviews.reject(params.id, { actor: `user:${userId}`, reason })),
      lists: ({ query }) => lists.list(query),
      enlist: ({ payload }) => CurrentUser.use(({ userId }) => lists.enlist(payload, `user:${userId}`)),
      delist: ({ payload }) => CurrentUser.use(({ userId }) => lists.delist(payload, `user:${userId}`))
    })
  })
)
