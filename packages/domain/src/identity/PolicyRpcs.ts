import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { InvalidCursor, Page, pageRequest } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Reason } from "./AccountEvent.ts"
import { RpcAuthorization } from "./Authorization.ts"
import { Block, BlockId, BlockKind, BlockNotFound, BlockPage, BlockRemoval, NewBlock } from "./Block.ts"
import { blockErrors } from "./BlocksApi.ts"
import { UserId } from "./CurrentUser.ts"
import { UserNotFound } from "./IdentityError.ts"
import { Permission, RequiredPermission, Role } from "./Permission.ts"
import {
  PolicyChange,
  PolicyChangeId,
  PolicyDiff,
  PolicyDocument,
  PolicyExplanation,
  PolicyInvalid,
  PolicyQuestion,
  PolicyRollback,
  PolicyVersion,
  PolicyVersionNotFound,
  PolicyVersionPage,
  RoleHolderPage
} from "./Policy.ts"
import { applyErrors, roleErrors } from "./PolicyApi.ts"
import { RequiredStepUp, RpcStepUp } from "./StepUp.ts"
import { ManagedUser } from "./User.ts"
import { Audited } from "../operations/Audit.ts"

/** The roles that there are and what they may do. The id of a change comes from the client, so that a repeated call does it once. */
export class PolicyAdminRpcs extends RpcGroup.make(
  Rpc.make("policy.show", { success: PolicyVersion }),
  Rpc.make("policy.versions", { payload: pageRequest, success: PolicyVersionPage, error: InvalidCursor }),
  Rpc.make("policy.explain", {
    payload: PolicyQuestion.fields,
    success: PolicyExplanation,
    error: UserNotFound
  }),
  Rpc.make("policy.whoCan", {
    payload: { ...pageRequest, permission: Permission, merchantId: Schema.optionalKey(MerchantId) },
    success: RoleHolderPage,
    error: InvalidCursor
  }),
  Rpc.make("policy.diff", { payload: { document: PolicyDocument }, success: PolicyDiff, error: PolicyInvalid }),
  Rpc.make("policy.apply", {
    payload: { id: PolicyChangeId, change: PolicyChange },
    success: PolicyVersion,
    error: Schema.Union([...applyErrors])
  })
    .annotate(Audited, "policy.apply")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp),
  Rpc.make("policy.rollback", {
    payload: { id: PolicyChangeId, rollback: PolicyRollback },
    success: PolicyVersion,
    error: Schema.Union([...applyErrors, PolicyVersionNotFound])
  })
    .annotate(Audited, "policy.rollback")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp)
)
  .annotateRpcs(RequiredPermission, "policy:administer")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}

/** Networks and devices that are kept out. */
export class BlockAdminRpcs extends RpcGroup.make(
  Rpc.make("blocks.list", {
    payload: {
      ...pageRequest,
      kind: Schema.optionalKey(BlockKind),
      state: Schema.optionalKey(Schema.Literals(["active", "all"]))
    },
    success: BlockPage,
    error: InvalidCursor
  }),
  Rpc.make("blocks.add", {
    payload: { id: BlockId, block: NewBlock },
    success: Block,
    error: Schema.Union([...blockErrors])
  }).annotate(Audited, "block.add"),
  Rpc.make("blocks.remove", {
    payload: { id: BlockId, removal: BlockRemoval },
    success: Block,
    error: BlockNotFound
  }).annotate(Audited, "block.remove")
)
  .annotateRpcs(RequiredPermission, "blocks:administer")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}

const ofRole = { userId: UserId, role: Role, reason: Reason }

/** The staff of the caller's own shop. */
export class StaffMerchantRpcs extends RpcGroup.make(
  Rpc.make("staff.list", { payload: pageRequest, success: Page(ManagedUser), error: InvalidCursor }),
  Rpc.make("staff.grant", { payload: ofRole, success: ManagedUser, error: Schema.Union([...roleErrors]) })
    .annotate(Audited, "user.role_grant")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp),
  Rpc.make("staff.revoke", { payload: ofRole, success: ManagedUser, error: Schema.Union([...roleErrors]) })
    .annotate(Audited, "user.role_revoke")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp)
)
  .annotateRpcs(RequiredPermission, "staff:administer")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}
