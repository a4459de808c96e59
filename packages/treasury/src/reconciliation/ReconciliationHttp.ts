import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { Operation } from "@mall/domain/kernel/Operation"
import { MallApi } from "@mall/domain/MallApi"
import { ChannelFeeId } from "@mall/domain/treasury/ChannelFee"
import { CorrectionId } from "@mall/domain/treasury/Difference"
import { RunId } from "@mall/domain/treasury/Run"
import * as ApiGroup from "@mall/platform/http/apiGroup"
import { Effect, Layer } from "effect"
import { ChannelFees } from "./ChannelFees.ts"
import { Differences } from "./Differences.ts"
import { actorOf } from "./actorOf.ts"
import { OwnReconciliation, ownShop } from "./OwnReconciliation.ts"
import { ReconciliationReads } from "./ReconciliationReads.ts"
import { Rules } from "./Rules.ts"
import { Runs } from "./Runs.ts"

const platform = ApiGroup.group(
  MallApi,
  "reconciliation",
  Effect.fn(function* (handlers) {
    const differences = yield* Differences
    const reads = yield* ReconciliationReads
    const rules = yield* Rules
    const runs = yield* Runs
    const fees = yield* ChannelFees
    return handlers.handleAll({
      channels: ({ query }) => reads.channels(query.merchantId),
      runs: ({ query }) => reads.runs(query),
      show: ({ params }) => reads.run(params.id),
      differences: ({ query }) => reads.differences(query),
      difference: ({ params }) => differences.details(params.id),
      report: ({ query }) => reads.report(query),
      rules: () => rules.current,
      fees: () => fees.all,
      addFee: ({ payload }) =>
        Effect.flatMap(Effect.all([CurrentUser, Operation]), ([user, { id }]) =>
          fees.add(payload, actorOf(user), ChannelFeeId.make(id))
        ),
      setRules: ({ payload }) => CurrentUser.use((user) => rules.put(payload, actorOf(user))),
      run: ({ payload }) =>
        Effect.flatMap(Effect.all([CurrentUser, Operation]), ([user, { id }]) =>
          runs.ask(payload, actorOf(user), RunId.make(id))
        ),
      assign: ({ params, payload }) => CurrentUser.use((user) => differences.assign(params.id, payload, actorOf(user))),
      resolve: ({ params, payload }) =>
        CurrentUser.use((user) => differences.resolve(params.id, payload, actorOf(user))),
      draft: ({ params, payload }) =>
        Effect.flatMap(Effect.all([CurrentUser, Operation]), ([user, { id }]) =>
          differences.draft(params.id, payload, actorOf(user), CorrectionId.make(id))
        ),
      approve: ({ params, payload }) =>
        CurrentUser.use((user) => differences.approve(params.id, payload, actorOf(user))),
      reject: ({ params, payload }) => CurrentUser.use((user) => differences.reject(params.id, payload, actorOf(user)))
    })
  })
)

const own = ApiGroup.group(
  MallApi,
  "ownReconciliation",
  Effect.fn(function* (handlers) {
    const reads = yield* OwnReconciliation
    return handlers.handleAll({
      runs: ({ query }) => Effect.flatMap(ownShop, (shop) => reads.runs(shop, query)),
      run: ({ params }) => Effect.flatMap(ownShop, (shop) => reads.run(shop, params.id)),
      differences: ({ query }) => Effect.flatMap(ownShop, (shop) => reads.differences(shop, query)),
      difference: ({ params }) => Effect.flatMap(ownShop, (shop) => reads.difference(shop, params.id))
    })
  })
)

/** Serves the groups of reconciliation. Needs the services of `ReconciliationServices` and the middlewares. */
export const layer = Layer.mergeAll(platform, own)
