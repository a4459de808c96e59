import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { LedgerAdminRpcs, LedgerMerchantRpcs } from "@mall/domain/ledger/LedgerRpcs"
import { Effect } from "effect"
import { freezeActs } from "./freezeActs.ts"
import { HashChain } from "./HashChain.ts"
import { Ledger } from "./Ledger.ts"
import { LedgerReads, seenBy } from "./LedgerReads.ts"

/** Serves `LedgerMerchantRpcs`. Needs the services of `LedgerServices`. */
export const merchantLayer = LedgerMerchantRpcs.toLayer(
  Effect.map(LedgerReads, (reads) =>
    LedgerMerchantRpcs.of({
      "ledger.accounts": (filter) => CurrentUser.use((user) => reads.accounts(seenBy(user), filter)),
      "ledger.statement": ({ account, ...filter }) =>
        CurrentUser.use((user) => reads.statement(seenBy(user), account, filter)),
      "ledger.trialBalance": ({ at }) => CurrentUser.use((user) => reads.trialBalance(seenBy(user), at))
    })
  )
)

/** Serves `LedgerAdminRpcs`. Needs the services of `LedgerServices`. */
export const adminLayer = LedgerAdminRpcs.toLayer(
  Effect.gen(function* () {
    const chain = yield* HashChain
    const ledger = yield* Ledger
    const reads = yield* LedgerReads
    const { freeze, freezes, thaw } = yield* freezeActs
    return LedgerAdminRpcs.of({
      "admin.ledger.accounts": (filter) => reads.accounts("all", filter),
      "admin.ledger.account": ({ account, at }) => reads.account("all", account, at),
      "admin.ledger.statement": ({ account, ...filter }) => reads.statement("all", account, filter),
      "admin.ledger.transfers": (filter) => reads.transfers(filter),
      "admin.ledger.transfer": ({ id }) => reads.transfer(id),
      "admin.ledger.trialBalance": ({ at }) => reads.trialBalance("all", at),
      "admin.ledger.verify": () => chain.verify,
      "admin.ledger.adjust": (adjustment) =>
        CurrentUser.use(({ userId }) => ledger.adjust(adjustment, `user:${userId}`)).pipe(
          Effect.andThen(reads.transfer(adjustment.id)),
          Effect.catchTag("TransferNotFound", Effect.die)
        ),
      "admin.ledger.freeze": ({ account, reason }) => freeze(account, reason),
      "admin.ledger.thaw": ({ account, reason }) => thaw(account, reason),
      "admin.ledger.freezes": ({ account }) => freezes.history(account)
    })
  })
)
