import { Context, Schema } from "effect"
import type { Effect } from "effect"
import { NonBlankText } from "../kernel/PlainText.ts"
import { parseAccountCode } from "./Account.ts"
import type { AccountCode, AccountId, AccountKind } from "./Account.ts"
import type { AccountNotThawable, LedgerAccountNotFound } from "./LedgerError.ts"

/** Why a person freezes or thaws an account; kept in its history. */
export const FreezeReason = Schema.Struct({ reason: NonBlankText(400) })

/** One freeze of an account and its end. `violation` is the finding of the doctor that asked for it; null for a person. */
export const AccountFreeze = Schema.Struct({
  frozenAt: Schema.Date,
  frozenBy: Schema.String,
  reason: Schema.String,
  violation: Schema.NullOr(Schema.String),
  traceId: Schema.NullOr(Schema.String),
  thawedAt: Schema.NullOr(Schema.Date),
  thawedBy: Schema.NullOr(Schema.String),
  thawReason: Schema.NullOr(Schema.String)
}).annotate({ identifier: "LedgerAccountFreeze" })
export type AccountFreeze = typeof AccountFreeze.Type

const ofOneParty: ReadonlySet<AccountKind> = new Set(["payable", "settlement", "reserves", "wallet"])

/**
 * Whether an account may be frozen without a person: those that hold what is owed to one party, since money leaves through
 * them by request. What all share (clearing, bank, fx, fees) stops everybody's payments for the fault of one.
 */
export const freezesItself = (code: AccountCode) => ofOneParty.has(parseAccountCode(code).kind)

/** Keeps accounts from movements that are asked for, until a person thaws them. */
export class AccountFreezes extends Context.Service<
  AccountFreezes,
  {
    /**
     * Commits before it answers. False where nothing was to be done: for a violation, where the account was frozen for it
     * before, be it thawed since; for a person, where it is frozen.
     */
    freeze(
      account: AccountCode | AccountId,
      order: { readonly by: string; readonly reason: string; readonly violation: string | null }
    ): Effect.Effect<boolean, LedgerAccountNotFound>
    /** Ends every freeze of the account. */
    thaw(
      account: AccountCode | AccountId,
      order: { readonly by: string; readonly reason: string }
    ): Effect.Effect<void, LedgerAccountNotFound | AccountNotThawable>
    /** The latest hundred, newest first. */
    history(account: AccountCode | AccountId): Effect.Effect<ReadonlyArray<AccountFreeze>>
  }
>()("@mall/domain/ledger/AccountFreezes") {}
