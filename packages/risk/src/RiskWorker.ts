import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import { RiskChecks } from "./RiskChecks.ts"
import { RiskLists } from "./RiskLists.ts"
import { RiskReviews } from "./RiskReviews.ts"

/** What risk does by itself on a schedule; an operator may run each by its name. */
export const sweeps = Layer.unwrap(
  Effect.gen(function* () {
    const checks = yield* RiskChecks
    const lists = yield* RiskLists
    const reviews = yield* RiskReviews
    return Layer.mergeAll(
      Sweep.layer({ name: "risk_reviews", every: "30 seconds", batch: (limit) => reviews.expire(limit) }),
      Sweep.layer({ name: "risk_lists", every: "10 minutes", batch: (limit) => lists.purge(limit) }),
      Sweep.layer({ name: "risk_checks", every: "1 hour", batch: (limit) => checks.purge(limit) }),
      Sweep.layer({
        name: "risk_windows",
        every: "5 minutes",
        limit: 5_000,
        batch: (limit) => checks.purgeWindows(limit)
      })
    )
  })
)
