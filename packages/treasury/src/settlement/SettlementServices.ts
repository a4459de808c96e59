import { FinishedWorkflows } from "@mall/platform/FinishedWorkflows"
import { Layer } from "effect"
import { Calendars } from "./Calendars.ts"
import { Reserves } from "./Reserves.ts"
import { SettlementPayouts } from "./SettlementPayouts.ts"
import { SettlementReads } from "./SettlementReads.ts"
import { SettlementRepo } from "./SettlementRepo.ts"
import { Settlements } from "./Settlements.ts"
import { SettlementSteps } from "./SettlementSteps.ts"
import { Terms } from "./Terms.ts"

/** All services of settlement. Needs `SqlClient`, `Outbox` and the ports `PayableEntries`, `Transfers` and `Payouts`. */
export const layer = Layer.mergeAll(
  Settlements.layerNoDeps,
  SettlementSteps.layerNoDeps.pipe(Layer.provideMerge(SettlementPayouts.layerNoDeps)),
  Reserves.layerNoDeps,
  SettlementReads.layer,
  FinishedWorkflows.layer
).pipe(
  Layer.provideMerge(Terms.layerNoDeps.pipe(Layer.provideMerge(Calendars.layer))),
  Layer.provide(SettlementRepo.layer)
)
