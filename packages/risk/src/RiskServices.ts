import { Layer } from "effect"
import { Backtests } from "./Backtests.ts"
import * as RiskCheckLayer from "./RiskCheckLayer.ts"
import { RiskChecks } from "./RiskChecks.ts"
import { RiskConfig } from "./RiskConfig.ts"
import { RiskLists } from "./RiskLists.ts"
import { RiskRepo } from "./RiskRepo.ts"
import { RiskReviews } from "./RiskReviews.ts"
import { RiskRules } from "./RiskRules.ts"

/** The port `RiskCheck`, and what operators do with risk. Needs `SqlClient` and `Notifications`. */
export const layer = Layer.mergeAll(RiskCheckLayer.layerNoDeps, RiskReviews.layerNoDeps).pipe(
  Layer.provideMerge(Layer.mergeAll(RiskRules.layerNoDeps, RiskChecks.layerNoDeps, RiskLists.layer)),
  Layer.provide(RiskRepo.layer),
  Layer.provideMerge(RiskConfig.layer)
)

/** Back-tests need to know what became of payments: the port `PaymentOutcomes`, besides the services of `layer`. */
export const layerBacktests = Backtests.layerNoDeps
