import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"

export const SweepOutcome = Schema.Literals(["ok", "failed"])

/** The latest run of one sweep by any process, and the sums over all its runs. `items` counts what that run did. */
export class SweepRun extends Schema.Class<SweepRun>("SweepRun")({
  name: Schema.String,
  startedAt: Schema.Date,
  finishedAt: Schema.Date,
  outcome: SweepOutcome,
  items: Schema.Int,
  error: Schema.NullOr(Schema.String),
  lastSuccessAt: Schema.NullOr(Schema.Date),
  /** When the process that ran it will run it next; others may come before. Null for a run by hand. */
  nextRunAt: Schema.NullOr(Schema.Date),
  totalRuns: Schema.Int,
  totalFailures: Schema.Int,
  totalItems: Schema.Int
}) {}

/** A sweep and how it stands; `lastRun` is that of any process, null before the first. */
export class SweepStatus extends Schema.Class<SweepStatus>("SweepStatus")({
  name: Schema.String,
  everySeconds: Schema.Finite,
  lastRun: Schema.NullOr(SweepRun)
}) {}

/** No sweep of this name is known. */
export class UnknownSweep extends Problem<UnknownSweep>()("UnknownSweep", {
  status: 404,
  title: "There is no such sweep",
  fields: { sweep: Schema.String, known: Schema.Array(Schema.String) }
}) {
  override get message() {
    return `There is no sweep ${this.sweep}; there are: ${this.known.join(", ")}`
  }
}

/** The run failed after `items`; why is in the log and in `lastRun` of the sweep. */
export class SweepFailed extends Problem<SweepFailed>()("SweepFailed", {
  status: 500,
  title: "The sweep failed",
  fields: { sweep: Schema.String, items: Schema.Int, reason: Schema.String }
}) {
  override get message() {
    return `The sweep ${this.sweep} failed after ${this.items} items: ${this.reason}`
  }
}
