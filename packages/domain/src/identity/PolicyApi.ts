import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, Page, pageQuery } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Reason } from "./AccountEvent.ts"
import { Authorization } from "./Authorization.ts"
import { UserId } from "./CurrentUser.ts"
import { LastAdministrator, PermissionNotHeld, RoleNotGrantable, UserNotFound } from "./IdentityError.ts"
import { Permission, RequiredPermission, Role } from "./Permission.ts"
import {
  PolicyChange,
  PolicyChanged,
  PolicyDiff,
  PolicyDocument,
  PolicyExplanation,
  PolicyInvalid,
  PolicyRollback,
  PolicyVersion,
  PolicyVersionNotFound,
  PolicyVersionPage,
  RoleHolderPage
} from "./Policy.ts"
import { RequiredStepUp, StepUp } from "./StepUp.ts"
import { ManagedUser } from "./User.ts"
import { Audited } from "../operations/Audit.ts"

const describe = (title: string, description: string) => OpenApi.annotations({ title, description })

/** What may go wrong when a policy is put into force. */
export const applyErrors = [PolicyChanged, PolicyInvalid, PermissionNotHeld, LastAdministrator] as const

/** What may go wrong when roles are given and taken. */
export const roleErrors = [LastAdministrator, PermissionNotHeld, RoleNotGrantable, UserNotFound] as const

const versionParam = Schema.NumberFromString.check(
  Schema.isInt(),
  Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 })
)

/** The roles that there are and what they may do. */
export class PolicyApiGroup extends HttpApiGroup.make("policy")
  .add(
    HttpApiEndpoint.get("show", "/", { success: PolicyVersion }).annotateMerge(
      describe("Read the policy", "The version that counts now; version 0 has the built-in roles alone.")
    ),
    HttpApiEndpoint.get("versions", "/versions", {
      query: pageQuery,
      success: PolicyVersionPage,
      error: InvalidCursor
    }).annotateMerge(describe("List the versions of the policy", "Newest first, with who made them and why.")),
    HttpApiEndpoint.get("version", "/versions/:version", {
      params: { version: versionParam },
      success: PolicyVersion,
      error: PolicyVersionNotFound
    }).annotateMerge(describe("Read a version of the policy", "As it was put into force.")),
    HttpApiEndpoint.get("explain", "/explain", {
      query: { userId: UserId, permission: Permission, merchantId: Schema.optionalKey(MerchantId) },
      success: PolicyExplanation,
      error: UserNotFound
    }).annotateMerge(
      describe(
        "Explain a permission",
        "Whether a user may do something, for a shop or for the whole mall, and by which rules."
      )
    ),
    HttpApiEndpoint.get("whoCan", "/who-can", {
      query: { ...pageQuery, permission: Permission, merchantId: Schema.optionalKey(MerchantId) },
      success: RoleHolderPage,
      error: InvalidCursor
    }).annotateMerge(describe("List who can do something", "Newest accounts first; banned ones are left out.")),
    HttpApiEndpoint.post("diff", "/diff", {
      payload: Schema.Struct({ document: PolicyDocument }),
      success: PolicyDiff,
      error: PolicyInvalid
    })
      .annotate(Audited, "nothing")
      .annotateMerge(describe("Compare a policy", "What it would open and close, role by role. Nothing is changed.")),
    HttpApiEndpoint.post("apply", "/", {
      payload: PolicyChange,
      success: PolicyVersion.pipe(HttpApiSchema.status(201)),
      error: applyErrors
    })
      .annotate(Audited, "policy.apply")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "strong")
      .middleware(StepUp)
      .annotateMerge(
        describe(
          "Put a policy into force",
          "In the place of `version`, on every server at once. You hold all that it opens, and somebody can still administer."
        )
      ),
    HttpApiEndpoint.post("rollback", "/rollback", {
      payload: PolicyRollback,
      success: PolicyVersion.pipe(HttpApiSchema.status(201)),
      error: [...applyErrors, PolicyVersionNotFound]
    })
      .annotate(Audited, "policy.rollback")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "strong")
      .middleware(StepUp)
      .annotateMerge(describe("Return to a former policy", "A new version with the document of the version `to`."))
  )
  .prefix("/api/v1/policy")
  .annotateEndpoints(RequiredPermission, "policy:administer")
  .middleware(Authorization)
  .annotateMerge(describe("Policy", "Roles, what they may do, and who has them")) {}

const ofStaff = { userId: UserId }
const roleOfStaff = { userId: UserId, role: Role }

/** The staff of the caller's own shop; nobody else exists here. */
export class StaffApiGroup extends HttpApiGroup.make("staff")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: pageQuery,
      success: Page(ManagedUser),
      error: InvalidCursor
    }).annotateMerge(describe("List the staff", "Of the caller's own shop, newest account first.")),
    HttpApiEndpoint.post("grant", "/:userId/roles", {
      params: ofStaff,
      payload: Schema.Struct({ role: Role, reason: Reason }),
      success: ManagedUser,
      error: roleErrors
    })
      .annotate(Audited, "user.role_grant")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "strong")
      .middleware(StepUp)
      .annotateMerge(
        describe(
          "Give a role within the shop",
          "To somebody who is its staff already; you hold all that the role opens."
        )
      ),
    HttpApiEndpoint.post("revoke", "/:userId/roles/:role/revoke", {
      params: roleOfStaff,
      payload: Schema.Struct({ reason: Reason }),
      success: ManagedUser,
      error: roleErrors
    })
      .annotate(Audited, "user.role_revoke")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "strong")
      .middleware(StepUp)
      .annotateMerge(describe("Take a role within the shop", "Who has none left is its staff no more."))
  )
  .prefix("/api/v1/merchant/staff")
  .annotateEndpoints(RequiredPermission, "staff:administer")
  .middleware(Authorization)
  .annotateMerge(describe("Staff", "Who works for a shop, and as what")) {}

/** Who has which role, for the mall's own administrators. */
export class AssignmentsApiGroup extends HttpApiGroup.make("assignments")
  .add(
    HttpApiEndpoint.post("grant", "/:userId/roles", {
      params: ofStaff,
      payload: Schema.Struct({ role: Role, merchantId: Schema.NullOr(MerchantId), reason: Reason }),
      success: ManagedUser,
      error: roleErrors
    })
      .annotate(Audited, "user.role_grant")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "strong")
      .middleware(StepUp)
      .annotateMerge(
        describe(
          "Give a role",
          "For the whole mall, or within the shop `merchantId`. You hold all that the role opens."
        )
      ),
    HttpApiEndpoint.post("revoke", "/:userId/roles/:role/revoke", {
      params: roleOfStaff,
      payload: Schema.Struct({ reason: Reason }),
      success: ManagedUser,
      error: roleErrors
    })
      .annotate(Audited, "user.role_revoke")
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "strong")
      .middleware(StepUp)
      .annotateMerge(describe("Take a role", "Wherever the user has it. The last administrator stays one."))
  )
  .prefix("/api/v1/policy/assignments")
  .annotateEndpoints(RequiredPermission, "users:administer")
  .middleware(Authorization)
  .annotateMerge(describe("Assignments", "Who has which role")) {}
