import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import { Legs } from "../ledger/Transfer.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { ChannelId } from "../payments/Payment.ts"
import { BillDay, MovementState } from "./Bill.ts"
import { RunId } from "./Run.ts"

export const DifferenceId = Uuid7.pipe(Schema.brand("DifferenceId"), Schema.annotate({ identifier: "DifferenceId" }))
export type DifferenceId = typeof DifferenceId.Type

/** Also the id of the ledger's transfer, once it is approved. */
export const CorrectionId = Uuid7.pipe(Schema.brand("CorrectionId"), Schema.annotate({ identifier: "CorrectionId" }))
export type CorrectionId = typeof CorrectionId.Type

/**
 * `missing_here`: in the bill, unknown to us. `missing_there`: succeeded with us, not in the bill. `timing`: the bill has it on
 * another day than we. `duplicate`: the bill has it more than once. `fee_differs`: the channel took another fee for the line than
 * the rule in force says; a line may have this beside another difference.
 */
export const DifferenceClass = Schema.Literals([
  "amount_differs",
  "missing_here",
  "missing_there",
  "duplicate",
  "state_differs",
  "timing",
  "fee_differs"
]).annotate({ identifier: "DifferenceClass" })
export type DifferenceClass = typeof DifferenceClass.Type

/**
 * `carried`: expected in the next day's bill. `drafted`: a correction waits for a second person. `superseded`: a later run of
 * the same day does not find it any more.
 */
export const DifferenceStatus = Schema.Literals(["open", "carried", "drafted", "resolved", "superseded"]).annotate({
  identifier: "DifferenceStatus"
})
export type DifferenceStatus = typeof DifferenceStatus.Type

export const differenceStates = StateMachine.make<DifferenceStatus>({
  open: ["drafted", "resolved", "superseded"],
  carried: ["open", "resolved", "superseded"],
  drafted: ["open", "resolved", "superseded"],
  superseded: ["open", "carried", "resolved"],
  resolved: []
})

/** Of the two sides each is null where it does not know the movement. Amounts in minor units. */
export class Difference extends Schema.Class<Difference>("ReconciliationDifference")({
  id: DifferenceId,
  runId: RunId,
  channel: ChannelId,
  account: Schema.String,
  /** Whose own account it is; null where it is the platform's. */
  merchantId: Schema.NullOr(MerchantId),
  day: BillDay,
  class: DifferenceClass,
  kind: Schema.Literals(["payment", "refund"]),
  /** Our number in the form that the channel repeats. */
  reference: Schema.String,
  channelReference: Schema.NullOr(Schema.String),
  paymentId: Schema.NullOr(Schema.String),
  /** The line of the bill. */
  line: Schema.NullOr(Schema.Int),
  billAmount: Schema.NullOr(MinorUnits),
  billCurrency: Schema.NullOr(Currency),
  billState: Schema.NullOr(MovementState),
  ourAmount: Schema.NullOr(MinorUnits),
  ourCurrency: Schema.NullOr(Currency),
  ourState: Schema.NullOr(MovementState),
  /** What the channel took, and what it should have by the rule in force; below zero what it gave back. Only of `fee_differs`. */
  billFee: Schema.NullOr(MinorUnits),
  ourFee: Schema.NullOr(MinorUnits),
  /** What the channel holds for us beyond what our records say; null where the currencies differ. */
  excess: Schema.NullOr(MinorUnits),
  status: DifferenceStatus,
  assignee: Schema.NullOr(Schema.String),
  note: Schema.NullOr(Schema.String),
  /** Why it is resolved. */
  resolution: Schema.NullOr(Schema.String),
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {}

export const DifferencePage = Page(Difference)

/** A movement in the books that would put a difference right. It is posted when a second person approves. */
export class Correction extends Schema.Class<Correction>("ReconciliationCorrection")({
  id: CorrectionId,
  differenceId: DifferenceId,
  legs: Legs,
  reason: Schema.String,
  status: Schema.Literals(["drafted", "approved", "rejected", "superseded"]),
  draftedBy: Schema.String,
  draftedAt: Schema.Date,
  decidedBy: Schema.NullOr(Schema.String),
  decidedAt: Schema.NullOr(Schema.Date),
  decision: Schema.NullOr(Schema.String)
}) {}

export const DifferenceChange = Schema.Struct({
  fromStatus: Schema.NullOr(DifferenceStatus),
  toStatus: DifferenceStatus,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "ReconciliationDifferenceChange" })

/** `proposal`: legs that would bring the books to what the channel says; none where no money differs. */
export class DifferenceDetails extends Schema.Class<DifferenceDetails>("ReconciliationDifferenceDetails")({
  difference: Difference,
  proposal: Schema.NullOr(Legs),
  corrections: Schema.Array(Correction),
  history: Schema.Array(DifferenceChange)
}) {}

const Why = NonBlankText(400)

/** Who takes care of it, and what they know so far. */
export const Assignment = Schema.Struct({
  assignee: Schema.optionalKey(Schema.NullOr(PlainText(100))),
  note: Schema.optionalKey(Schema.NullOr(PlainText(2000)))
}).annotate({ identifier: "ReconciliationAssignment" })
export type Assignment = typeof Assignment.Type

export const Decision = Schema.Struct({ reason: Why }).annotate({ identifier: "ReconciliationDecision" })
export type Decision = typeof Decision.Type

/** Without `legs` those of the proposal. */
export const NewCorrection = Schema.Struct({ reason: Why, legs: Schema.optionalKey(Legs) }).annotate({
  identifier: "NewReconciliationCorrection"
})
export type NewCorrection = typeof NewCorrection.Type
