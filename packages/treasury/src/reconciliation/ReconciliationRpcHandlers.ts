import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { ChannelFeeId } from "@mall/domain/treasury/ChannelFee"
import { CorrectionId } from "@mall/domain/treasury/Difference"
import { OwnReconciliationRpcs } from "@mall/domain/treasury/OwnReconciliationRpcs"
import { ReconciliationAdminRpcs } from "@mall/domain/treasury/ReconciliationRpcs"
import { RunId } from "@mall/domain/treasury/Run"
import { Effect } from "effect"
import { actorOf } from "./actorOf.ts"
import { ChannelFees } from "./ChannelFees.ts"
import { Differences } from "./Differences.ts"
import { OwnReconciliation, ownShop } from "./OwnReconciliation.ts"
import { ReconciliationReads } from "./ReconciliationReads.ts"
import { Rules } from "./Rules.ts"
import { Runs } from "./Runs.ts"

const newRunId = generator(RunId)
const newFeeId = generator(ChannelFeeId)
const newCorrectionId = generator(CorrectionId)

/** Serves `ReconciliationAdminRpcs`. Needs the services of `ReconciliationServices`. */
export const adminLayer = ReconciliationAdminRpcs.toLayer(
  Effect.gen(function* () {
    const differences = yield* Differences
    const reads = yield* ReconciliationReads
    const rules = yield* Rules
    const runs = yield* Runs
    const fees = yield* ChannelFees
    return ReconciliationAdminRpcs.of({
      "admin.recon.channels": ({ merchantId }) => reads.channels(merchantId),
      "admin.recon.runs": (filter) => reads.runs(filter),
      "admin.recon.show": ({ run }) => reads.run(run),
      "admin.recon.differences": (filter) => reads.differences(filter),
      "admin.recon.difference": ({ id }) => differences.details(id),
      "admin.recon.report": (asked) => reads.report(asked),
      "admin.recon.rules": () => rules.current,
      "admin.recon.fees": () => fees.all,
      "admin.recon.addFee": (fee) =>
        Effect.flatMap(Effect.all([CurrentUser, newFeeId]), ([user, id]) => fees.add(fee, actorOf(user), id)),
      "admin.recon.setRules": (change) => CurrentUser.use((user) => rules.put(change, actorOf(user))),
      "admin.recon.run": (asked) =>
        Effect.flatMap(Effect.all([CurrentUser, newRunId]), ([user, id]) => runs.ask(asked, actorOf(user), id)),
      "admin.recon.assign": ({ id, ...assignment }) =>
        CurrentUser.use((user) => differences.assign(id, assignment, actorOf(user))),
      "admin.recon.resolve": ({ id, ...decision }) =>
        CurrentUser.use((user) => differences.resolve(id, decision, actorOf(user))),
      "admin.recon.draft": ({ id, ...correction }) =>
        Effect.flatMap(Effect.all([CurrentUser, newCorrectionId]), ([user, correctionId]) =>
          differences.draft(id, correction, actorOf(user), correctionId)
        ),
      "admin.recon.approve": ({ id, ...decision }) =>
        CurrentUser.use((user) => differences.approve(id, decision, actorOf(user))),
      "admin.recon.reject": ({ id, ...decision }) =>
        CurrentUser.use((user) => differences.reject(id, decision, actorOf(user)))
    })
  })
)

/** Serves `OwnReconciliationRpcs`. Needs the services of `ReconciliationServices`. */
export const merchantLayer = OwnReconciliationRpcs.toLayer(
  Effect.gen(function* () {
    const reads = yield* OwnReconciliation
    return OwnReconciliationRpcs.of({
      "recon.runs": (filter) => Effect.flatMap(ownShop, (shop) => reads.runs(shop, filter)),
      "recon.run": ({ id }) => Effect.flatMap(ownShop, (shop) => reads.run(shop, id)),
      "recon.differences": (filter) => Effect.flatMap(ownShop, (shop) => reads.differences(shop, filter)),
      "recon.difference": ({ id }) => Effect.flatMap(ownShop, (shop) => reads.difference(shop, id))
    })
  })
)
