import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import type { AccountCode, AccountId } from "@mall/domain/ledger/Account"
import { AccountFreezes } from "@mall/domain/ledger/AccountFreezes"
import { Effect } from "effect"
import { LedgerReads } from "./LedgerReads.ts"

/** Freezing and thawing by the user who is signed in; each answers with the account as it stands then. */
export const freezeActs = Effect.gen(function* () {
  const freezes = yield* AccountFreezes
  const reads = yield* LedgerReads
  const by = CurrentUser.useSync(({ userId }) => `user:${userId}`)
  return {
    freezes,
    freeze: Effect.fnUntraced(function* (account: AccountCode | AccountId, reason: string) {
      yield* freezes.freeze(account, { by: yield* by, reason, violation: null })
      return yield* reads.account("all", account)
    }),
    thaw: Effect.fnUntraced(function* (account: AccountCode | AccountId, reason: string) {
      yield* freezes.thaw(account, { by: yield* by, reason })
      return yield* reads.account("all", account)
    })
  }
})
