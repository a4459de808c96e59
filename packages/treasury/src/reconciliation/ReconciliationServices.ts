import { Layer } from "effect"
import { ChannelFees } from "./ChannelFees.ts"
import { Comparison } from "./Comparison.ts"
import { DailyReconciliation } from "./DailyReconciliation.ts"
import { DifferenceRepo } from "./DifferenceRepo.ts"
import { Differences } from "./Differences.ts"
import { OwnReconciliation } from "./OwnReconciliation.ts"
import { ReconciliationConfig } from "./ReconciliationConfig.ts"
import { ReconciliationReads } from "./ReconciliationReads.ts"
import { Reconciler } from "./Reconciler.ts"
import { Rules } from "./Rules.ts"
import { RunClaims } from "./RunClaims.ts"
import { RunRepo } from "./RunRepo.ts"
import { Runs } from "./Runs.ts"
import { UnaskedDays } from "./UnaskedDays.ts"
import { UncomparedDays } from "./UncomparedDays.ts"

/** All services of reconciliation. Needs `SqlClient`, `Outbox` and the ports `ChannelBills`, `SettledPayments` and `Journal`. */
export const layer = Layer.mergeAll(DailyReconciliation.layerNoDeps, OwnReconciliation.layerNoDeps).pipe(
  Layer.provideMerge(
    Layer.mergeAll(Reconciler.layerNoDeps, Differences.layerNoDeps, ReconciliationReads.layerNoDeps, Runs.layerNoDeps)
  ),
  Layer.provide(RunClaims.layerNoDeps),
  Layer.provide(
    Layer.mergeAll(
      Comparison.layer,
      DifferenceRepo.layer,
      ReconciliationConfig.layer,
      RunRepo.layer,
      UncomparedDays.layer,
      UnaskedDays.layer
    )
  ),
  Layer.provideMerge(Layer.mergeAll(ChannelFees.layer, Rules.layer))
)
