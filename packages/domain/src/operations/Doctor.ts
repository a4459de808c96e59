import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { Problem } from "../kernel/Problem.ts"
import { AccountCode } from "../ledger/Account.ts"
import { Severity } from "./Alert.ts"

export const ViolationId = Uuid7.pipe(Schema.brand("ViolationId"), Schema.annotate({ identifier: "ViolationId" }))
export type ViolationId = typeof ViolationId.Type

/** `database`: asks our own tables alone. `channels`: asks the payment channels, which takes long and costs them something. */
export const CheckReach = Schema.Literals(["database", "channels"]).annotate({ identifier: "CheckReach" })
export type CheckReach = typeof CheckReach.Type

/** What something is about: `payment`, `order`, `sku`, `account`, … and its id. */
export const Subject = Schema.Struct({ type: Schema.String, id: Schema.String }).annotate({
  identifier: "DoctorSubject"
})
export type Subject = typeof Subject.Type

/** Something that is not as it has to be. `accounts` are those of the ledger that it makes doubtful. */
export const Finding = Schema.Struct({
  subject: Subject,
  /** In one sentence, with figures. */
  summary: Schema.String,
  expected: Schema.NullOr(Schema.String),
  found: Schema.NullOr(Schema.String),
  accounts: Schema.Array(AccountCode),
  /** Whose events tell how it came to this, beside the subject's own. */
  related: Schema.Array(Subject)
})
export type Finding = typeof Finding.Type

/**
 * A finding from when it was first seen until a check no longer finds it. One that a person acknowledged stays open, and is
 * neither told again nor counted as a failure. `frozen` are the accounts that were frozen for it.
 */
export const Violation = Schema.Struct({
  id: ViolationId,
  check: Schema.String,
  severity: Severity,
  ...Finding.fields,
  frozen: Schema.Array(AccountCode),
  firstSeenAt: Schema.Date,
  lastSeenAt: Schema.Date,
  resolvedAt: Schema.NullOr(Schema.Date),
  acknowledgedAt: Schema.NullOr(Schema.Date),
  acknowledgedBy: Schema.NullOr(Schema.String),
  acknowledgeReason: Schema.NullOr(Schema.String),
  traceId: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Violation" })
export type Violation = typeof Violation.Type

export const ViolationPage = Page(Violation)

export const ViolationChange = Schema.Struct({
  change: Schema.Literals(["found", "changed", "frozen", "acknowledged", "resolved"]),
  actor: Schema.String,
  detail: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "ViolationChange" })
export type ViolationChange = typeof ViolationChange.Type

/** One thing that happened to a subject, as some part of the house keeps it. */
export const SubjectEvent = Schema.Struct({
  at: Schema.Date,
  /** Which record says so: `payment history`, `ledger`, `channel log`, `order history`, `stock`, `audit`, … */
  source: Schema.String,
  subject: Subject,
  what: Schema.String,
  actor: Schema.NullOr(Schema.String),
  traceId: Schema.NullOr(Schema.String)
}).annotate({ identifier: "SubjectEvent" })
export type SubjectEvent = typeof SubjectEvent.Type

/** A violation, what became of it, and what led to it, oldest first. */
export const ViolationDetails = Schema.Struct({
  violation: Violation,
  history: Schema.Array(ViolationChange),
  events: Schema.Array(SubjectEvent)
}).annotate({ identifier: "ViolationDetails" })
export type ViolationDetails = typeof ViolationDetails.Type

/** A check and how it stands. `lastRun` is that of any process. */
export const CheckStatus = Schema.Struct({
  name: Schema.String,
  says: Schema.String,
  severity: Severity,
  reach: CheckReach,
  /** Violations that nobody has acknowledged. */
  open: Schema.Int,
  acknowledged: Schema.Int,
  lastRun: Schema.NullOr(
    Schema.Struct({
      isFull: Schema.Boolean,
      startedAt: Schema.Date,
      finishedAt: Schema.Date,
      looked: Schema.Int,
      found: Schema.Int,
      failure: Schema.NullOr(Schema.String),
      lastFullAt: Schema.NullOr(Schema.Date)
    })
  )
}).annotate({ identifier: "CheckStatus" })
export type CheckStatus = typeof CheckStatus.Type

/** What one run of a check saw; `failure` where it could not look. */
export const CheckResult = Schema.Struct({
  check: Schema.String,
  says: Schema.String,
  isFull: Schema.Boolean,
  looked: Schema.Int,
  found: Schema.Int,
  acknowledged: Schema.Int,
  failure: Schema.NullOr(Schema.String)
}).annotate({ identifier: "CheckResult" })
export type CheckResult = typeof CheckResult.Type

/** `isSound`: every check could look, and found nothing that nobody has acknowledged. */
export const DoctorReport = Schema.Struct({
  isSound: Schema.Boolean,
  results: Schema.Array(CheckResult)
}).annotate({ identifier: "DoctorReport" })
export type DoctorReport = typeof DoctorReport.Type

/**
 * Which checks to run: one by its name, else all of `reach` (`database` unless told). Full: over all rows, not only what changed.
 * With the id of a subject the check looks at that alone, whenever it changed.
 */
export const DoctorOrder = Schema.Struct({
  check: Schema.optionalKey(PlainText(60)),
  subject: Schema.optionalKey(PlainText(200)),
  isFull: Schema.optionalKey(Schema.Boolean),
  withChannels: Schema.optionalKey(Schema.Boolean)
}).check(
  Schema.makeFilter(
    ({ check, subject }) =>
      subject === undefined || check !== undefined || "a subject is looked at by the check of a name"
  )
)
export type DoctorOrder = typeof DoctorOrder.Type

export const Acknowledgement = Schema.Struct({ reason: NonBlankText(400) })

export class ViolationNotFound extends Problem<ViolationNotFound>()("ViolationNotFound", {
  status: 404,
  title: "There is no such violation",
  fields: { violationId: Schema.String }
}) {}

export class UnknownCheck extends Problem<UnknownCheck>()("UnknownCheck", {
  status: 404,
  title: "There is no such check",
  fields: { known: Schema.Array(Schema.String) },
  detail: ({ known }) => `The checks are ${known.join(", ")}`
}) {}
