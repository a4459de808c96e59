import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { PayoutAdminRpcs, PayoutMerchantRpcs } from "@mall/domain/treasury/PayoutRpcs"
import { Effect } from "effect"
import { ownShop } from "./ownShop.ts"
import { PayoutAccounts } from "./PayoutAccounts.ts"
import { PayoutDecisions } from "./PayoutDecisions.ts"
import { PayoutReads } from "./PayoutReads.ts"
import { PayoutSending } from "./PayoutSending.ts"
import { shopSeenBy } from "./seenBy.ts"
import { Withdrawals } from "./Withdrawals.ts"

/** Serves `PayoutMerchantRpcs`. Needs the services of `PayoutServices`. */
export const merchantLayer = PayoutMerchantRpcs.toLayer(
  Effect.gen(function* () {
    const accounts = yield* PayoutAccounts
    const decisions = yield* PayoutDecisions
    const reads = yield* PayoutReads
    const withdrawals = yield* Withdrawals
    return PayoutMerchantRpcs.of({
      "payouts.accounts": (filter) => CurrentUser.use((user) => reads.accounts(shopSeenBy(user), filter)),
      "payouts.list": (filter) => CurrentUser.use((user) => reads.payouts(shopSeenBy(user), filter)),
      "payouts.show": ({ id }) => CurrentUser.use((user) => reads.payout(shopSeenBy(user), id)),
      "payouts.addAccount": ({ account, id }) =>
        Effect.flatMap(ownShop, ({ actor, merchantId }) => accounts.add(merchantId, account, actor, id)),
      "withdrawals.create": ({ id, withdrawal }) =>
        Effect.flatMap(ownShop, ({ actor, merchantId }) => withdrawals.create(merchantId, withdrawal, actor, id)),
      "withdrawals.cancel": ({ id, reason }) =>
        CurrentUser.use((user) => decisions.cancel(shopSeenBy(user), id, reason, user.actorName))
    })
  })
)

/** Serves `PayoutAdminRpcs`. Needs the services of `PayoutServices`. */
export const adminLayer = PayoutAdminRpcs.toLayer(
  Effect.gen(function* () {
    const accounts = yield* PayoutAccounts
    const decisions = yield* PayoutDecisions
    const reads = yield* PayoutReads
    const sending = yield* PayoutSending
    return PayoutAdminRpcs.of({
      "admin.payouts.accounts": (filter) => reads.accounts("all", filter),
      "admin.payouts.account": ({ id }) => accounts.details("all", id),
      "admin.payouts.verifyAccount": ({ id, reason }) =>
        CurrentUser.use(({ actorName }) => accounts.verify(id, reason, actorName)),
      "admin.payouts.rejectAccount": ({ id, reason }) =>
        CurrentUser.use(({ actorName }) => accounts.reject(id, reason, actorName)),
      "admin.payouts.list": (filter) => reads.payouts("all", filter),
      "admin.payouts.show": ({ id }) => reads.payout("all", id),
      "admin.payouts.approve": ({ id, reason }) =>
        CurrentUser.use(({ actorName }) => decisions.approve(id, reason, actorName)),
      "admin.payouts.reject": ({ id, reason }) =>
        CurrentUser.use(({ actorName }) => decisions.reject(id, reason, actorName)),
      "admin.payouts.cancel": ({ id, reason }) =>
        CurrentUser.use(({ actorName }) => decisions.cancel("all", id, reason, actorName)),
      "admin.payouts.query": ({ id }) => sending.query(id),
      "admin.payouts.return": ({ id, reason }) =>
        CurrentUser.use(({ actorName }) => decisions.takeBack(id, reason, actorName))
    })
  })
)
