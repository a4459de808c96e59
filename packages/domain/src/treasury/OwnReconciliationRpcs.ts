import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { InvalidCursor } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { DifferenceId } from "./Difference.ts"
import {
  differenceRequest,
  OwnDifference,
  OwnDifferencePage,
  OwnRun,
  OwnRunPage,
  runRequest
} from "./OwnReconciliation.ts"
import { NotStaff } from "./PayoutError.ts"
import { DifferenceNotFound, RunNotFound } from "./ReconciliationError.ts"
import { RunId } from "./Run.ts"

const listErrors = Schema.Union([NotStaff, InvalidCursor])

/** What the staff of a merchant see of the reconciliation of their own accounts. */
export class OwnReconciliationRpcs extends RpcGroup.make(
  Rpc.make("recon.runs", { payload: runRequest, success: OwnRunPage, error: listErrors }),
  Rpc.make("recon.run", { payload: { id: RunId }, success: OwnRun, error: Schema.Union([NotStaff, RunNotFound]) }),
  Rpc.make("recon.differences", { payload: differenceRequest, success: OwnDifferencePage, error: listErrors }),
  Rpc.make("recon.difference", {
    payload: { id: DifferenceId },
    success: OwnDifference,
    error: Schema.Union([NotStaff, DifferenceNotFound])
  })
)
  .annotateRpcs(RequiredPermission, "reconciliation:own")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}
