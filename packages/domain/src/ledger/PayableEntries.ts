import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits } from "../kernel/Money.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Purpose, TransferId } from "./Transfer.ts"

/** What a transfer changed of what the platform owes a merchant: above zero it owes more. */
export const PayableEntry = Schema.Struct({
  entryId: Schema.Int,
  transferId: TransferId,
  purpose: Purpose,
  subject: Schema.NullOr(Schema.String),
  amount: MinorUnits,
  at: Schema.Date
})
export type PayableEntry = typeof PayableEntry.Type

/** A merchant whom the platform owes, or owed, money of the currency. */
export const Payable = Schema.Struct({ merchantId: MerchantId, currency: Currency, openedAt: Schema.Date })
export type Payable = typeof Payable.Type

/** `from` and `until` are times of posting, the second not included. */
export interface PayableSpan {
  readonly merchantId: MerchantId
  readonly currency: Currency
  readonly from: Date
  readonly until: Date
}

/** What the entries of a span come to, and how many there are. */
export const PayableTotal = Schema.Struct({
  merchantId: MerchantId,
  currency: Currency,
  entries: Schema.Int,
  amount: MinorUnits
})
export type PayableTotal = typeof PayableTotal.Type

/** The entries of the accounts `<merchant>:payable:<currency>`, without those by which they were settled before. */
export class PayableEntries extends Context.Service<
  PayableEntries,
  {
    /** Up to `limit` of those after the entry `after`, in the order of their ids. Joins the ambient transaction. */
    page(span: PayableSpan, after: number, limit: number): Effect.Effect<ReadonlyArray<PayableEntry>, SqlError>
    /** Of each merchant's span; spans without an entry have no total. Joins the ambient transaction. */
    totals(spans: ReadonlyArray<PayableSpan>): Effect.Effect<ReadonlyArray<PayableTotal>, SqlError>
    /** The accounts that were opened since. */
    openedSince(since: Date): Effect.Effect<ReadonlyArray<Payable>, SqlError>
  }
>()("@mall/domain/ledger/PayableEntries") {}
