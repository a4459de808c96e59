import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { Problem } from "../kernel/Problem.ts"

export const AlertId = Uuid7.pipe(Schema.brand("AlertId"), Schema.annotate({ identifier: "AlertId" }))
export type AlertId = typeof AlertId.Type

/** What is watched, with the thresholds of the source documents: see `alertRules.ts`; `doctor_violation` is told by the doctor. */
export const AlertKind = Schema.Literals([
  "signature_failures",
  "duplicate_callbacks",
  "ticket_failures",
  "order_enumeration",
  "token_abuse",
  "doctor_violation"
]).annotate({ identifier: "AlertKind" })
export type AlertKind = typeof AlertKind.Type

/** `P0` wakes somebody up, `P1` is for the same day, `P2` for the same week. */
export const Severity = Schema.Literals(["P0", "P1", "P2"]).annotate({ identifier: "Severity" })
export type Severity = typeof Severity.Type

/** Something that a person has to know. While it goes on there is one alert of its kind and subject; it resolves by itself. */
export class Alert extends Schema.Class<Alert>("Alert")({
  id: AlertId,
  kind: AlertKind,
  /** What it is about, where alerts of its kind are about several things: the check of the doctor. Else empty. */
  subject: Schema.String,
  severity: Severity,
  /** What was seen, with figures. */
  message: Schema.String,
  openedAt: Schema.Date,
  lastSeenAt: Schema.Date,
  resolvedAt: Schema.NullOr(Schema.Date),
  acknowledgedAt: Schema.NullOr(Schema.Date),
  acknowledgedBy: Schema.NullOr(Schema.String),
  /** When people were told last; null where nobody could be told yet, or there is nobody to tell. */
  notifiedAt: Schema.NullOr(Schema.Date)
}) {}

export const AlertPage = Page(Alert)

export class AlertNotFound extends Problem<AlertNotFound>()("AlertNotFound", {
  status: 404,
  title: "There is no such alert",
  fields: { alertId: Schema.String }
}) {}
