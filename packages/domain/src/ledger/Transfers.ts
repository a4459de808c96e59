import { Context } from "effect"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { AccountCode } from "./Account.ts"
import type { PostRefused } from "./LedgerError.ts"
import type { NewTransfer } from "./Transfer.ts"

/**
 * The books, for the contexts that ask for a movement: it may be refused, unlike what `Journal` records. Money that is to leave
 * is first held by a `pending` transfer, and then posted or voided.
 */
export class Transfers extends Context.Service<
  Transfers,
  {
    /**
     * Posts transfers in this order, all or none. Joins the ambient transaction, which a refusal leaves usable, and holds rows of
     * the accounts until its end: call it as the last thing that waits for a lock. The same ids with the same content change
     * nothing.
     */
    post(transfers: ReadonlyArray<NewTransfer>): Effect.Effect<void, PostRefused | SqlError>
    /**
     * What is posted on the account less what is pending against it, on its normal side, in minor units; 0 where there is none.
     * Joins the ambient transaction, and holds the account's rows until its end.
     */
    available(account: AccountCode): Effect.Effect<number, SqlError>
  }
>()("@mall/domain/ledger/Transfers") {}
