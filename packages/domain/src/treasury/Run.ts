import { Effect, Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { PlainText } from "../kernel/PlainText.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import * as Topic from "../kernel/Topic.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { ChannelId } from "../payments/Payment.ts"
import { BillDay, BillFormat, BillTotal } from "./Bill.ts"

export const RunId = Uuid7.pipe(Schema.brand("ReconciliationRunId"), Schema.annotate({ identifier: "RunId" }))
export type RunId = typeof RunId.Type

/**
 * `queued`: waits for a worker. `failed`: with `nextAttemptAt` it is tried again then, without it was given up. `superseded`: a later
 * run of the same day took its place; its figures are kept.
 */
export const RunStatus = Schema.Literals(["queued", "running", "completed", "failed", "superseded"]).annotate({
  identifier: "ReconciliationRunStatus"
})
export type RunStatus = typeof RunStatus.Type

/** From `running` to itself: its worker was not heard of any more, and another began anew. */
export const runStates = StateMachine.make<RunStatus>({
  queued: ["running"],
  running: ["running", "queued", "completed", "failed"],
  failed: ["queued", "running"],
  completed: ["superseded"],
  superseded: []
})

/** What a worker is at: it fetches the bill, then what we hold, then compares. */
export const RunStage = Schema.Literals(["fetching", "matching", "comparing"]).annotate({
  identifier: "ReconciliationRunStage"
})
export type RunStage = typeof RunStage.Type

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

const runFields = {
  id: RunId,
  channel: ChannelId,
  account: Schema.String,
  /** Whose own account it is; null where it is the platform's. */
  merchantId: Schema.NullOr(MerchantId),
  day: BillDay,
  status: RunStatus,
  /** While it is running. */
  stage: Schema.NullOr(RunStage),
  /** Of the bill; while it is running, those that were read. */
  lines: Count,
  /** Those of ours that it looks at. */
  records: Count,
  /** Lines that a record of ours agrees with, as far as it is known. */
  matched: Count,
  counts: Schema.NullOr(RunCounts),
  totals: Schema.Array(BillTotal),
  /** Of the bytes of the bill; null where the channel said that nothing happened. */
  sha256: Schema.NullOr(Schema.String),
  /** Why it failed, in one sentence. */
  failure: Schema.NullOr(Schema.String),
  /** How often a worker began. */
  attempt: Count,
  nextAttemptAt: Schema.NullOr(Schema.Date),
  actor: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  askedAt: Schema.Date,
  startedAt: Schema.NullOr(Schema.Date),
  finishedAt: Schema.NullOr(Schema.Date)
}

/** A comparison of one day's bill of one account with our records. */
export class Run extends Schema.Class<Run>("ReconciliationRun")(runFields) {}

export const RunChange = Schema.Struct({
  fromStatus: Schema.NullOr(RunStatus),
  toStatus: RunStatus,
  attempt: Count,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "ReconciliationRunChange" })
export type RunChange = typeof RunChange.Type

export class RunDetails extends Schema.Class<RunDetails>("ReconciliationRunDetails")({
  ...runFields,
  history: Schema.Array(RunChange)
}) {}

export const RunPage = Page(Run)

/** A channel and its bill. `hour`: from which hour of its own clock on the bill of the day before is fetched by itself. */
export class ReconciliationChannel extends Schema.Class<ReconciliationChannel>("ReconciliationChannel")({
  channel: ChannelId,
  account: Schema.String,
  merchantId: Schema.NullOr(MerchantId),
  format: Schema.NullOr(BillFormat),
  /** Why there is none. */
  reason: Schema.NullOr(Schema.String),
  offsetMinutes: Schema.Int,
  hour: Schema.Int,
  lastDay: Schema.NullOr(BillDay)
}) {}

/** With `merchantId` of their own account, the current one where `account` names none; without of the platform's. */
export const NewRun = Schema.Struct({
  channel: ChannelId,
  day: BillDay,
  merchantId: Schema.optionalKey(MerchantId),
  account: Schema.optionalKey(PlainText(200))
}).annotate({ identifier: "NewReconciliationRun" })
export type NewRun = typeof NewRun.Type

/** A run waits for a worker, since `since`. */
export const RunQueued = Topic.make("reconciliation.queued", {
  schema: Schema.Struct({ id: RunId, attempt: Count, since: Schema.DateFromString }),
  subscribers: ["treasury"],
  id: ({ attempt, id, since }) => `${id}/${attempt}/${since.getTime()}`
})
