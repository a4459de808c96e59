import { RunQueued } from "@mall/domain/treasury/Run"
import * as Subscription from "@mall/platform/Subscription"
import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import { DailyReconciliation } from "./DailyReconciliation.ts"
import { Reconciler } from "./Reconciler.ts"

/** More than one look answers with, so that a run is one look. */
const lookLimit = 1_000_000

/** What reconciliation does by itself on a schedule; an operator may run each by its name. */
export const sweeps = Layer.unwrap(
  Effect.map(DailyReconciliation, ({ recover, run, watch }) =>
    Layer.mergeAll(
      Sweep.layer({ name: "reconciliation", every: "10 minutes", limit: lookLimit, batch: () => run }),
      Sweep.layer({ name: "reconciliation_runs", every: "1 minute", limit: lookLimit, batch: () => recover(20) }),
      Sweep.layer({ name: "reconciliation_watch", every: "10 minutes", limit: lookLimit, batch: () => watch })
    )
  )
)

/**
 * Carries out the runs that were asked for. A message only says that a run may be due: what a run's worker was killed at, the
 * message's next delivery or the sweep takes up.
 */
export const subscriptions = Subscription.layer({
  topic: RunQueued,
  subscriber: "treasury",
  // each holds a large join in the database
  concurrency: 2,
  handler: ({ id }) => Reconciler.use((reconciler) => reconciler.work(id, "worker:reconciliation"))
})
