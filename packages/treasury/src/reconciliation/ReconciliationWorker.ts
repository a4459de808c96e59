import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import { DailyReconciliation } from "./DailyReconciliation.ts"

/** More than one look answers with, so that a run is one look. */
const lookLimit = 1_000

/** What reconciliation does by itself on a schedule; an operator may run each by its name. */
export const sweeps = Layer.unwrap(
  Effect.map(DailyReconciliation, ({ run, watch }) =>
    Layer.mergeAll(
      Sweep.layer({ name: "reconciliation", every: "10 minutes", limit: lookLimit, batch: () => run }),
      Sweep.layer({ name: "reconciliation_watch", every: "10 minutes", limit: lookLimit, batch: () => watch })
    )
  )
)
