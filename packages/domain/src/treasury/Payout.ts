import { Schema } from "effect"
import { PositiveMoney } from "../kernel/Money.ts"
import { Money } from "../kernel/Money.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { changeOf, PayoutAccountId } from "./PayoutAccount.ts"
import { PayoutId } from "./Payouts.ts"

/**
 * `submitting`: a worker is about to tell the bank, or was when it died. `submitted`: the bank has taken it. `unknown`: no
 * answer came, so that the bank is asked. `refused`: it did not pay, and the money is the merchant's again. `returned`: it
 * paid, and the merchant's bank sent the money back.
 */
export const PayoutStatus = Schema.Literals([
  "requested",
  "awaiting_approval",
  "approved",
  "submitting",
  "submitted",
  "unknown",
  "paid",
  "refused",
  "returned",
  "rejected",
  "cancelled"
]).annotate({ identifier: "PayoutStatus" })
export type PayoutStatus = typeof PayoutStatus.Type

/** A bank that knows nothing of a pay-out is told of it again, under the same id: hence the ways back to `approved`. */
export const payoutStates = StateMachine.make<PayoutStatus>({
  requested: ["awaiting_approval", "approved"],
  awaiting_approval: ["approved", "rejected", "cancelled"],
  approved: ["submitting", "rejected", "cancelled"],
  submitting: ["submitted", "unknown", "paid", "refused", "approved"],
  submitted: ["unknown", "paid", "refused"],
  unknown: ["submitted", "paid", "refused", "approved"],
  paid: ["returned"],
  refused: [],
  returned: [],
  rejected: [],
  cancelled: []
})

export const PayoutKind = Schema.Literals(["settlement", "withdrawal"]).annotate({ identifier: "PayoutKind" })
export type PayoutKind = typeof PayoutKind.Type

/** Money on its way to a merchant's bank account. */
export class Payout extends Schema.Class<Payout>("Payout")({
  id: PayoutId,
  merchantId: MerchantId,
  accountId: PayoutAccountId,
  kind: PayoutKind,
  /** What it pays, such as the id of a settlement. */
  subject: Schema.NullOr(Schema.String),
  money: Money,
  status: PayoutStatus,
  /** How it is told to the bank: by which channel. */
  channel: Schema.String,
  /** The bank's own number. */
  bankReference: Schema.NullOr(Schema.String),
  /** Why the bank refused it or sent it back. */
  failure: Schema.NullOr(Schema.String),
  /** How many people have to say yes. */
  approvalsNeeded: Schema.Int,
  approvedBy: Schema.Array(Schema.String),
  requestedBy: Schema.String,
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {}

export class PayoutDetails extends Schema.Class<PayoutDetails>("PayoutDetails")({
  payout: Payout,
  history: Schema.Array(changeOf(PayoutStatus))
}) {}

export const PayoutPage = Page(Payout)

export const NewWithdrawal = Schema.Struct({ money: PositiveMoney, reason: NonBlankText(400) }).annotate({
  identifier: "NewWithdrawal"
})
export type NewWithdrawal = typeof NewWithdrawal.Type
