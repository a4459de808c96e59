import { Schema } from "effect"
import { SkuId } from "../catalog/Catalog.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { Money } from "../kernel/Money.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { Problem } from "../kernel/Problem.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import { RefundId } from "../payments/PaymentGateway.ts"
import { Actor, maximumLines, OrderId, Quantity } from "./Order.ts"

/** The id of the operation that asked for the return. */
export const ReturnId = Uuid7.pipe(Schema.brand("ReturnId"), Schema.annotate({ identifier: "ReturnId" }))
export type ReturnId = typeof ReturnId.Type

export const ReturnStatus = Schema.Literals([
  "requested",
  "approved",
  "rejected",
  "canceled",
  "received",
  "refunded"
]).annotate({ identifier: "ReturnStatus" })
export type ReturnStatus = typeof ReturnStatus.Type

/** The life of a return. What was received is owed to the buyer until it is refunded, however often the channel refuses. */
export const returnStates = StateMachine.make<ReturnStatus>({
  requested: ["approved", "rejected", "canceled"],
  approved: ["received", "canceled"],
  rejected: [],
  canceled: [],
  received: ["refunded"],
  refunded: []
})

export const ReturnedPieces = Schema.Struct({ skuId: SkuId, quantity: Quantity }).annotate({
  identifier: "ReturnedPieces"
})

/** What a buyer wants to send back. */
export const NewReturn = Schema.Struct({
  lines: Schema.Array(ReturnedPieces).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(maximumLines),
    Schema.makeFilter(
      (lines: ReadonlyArray<{ readonly skuId: SkuId }>) =>
        new Set(lines.map(({ skuId }) => skuId)).size === lines.length || "must name each product once"
    )
  ),
  reason: NonBlankText(500)
}).annotate({ identifier: "NewReturn" })
export type NewReturn = typeof NewReturn.Type

/** Why a merchant does not take something back. */
export const Rejection = Schema.Struct({ reason: NonBlankText(500) }).annotate({ identifier: "Rejection" })

/** Whether what came back may be sold again. */
export const Receipt = Schema.Struct({ restock: Schema.Boolean }).annotate({ identifier: "Receipt" })

export const ReturnEvent = Schema.Struct({
  from: Schema.NullOr(ReturnStatus),
  to: ReturnStatus,
  actor: Actor,
  reason: PlainText(1000),
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "ReturnEvent" })

/** Pieces of an order on their way back. `amount` is what is given back for them: what they cost. */
export const Return = Schema.Struct({
  id: ReturnId,
  orderId: OrderId,
  status: ReturnStatus,
  lines: Schema.Array(Schema.Struct({ ...ReturnedPieces.fields, amount: Money })),
  amount: Money,
  reason: Schema.String,
  /** Null until it was received. */
  restocked: Schema.NullOr(Schema.Boolean),
  refundId: Schema.NullOr(RefundId),
  /** Why the last refund was not carried out; somebody has to look, and may ask for another. */
  refundFailure: Schema.NullOr(Schema.String),
  requestedAt: Schema.Date,
  /** Oldest first. */
  history: Schema.Array(ReturnEvent)
}).annotate({ identifier: "Return" })
export type Return = typeof Return.Type

/** No such return of this order, or it is somebody else's. */
export class ReturnNotFound extends Problem<ReturnNotFound>()("ReturnNotFound", {
  status: 404,
  title: "There is no such return",
  fields: { returnId: ReturnId }
}) {}

/** The return is in a state in which this cannot be done. */
export class ReturnStateConflict extends Problem<ReturnStateConflict>()("ReturnStateConflict", {
  status: 409,
  title: "The return is not in a state for this",
  fields: { returnId: ReturnId, returnStatus: ReturnStatus },
  detail: ({ returnStatus }) => `The return is ${returnStatus}`
}) {}

/** The id that the caller chose for this return belongs to another one. */
export class ReturnIdTaken extends Problem<ReturnIdTaken>()("ReturnIdTaken", {
  status: 409,
  title: "This return id is taken",
  fields: { returnId: ReturnId }
}) {}

/** The time to send something back is over. */
export class ReturnWindowPassed extends Problem<ReturnWindowPassed>()("ReturnWindowPassed", {
  status: 409,
  title: "The time to send something back is over",
  fields: { until: Schema.Date }
}) {}

/** More pieces than were bought and are not on their way back; 0 also for what is not in the order. */
export class ReturnQuantityExceeded extends Problem<ReturnQuantityExceeded>()("ReturnQuantityExceeded", {
  status: 422,
  title: "More than can be sent back",
  fields: { skuId: SkuId, returnable: Schema.Int },
  detail: ({ returnable }) => `At most ${returnable} can be sent back`
}) {}
