import { Context, Schema } from "effect"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { MinorUnits } from "../kernel/Money.ts"
import { AccountCode } from "./Account.ts"
import { TransferId } from "./Transfer.ts"
import type { Purpose } from "./Transfer.ts"

/** What one transfer did to one account: credits less debits, of what is posted and of what is pending. */
export const BookedEntry = Schema.Struct({
  transferId: TransferId,
  purpose: Schema.String,
  subject: Schema.String,
  account: AccountCode,
  posted: MinorUnits,
  pending: MinorUnits
})
export type BookedEntry = typeof BookedEntry.Type

/** What the books say, for who compares it with their own rows. All of it joins the ambient transaction, and locks nothing. */
export class BookedTransfers extends Context.Service<
  BookedTransfers,
  {
    /** By subject, all that was posted about these for these purposes. */
    about(
      subjects: ReadonlyArray<string>,
      purposes: ReadonlyArray<Purpose>
    ): Effect.Effect<ReadonlyMap<string, ReadonlyArray<BookedEntry>>, SqlError>
    /** What is posted on these accounts, credits less debits. None where there is no such account. */
    balances(accounts: ReadonlyArray<AccountCode>): Effect.Effect<ReadonlyMap<AccountCode, number>, SqlError>
  }
>()("@mall/domain/ledger/BookedTransfers") {}
