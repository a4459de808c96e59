import { Schema } from "effect"
import { Page } from "../kernel/Page.ts"

/**
 * One thing that happened to a payment. `call`: a request to a channel, `request` as sent and `response` as received, both
 * without secrets. `change`: of a state. `notice`: what a channel told by itself. `security`: what somebody should look at.
 */
export class PaymentLogEntry extends Schema.Class<PaymentLogEntry>("PaymentLogEntry")({
  id: Schema.String,
  kind: Schema.Literals(["call", "change", "notice", "security"]),
  at: Schema.Date,
  subject: Schema.NullOr(Schema.Literals(["payment", "attempt", "refund"])),
  subjectId: Schema.NullOr(Schema.String),
  channel: Schema.NullOr(Schema.String),
  /** The operation, the states, the type of the event or the kind of the incident. */
  what: Schema.String,
  /** `ok`, or why a call did not do what was asked; why a state changed; what became of a notice. */
  outcome: Schema.NullOr(Schema.String),
  actor: Schema.NullOr(Schema.String),
  request: Schema.NullOr(Schema.Json),
  response: Schema.NullOr(Schema.Json),
  durationMillis: Schema.NullOr(Schema.Int),
  traceId: Schema.NullOr(Schema.String)
}) {}

/** Oldest first. */
export const PaymentLogPage = Page(PaymentLogEntry)
