import { Schema } from "effect"
import { Money } from "../kernel/Money.ts"
import { Page } from "../kernel/Page.ts"
import { AttemptId, ChannelId, Payment, Refund } from "./Payment.ts"
import { PaymentId } from "./PaymentGateway.ts"
import { AttemptStatus } from "./PaymentLifecycle.ts"
import { RouteDecision } from "./Routing.ts"

/** One try to pay, as an operator sees it. */
export class Attempt extends Schema.Class<Attempt>("Attempt")({
  id: AttemptId,
  channel: ChannelId,
  method: Schema.String,
  status: AttemptStatus,
  amount: Money,
  /** What came so far where it is less than the amount; zero where nothing came, or all at once. */
  received: Money,
  channelReference: Schema.NullOr(Schema.String),
  errorCode: Schema.NullOr(Schema.String),
  /** Why it went to this channel. */
  decision: Schema.NullOr(RouteDecision),
  queries: Schema.Int,
  nextQueryAt: Schema.NullOr(Schema.Date),
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {}

/** One change of state: of what, from where to where, by whom and why; `traceId` finds it in traces and logs. */
export class PaymentChange extends Schema.Class<PaymentChange>("PaymentChange")({
  subject: Schema.Literals(["payment", "attempt", "refund"]),
  subjectId: Schema.String,
  fromStatus: Schema.NullOr(Schema.String),
  toStatus: Schema.String,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}) {}

export const CallbackStatus = Schema.Literals(["received", "processed", "ignored", "parked"]).annotate({
  identifier: "CallbackStatus"
})
export type CallbackStatus = typeof CallbackStatus.Type

/** A notice of a channel, verified and kept. `parked` waits for a person. */
export class Callback extends Schema.Class<Callback>("Callback")({
  id: Schema.String,
  channel: Schema.String,
  eventId: Schema.String,
  eventType: Schema.String,
  status: CallbackStatus,
  outcome: Schema.NullOr(Schema.String),
  paymentId: Schema.NullOr(PaymentId),
  runs: Schema.Int,
  receivedAt: Schema.Date,
  processedAt: Schema.NullOr(Schema.Date)
}) {}

export const CallbackPage = Page(Callback)

/** A payment with everything that happened to it. */
export class PaymentDetails extends Schema.Class<PaymentDetails>("PaymentDetails")({
  payment: Payment,
  attempts: Schema.Array(Attempt),
  refunds: Schema.Array(Refund),
  history: Schema.Array(PaymentChange),
  callbacks: Schema.Array(Callback)
}) {}
