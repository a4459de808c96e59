import { Effect, Layer } from "effect"
import * as Sweep from "../Sweep.ts"
import { Alerts } from "./Alerts.ts"
import { SignalCounts } from "./SignalCounts.ts"

const judged = Sweep.layer({
  name: "security_alerts",
  every: "30 seconds",
  limit: 20,
  batch: Effect.fnUntraced(function* (limit) {
    const alerts = yield* Alerts
    const changed = yield* alerts.judge
    // one pass a run: what opened is told at once, and never again before its reminder
    return Math.min(limit - 1, changed + (yield* alerts.tell(limit)))
  })
})

const oldCounts = Sweep.layer({
  name: "signal_counts",
  every: "10 minutes",
  limit: 1_000,
  batch: (limit) => Effect.flatMap(SignalCounts, (counts) => counts.purge(limit))
})

/** Judges what was counted and tells people; forgets old counts. */
export const layer = Layer.mergeAll(judged, oldCounts)
