import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { RiskAdminRpcs } from "@mall/domain/risk/RiskRpcs"
import { Effect } from "effect"
import { Backtests } from "./Backtests.ts"
import { RiskChecks } from "./RiskChecks.ts"
import { RiskLists } from "./RiskLists.ts"
import { RiskReviews } from "./RiskReviews.ts"
import { RiskRules } from "./RiskRules.ts"

/** Serves `RiskAdminRpcs`. Needs the services of `RiskServices`. */
export const adminLayer = RiskAdminRpcs.toLayer(
  Effect.gen(function* () {
    const backtests = yield* Backtests
    const checks = yield* RiskChecks
    const lists = yield* RiskLists
    const reviews = yield* RiskReviews
    const rules = yield* RiskRules
    return RiskAdminRpcs.of({
      "admin.risk.rules": () => rules.list,
      "admin.risk.history": ({ id }) => rules.history(id),
      "admin.risk.put": ({ id, ...change }) => CurrentUser.use(({ userId }) => rules.put(id, change, `user:${userId}`)),
      "admin.risk.setMode": ({ id, ...change }) =>
        CurrentUser.use(({ userId }) => rules.setMode(id, change, `user:${userId}`)),
      "admin.risk.backtest": (request) => backtests.run(request),
      "admin.risk.checks": (filter) => checks.list(filter),
      "admin.risk.reviews": (filter) => reviews.list(filter),
      "admin.risk.review": ({ id }) => reviews.show(id),
      "admin.risk.approve": ({ id, reason }) =>
        CurrentUser.use(({ userId }) => reviews.approve(id, { actor: `user:${userId}`, reason })),
      "admin.risk.reject": ({ id, reason }) =>
        CurrentUser.use(({ userId }) => reviews.reject(id, { actor: `user:${userId}`, reason })),
      "admin.risk.lists": (filter) => lists.list(filter),
      "admin.risk.enlist": (entry) => CurrentUser.use(({ userId }) => lists.enlist(entry, `user:${userId}`)),
      "admin.risk.delist": (entry) => CurrentUser.use(({ userId }) => lists.delist(entry, `user:${userId}`))
    })
  })
)
