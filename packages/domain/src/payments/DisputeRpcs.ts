import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { DisputeDetails, DisputeId, DisputePage, NewEvidence } from "./Dispute.ts"
import { DisputeNotFound, DisputeRefused, DisputeUndecided } from "./DisputeError.ts"
import { DisputeStatus } from "./DisputeLifecycle.ts"
import { acceptErrors, evidenceErrors, submitErrors } from "./DisputesApi.ts"
import { ChannelUnavailable } from "./PaymentError.ts"

const filter = { ...pageRequest, status: Schema.optionalKey(DisputeStatus) }
const ofDispute = { id: DisputeId }
const withEvidence = { id: DisputeId, evidence: NewEvidence }

/** What the staff of a merchant do with the disputes of their payments. */
export class DisputesMerchantRpcs extends RpcGroup.make(
  Rpc.make("disputes.list", { payload: filter, success: DisputePage, error: InvalidCursor }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("disputes.show", { payload: ofDispute, success: DisputeDetails, error: DisputeNotFound }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("disputes.addEvidence", {
    payload: withEvidence,
    success: DisputeDetails,
    error: Schema.Union(evidenceErrors)
  }).annotate(Audited, "dispute.add_evidence"),
  Rpc.make("disputes.submit", {
    payload: ofDispute,
    success: DisputeDetails,
    error: Schema.Union(submitErrors)
  }).annotate(Audited, "dispute.submit"),
  Rpc.make("disputes.accept", {
    payload: ofDispute,
    success: DisputeDetails,
    error: Schema.Union(acceptErrors)
  }).annotate(Audited, "dispute.accept")
)
  .annotateRpcs(RequiredPermission, "payments:dispute")
  .middleware(RpcAuthorization) {}

/** What an operator does with everybody's. */
export class DisputesAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.disputes.list", { payload: filter, success: DisputePage, error: InvalidCursor }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("admin.disputes.show", { payload: ofDispute, success: DisputeDetails, error: DisputeNotFound }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("admin.disputes.addEvidence", {
    payload: withEvidence,
    success: DisputeDetails,
    error: Schema.Union(evidenceErrors)
  }).annotate(Audited, "dispute.add_evidence"),
  Rpc.make("admin.disputes.submit", {
    payload: ofDispute,
    success: DisputeDetails,
    error: Schema.Union(submitErrors)
  }).annotate(Audited, "dispute.submit"),
  Rpc.make("admin.disputes.accept", {
    payload: ofDispute,
    success: DisputeDetails,
    error: Schema.Union(acceptErrors)
  }).annotate(Audited, "dispute.accept"),
  /** Asks the channel now how the dispute stands. */
  Rpc.make("admin.disputes.sync", {
    payload: ofDispute,
    success: DisputeDetails,
    error: Schema.Union([DisputeNotFound, ChannelUnavailable, DisputeRefused, DisputeUndecided])
  }).annotate(Audited, "dispute.sync")
)
  .annotateRpcs(RequiredPermission, "payments:administer")
  .middleware(RpcAuthorization) {}
