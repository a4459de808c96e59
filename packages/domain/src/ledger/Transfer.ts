import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { AccountCode, Side } from "./Account.ts"

export const TransferId = Uuid7.pipe(Schema.brand("TransferId"), Schema.annotate({ identifier: "TransferId" }))
export type TransferId = typeof TransferId.Type

/**
 * `single` moves at once. `pending` holds until a later one posts it (all or a part), voids it, or it expires. A transfer is
 * never changed: what becomes of a pending one is a transfer of its own.
 */
export const TransferType = Schema.Literals(["single", "pending", "post", "void", "expire"]).annotate({
  identifier: "TransferType"
})
export type TransferType = typeof TransferType.Type

/** What a movement is for. */
export const Purpose = Schema.Literals([
  "capture",
  "surplus_capture",
  "refund",
  "surplus_refund",
  "dispute",
  "fee",
  "settlement",
  "reserve",
  "reserve_release",
  "payout",
  "payout_return",
  "conversion",
  "adjustment"
]).annotate({ identifier: "TransferPurpose" })
export type Purpose = typeof Purpose.Type

export const PositiveAmount = MinorUnits.check(Schema.isGreaterThan(0))

/** One side of a movement, in the currency of its account. */
export const Leg = Schema.Struct({ account: AccountCode, side: Side, amount: PositiveAmount }).annotate({
  identifier: "LedgerLeg"
})
export type Leg = typeof Leg.Type

/** Two legs at least, of an account each; the debits and the credits of every currency have one sum. */
export const Legs = Schema.Array(Leg).check(Schema.isMinLength(2), Schema.isMaxLength(32))

interface Said {
  readonly id: TransferId
  readonly purpose: Purpose
  readonly subject: string | null
  readonly actor: string
  readonly reason: string
  readonly traceId: string | null
}

/** A transfer that is asked for. A `post` without legs posts all that is pending. */
export type NewTransfer =
  | (Said & { readonly type: "single"; readonly legs: ReadonlyArray<Leg> })
  | (Said & { readonly type: "pending"; readonly legs: ReadonlyArray<Leg>; readonly expiresAt: Date | null })
  | (Said & { readonly type: "post"; readonly pendingId: TransferId; readonly legs: ReadonlyArray<Leg> | null })
  | (Said & { readonly type: "void" | "expire"; readonly pendingId: TransferId })

/** A change of one account by one transfer: what it adds to each of the four sums. */
export class Entry extends Schema.Class<Entry>("LedgerEntry")({
  transferId: TransferId,
  account: AccountCode,
  debitsPending: MinorUnits,
  debitsPosted: MinorUnits,
  creditsPending: MinorUnits,
  creditsPosted: MinorUnits
}) {}

export class Transfer extends Schema.Class<Transfer>("LedgerTransfer")({
  id: TransferId,
  type: TransferType,
  pendingId: Schema.NullOr(TransferId),
  purpose: Purpose,
  /** What it is about, such as the id of a payment. */
  subject: Schema.NullOr(Schema.String),
  /** The first transfer of those that were posted together or not at all. */
  linkedTo: Schema.NullOr(TransferId),
  expiresAt: Schema.NullOr(Schema.Date),
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}) {}

export const TransferPage = Page(Transfer)

/** `outcome` is null while a pending transfer waits, and for all others. `sequence` is its place in the hash chain, once sealed. */
export class TransferDetails extends Schema.Class<TransferDetails>("LedgerTransferDetails")({
  transfer: Transfer,
  entries: Schema.Array(Entry),
  outcome: Schema.NullOr(Schema.Literals(["posted", "voided", "expired"])),
  sequence: Schema.NullOr(Schema.Int)
}) {}

/** A line of an account's statement; `balance` is the posted one after it, on the account's normal side. */
export class StatementLine extends Schema.Class<StatementLine>("LedgerStatementLine")({
  at: Schema.Date,
  transferId: TransferId,
  type: TransferType,
  purpose: Purpose,
  subject: Schema.NullOr(Schema.String),
  reason: Schema.String,
  debitsPending: MinorUnits,
  debitsPosted: MinorUnits,
  creditsPending: MinorUnits,
  creditsPosted: MinorUnits,
  balance: MinorUnits
}) {}

/** Oldest first. */
export const StatementPage = Page(StatementLine)

/** A movement that a person makes to put the books right. The same id again answers with the transfer that exists. */
export const NewAdjustment = Schema.Struct({
  id: TransferId,
  legs: Legs,
  reason: NonBlankText(400),
  subject: Schema.optionalKey(PlainText(200))
}).annotate({ identifier: "NewLedgerAdjustment" })
export type NewAdjustment = typeof NewAdjustment.Type
