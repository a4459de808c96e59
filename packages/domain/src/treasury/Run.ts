import { Effect, Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { ChannelId } from "../payments/Payment.ts"
import { BillDay, BillFormat, BillTotal } from "./Bill.ts"

export const RunId = Uuid7.pipe(Schema.brand("ReconciliationRunId"), Schema.annotate({ identifier: "RunId" }))
export type RunId = typeof RunId.Type

/** `superseded`: a later run of the same day took its place; its figures are kept. */
export const RunStatus = Schema.Literals(["running", "completed", "failed", "superseded"]).annotate({
  identifier: "ReconciliationRunStatus"
})
export type RunStatus = typeof RunStatus.Type

const Count = Schema.Int

/** How many lines of the bill, or records of ours that it lacks, are of each class. */
export const RunCounts = Schema.Struct({
  matched: Count,
  amountDiffers: Count,
  missingHere: Count,
  missingThere: Count,
  duplicate: Count,
  stateDiffers: Count,
  timing: Count,
  /** None in runs of before fees were compared. */
  feeDiffers: Count.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0)))
}).annotate({ identifier: "ReconciliationCounts" })
export type RunCounts = typeof RunCounts.Type

/** A comparison of one day's bill of one account with our records. `records` are those of ours that it looked at. */
export class Run extends Schema.Class<Run>("ReconciliationRun")({
  id: RunId,
  channel: ChannelId,
  account: Schema.String,
  day: BillDay,
  status: RunStatus,
  lines: Count,
  records: Count,
  counts: Schema.NullOr(RunCounts),
  totals: Schema.Array(BillTotal),
  /** Of the bytes of the bill; null where the channel said that nothing happened. */
  sha256: Schema.NullOr(Schema.String),
  /** Why it failed, in one sentence. */
  failure: Schema.NullOr(Schema.String),
  actor: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  startedAt: Schema.Date,
  finishedAt: Schema.NullOr(Schema.Date)
}) {}

export const RunPage = Page(Run)

/** A channel and its bill. `hour`: from which hour of its own clock on the bill of the day before is fetched by itself. */
export class ReconciliationChannel extends Schema.Class<ReconciliationChannel>("ReconciliationChannel")({
  channel: ChannelId,
  account: Schema.String,
  format: Schema.NullOr(BillFormat),
  /** Why there is none. */
  reason: Schema.NullOr(Schema.String),
  offsetMinutes: Schema.Int,
  hour: Schema.Int,
  lastDay: Schema.NullOr(BillDay)
}) {}

export const NewRun = Schema.Struct({ channel: ChannelId, day: BillDay }).annotate({
  identifier: "NewReconciliationRun"
})
export type NewRun = typeof NewRun.Type
