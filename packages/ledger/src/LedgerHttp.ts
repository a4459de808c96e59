import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { MallApi } from "@mall/domain/MallApi"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect } from "effect"
import { freezeActs } from "./freezeActs.ts"
import { LedgerReads, seenBy } from "./LedgerReads.ts"

/** Serves the group `ledger`. Needs the services of `LedgerServices` and the middlewares. */
export const layer = ApiGroup.group(
  MallApi,
  "ledger",
  Effect.fn(function* (handlers) {
    const reads = yield* LedgerReads
    const { freeze, thaw } = yield* freezeActs
    return handlers.handleAll({
      accounts: ({ query }) => CurrentUser.use((user) => reads.accounts(seenBy(user), query)),
      entries: ({ params, query }) => CurrentUser.use((user) => reads.statement(seenBy(user), params.id, query)),
      trialBalance: ({ query }) => CurrentUser.use((user) => reads.trialBalance(seenBy(user), query.at)),
      freeze: ({ params, payload }) => freeze(params.id, payload.reason),
      thaw: ({ params, payload }) => thaw(params.id, payload.reason)
    })
  })
)
