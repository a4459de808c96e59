import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Audited } from "../operations/Audit.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { ChannelId } from "../payments/Payment.ts"
import { BillDay } from "./Bill.ts"
import { ChannelFee, NewChannelFee } from "./ChannelFee.ts"
import {
  Assignment,
  Decision,
  DifferenceClass,
  DifferenceDetails,
  DifferenceId,
  DifferencePage,
  DifferenceStatus,
  NewCorrection
} from "./Difference.ts"
import {
  approvalErrors,
  DifferenceNotFound,
  DifferenceNotOpen,
  draftErrors,
  ResolutionRulesChanged,
  runErrors,
  RunNotFound
} from "./ReconciliationError.ts"
import { ReconciliationReport } from "./ReconciliationReport.ts"
import { RuleChange, RuleSet } from "./Rule.ts"
import { NewRun, ReconciliationChannel, Run, RunDetails, RunId, RunPage, RunStatus } from "./Run.ts"

const id = { id: DifferenceId }
const ofMerchant = { merchantId: Schema.optionalKey(MerchantId) }
const ofChannel = { ...ofMerchant, channel: Schema.optionalKey(ChannelId), day: Schema.optionalKey(BillDay) }
const settleErrors = Schema.Union([DifferenceNotFound, DifferenceNotOpen])

class Reads extends RpcGroup.make(
  Rpc.make("admin.recon.channels", { payload: ofMerchant, success: Schema.Array(ReconciliationChannel) }),
  Rpc.make("admin.recon.runs", {
    payload: { ...pageRequest, ...ofChannel, status: Schema.optionalKey(RunStatus) },
    success: RunPage,
    error: InvalidCursor
  }),
  Rpc.make("admin.recon.show", { payload: { run: RunId }, success: RunDetails, error: RunNotFound }),
  Rpc.make("admin.recon.differences", {
    payload: {
      ...{ ...pageRequest, ...ofChannel, class: Schema.optionalKey(DifferenceClass) },
      status: Schema.optionalKey(DifferenceStatus)
    },
    success: DifferencePage,
    error: InvalidCursor
  }),
  Rpc.make("admin.recon.difference", { payload: id, success: DifferenceDetails, error: DifferenceNotFound }),
  Rpc.make("admin.recon.report", {
    payload: { ...ofMerchant, from: BillDay, to: BillDay },
    success: ReconciliationReport
  }),
  Rpc.make("admin.recon.rules", { success: RuleSet }),
  Rpc.make("admin.recon.fees", { success: Schema.Array(ChannelFee) })
)
  .annotateRpcs(RequiredPermission, "reconciliation:read")
  .annotateRpcs(Audited, "nothing") {}

class Acts extends RpcGroup.make(
  /** Answers at once with the run, which a worker sees to: `admin.recon.show` tells how far it is. */
  Rpc.make("admin.recon.run", { payload: NewRun.fields, success: Run, error: Schema.Union(runErrors) }).annotate(
    Audited,
    "reconciliation.run"
  ),
  Rpc.make("admin.recon.assign", {
    payload: { ...id, ...Assignment.fields },
    success: DifferenceDetails,
    error: settleErrors
  }).annotate(Audited, "difference.assign"),
  Rpc.make("admin.recon.resolve", {
    payload: { ...id, ...Decision.fields },
    success: DifferenceDetails,
    error: settleErrors
  }).annotate(Audited, "difference.resolve"),
  Rpc.make("admin.recon.draft", {
    payload: { ...id, ...NewCorrection.fields },
    success: DifferenceDetails,
    error: Schema.Union(draftErrors)
  }).annotate(Audited, "difference.draft"),
  Rpc.make("admin.recon.setRules", {
    payload: RuleChange.fields,
    success: RuleSet,
    error: ResolutionRulesChanged
  }).annotate(Audited, "resolution_rules.put"),
  Rpc.make("admin.recon.addFee", { payload: NewChannelFee.fields, success: ChannelFee }).annotate(
    Audited,
    "channel_fee.add"
  )
).annotateRpcs(RequiredPermission, "reconciliation:administer") {}

class Approvals extends RpcGroup.make(
  Rpc.make("admin.recon.approve", {
    payload: { ...id, ...Decision.fields },
    success: DifferenceDetails,
    error: Schema.Union(approvalErrors)
  }).annotate(Audited, "difference.approve"),
  Rpc.make("admin.recon.reject", {
    payload: { ...id, ...Decision.fields },
    success: DifferenceDetails,
    error: settleErrors
  }).annotate(Audited, "difference.reject")
).annotateRpcs(RequiredPermission, "reconciliation:approve") {}

/** What operators see of reconciliation and do with it. */
export class ReconciliationAdminRpcs extends Reads.merge(Acts, Approvals).middleware(RpcAuthorization) {}
