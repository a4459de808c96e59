import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { PayoutAccountId } from "@mall/domain/treasury/PayoutAccount"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect, Layer } from "effect"
import { ownShop } from "./ownShop.ts"
import { PayoutAccounts } from "./PayoutAccounts.ts"
import { PayoutDecisions } from "./PayoutDecisions.ts"
import { PayoutReads } from "./PayoutReads.ts"
import { seenBy } from "./seenBy.ts"
import { Withdrawals } from "./Withdrawals.ts"

const accounts = ApiGroup.group(
  MallApi,
  "payoutAccounts",
  Effect.fn(function* (handlers) {
    const accounts = yield* PayoutAccounts
    const reads = yield* PayoutReads
    return handlers.handleAll({
      list: ({ query }) => CurrentUser.use((user) => reads.accounts(seenBy(user), query)),
      show: ({ params }) => CurrentUser.use((user) => accounts.details(seenBy(user), params.id)),
      add: ({ payload }) =>
        Effect.flatMap(Effect.all([ownShop, Operation]), ([{ actor, merchantId }, { id }]) =>
          accounts.add(merchantId, payload, actor, PayoutAccountId.make(id))
        )
    })
  })
)

const withdrawals = ApiGroup.group(
  MallApi,
  "withdrawals",
  Effect.fn(function* (handlers) {
    const decisions = yield* PayoutDecisions
    const reads = yield* PayoutReads
    const withdrawals = yield* Withdrawals
    return handlers.handleAll({
      list: ({ query }) => CurrentUser.use((user) => reads.payouts(seenBy(user), query)),
      show: ({ params }) => CurrentUser.use((user) => reads.payout(seenBy(user), params.id)),
      create: ({ payload }) =>
        Effect.flatMap(Effect.all([ownShop, Operation]), ([{ actor, merchantId }, { id }]) =>
          withdrawals.create(merchantId, payload, actor, PayoutId.make(id))
        ),
      cancel: ({ params, payload }) =>
        CurrentUser.use((user) => decisions.cancel(seenBy(user), params.id, payload.reason, user.actorName))
    })
  })
)

/** Serves the groups `payoutAccounts` and `withdrawals`. Needs the services of `PayoutServices` and the middlewares. */
export const layer = Layer.mergeAll(accounts, withdrawals)
