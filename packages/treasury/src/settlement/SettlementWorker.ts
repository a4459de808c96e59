import { SettlementRequested } from "@mall/domain/treasury/Settlement"
import { FinishedWorkflows } from "@mall/platform/FinishedWorkflows"
import * as Subscription from "@mall/platform/Subscription"
import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import { Reserves } from "./Reserves.ts"
import { SettlementPayouts } from "./SettlementPayouts.ts"
import { SettlementReads } from "./SettlementReads.ts"
import { Settlements } from "./Settlements.ts"
import * as Workflow from "./settlementWorkflow.ts"

/** More than one look answers with, so that a run is one look. */
const lookLimit = 1_000_000

/** What settlement does by itself on a schedule; an operator may run each by its name. */
export const sweeps = Layer.unwrap(
  Effect.gen(function* () {
    const finished = yield* FinishedWorkflows
    const payouts = yield* SettlementPayouts
    const reads = yield* SettlementReads
    const reserves = yield* Reserves
    const settlements = yield* Settlements
    return Layer.mergeAll(
      Sweep.layer({
        name: "settlements",
        every: "1 minute",
        limit: 50,
        batch: (limit) => settlements.startDue(limit)
      }),
      Sweep.layer({
        name: "settlement_reserves",
        every: "5 minutes",
        limit: 50,
        batch: (limit) => reserves.releaseDue(limit)
      }),
      Sweep.layer({
        name: "settlement_payouts",
        every: "1 minute",
        limit: 50,
        batch: (limit) => payouts.requestDue(limit)
      }),
      Sweep.layer({ name: "finished_workflows", every: "1 hour", batch: (limit) => finished.remove(limit) }),
      Sweep.layer({ name: "settlement_watch", every: "1 minute", limit: lookLimit, batch: () => reads.watch })
    )
  })
)

/**
 * Carries out what was asked for. Needs the services of `SettlementServices` and `WorkflowEngine`. The message is done with when
 * the workflow is stored; from then on the engine sees to it.
 */
export const subscriptions = Subscription.layer({
  topic: SettlementRequested,
  subscriber: "treasury",
  handler: (attempt) => Workflow.SettlementWorkflow.execute(attempt, { discard: true })
}).pipe(Layer.provide(Workflow.layer))
