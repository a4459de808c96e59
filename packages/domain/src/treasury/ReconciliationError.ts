import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { BillDay } from "./Bill.ts"
import { DifferenceId, DifferenceStatus } from "./Difference.ts"
import { RunId } from "./Run.ts"

export class RunNotFound extends Problem<RunNotFound>()("RunNotFound", {
  status: 404,
  title: "There is no such run of reconciliation",
  fields: { runId: RunId }
}) {}

export class DifferenceNotFound extends Problem<DifferenceNotFound>()("DifferenceNotFound", {
  status: 404,
  title: "There is no such difference",
  fields: { differenceId: DifferenceId }
}) {}

/** There is no such account at the channel, or the channel's bill is none that this house reads. */
export class NoChannelBill extends Problem<NoChannelBill>()("NoChannelBill", {
  status: 422,
  title: "There is no bill of this channel",
  fields: { channel: Schema.String, reason: Schema.String },
  detail: ({ reason }) => reason
}) {}

/** By the channel's clock. */
export class DayNotOver extends Problem<DayNotOver>()("DayNotOver", {
  status: 422,
  title: "The day is not over",
  fields: { day: BillDay },
  detail: ({ day }) => `${day} is not over at the channel`
}) {}

/** The channel gave no bill, or not all of it. It may be asked again. */
export class BillUnavailable extends Problem<BillUnavailable>()("BillUnavailable", {
  status: 503,
  title: "The channel did not give its bill",
  fields: { channel: Schema.String, day: BillDay, reason: Schema.String },
  detail: ({ channel, day, reason }) => `${channel} did not give its bill of ${day}: ${reason}`
}) {}

/** The bill is not as the channel writes it. Nothing of it was used. */
export class BillMalformed extends Problem<BillMalformed>()("BillMalformed", {
  status: 422,
  title: "The bill cannot be read",
  fields: { line: Schema.Int, reason: Schema.String },
  detail: ({ line, reason }) => `line ${line} of the bill: ${reason}`
}) {}

export class DifferenceNotOpen extends Problem<DifferenceNotOpen>()("DifferenceNotOpen", {
  status: 409,
  title: "The difference does not allow this now",
  fields: { differenceId: DifferenceId, state: DifferenceStatus },
  detail: ({ state }) => `The difference is ${state}`
}) {}

/** No money differs, so there is no proposal; legs may be given. */
export class NothingToCorrect extends Problem<NothingToCorrect>()("NothingToCorrect", {
  status: 422,
  title: "No money differs",
  fields: { differenceId: DifferenceId }
}) {}

export class CorrectionMalformed extends Problem<CorrectionMalformed>()("CorrectionMalformed", {
  status: 422,
  title: "The correction does not add up",
  fields: { reason: Schema.String },
  detail: ({ reason }) => reason
}) {}

/** Who drafted a correction does not approve it. */
export class SecondPersonNeeded extends Problem<SecondPersonNeeded>()("SecondPersonNeeded", {
  status: 403,
  title: "A second person approves",
  fields: { differenceId: DifferenceId }
}) {}

/** Somebody else changed the rules since they were looked at. */
export class ResolutionRulesChanged extends Problem<ResolutionRulesChanged>()("ResolutionRulesChanged", {
  status: 409,
  title: "The rules were changed meanwhile",
  fields: { version: Schema.Int },
  detail: ({ version }) => `The rules are at version ${version} by now`
}) {}

/** Why a run is refused. */
export const runErrors = [NoChannelBill, DayNotOver] as const
export type RunRefused = InstanceType<(typeof runErrors)[number]>

export const draftErrors = [DifferenceNotFound, DifferenceNotOpen, NothingToCorrect, CorrectionMalformed] as const
export type DraftRefused = InstanceType<(typeof draftErrors)[number]>

export const approvalErrors = [DifferenceNotFound, DifferenceNotOpen, SecondPersonNeeded] as const
export type ApprovalRefused = InstanceType<(typeof approvalErrors)[number]>
