import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Overloaded, RateLimited, Unauthorized } from "../kernel/EdgeError.ts"
import { InvalidCursor, Page, pageRequest } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Audited } from "../operations/Audit.ts"
import { AccountEvent, Reason, UnmaskReason } from "./AccountEvent.ts"
import { Address, AddressInput } from "./Address.ts"
import { AddressId, AddressNotFound } from "./AddressBook.ts"
import { RpcAuthorization } from "./Authorization.ts"
import { SessionId, UserId } from "./CurrentUser.ts"
import {
  AddressLimitReached,
  CodeInvalid,
  InvalidCredentials,
  LastAdministrator,
  MfaAlreadyEnabled,
  MfaNotEnabled,
  MfaRequired,
  PermissionNotHeld,
  RoleNotGrantable,
  SessionNotFound,
  UserNotFound,
  WeakPassword
} from "./IdentityError.ts"
import { RequiredPermission, Role } from "./Permission.ts"
import { LoginRecord, RecoveryCodes, Totp, TotpEnrolment } from "./SignIn.ts"
import { StepUpProof } from "./SignInRequests.ts"
import { RequiredStepUp, RpcStepUp } from "./StepUp.ts"
import { Email, ManagedUser, PasswordChange, PersonalData, Session, User, UserUpdate } from "./User.ts"

/**
 * A signed-in user's own account. Signing in itself is HTTP only: its throttle needs the caller's address, which a
 * message of a long-lived RPC connection does not carry.
 */
export class IdentityStorefrontRpcs extends RpcGroup.make(
  Rpc.make("account.me", { success: User, error: Unauthorized }),
  Rpc.make("account.update", { payload: UserUpdate, success: User, error: Unauthorized }),
  Rpc.make("account.delete", { error: Schema.Union([LastAdministrator, Unauthorized]) }),
  Rpc.make("account.changePassword", {
    payload: PasswordChange,
    error: Schema.Union([InvalidCredentials, WeakPassword, RateLimited, Overloaded, Unauthorized])
  })
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp),
  Rpc.make("account.logout"),
  Rpc.make("account.stepUp", {
    payload: StepUpProof,
    error: Schema.Union([InvalidCredentials, MfaRequired, CodeInvalid, RateLimited, Overloaded, Unauthorized])
  }),
  Rpc.make("account.logins", { payload: pageRequest, success: Page(LoginRecord), error: InvalidCursor }),
  Rpc.make("account.startTotp", { success: TotpEnrolment, error: Schema.Union([MfaAlreadyEnabled, Unauthorized]) })
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp),
  Rpc.make("account.confirmTotp", {
    payload: { totp: Totp },
    success: RecoveryCodes,
    error: Schema.Union([MfaNotEnabled, CodeInvalid, Unauthorized])
  }),
  Rpc.make("account.removeTotp", { error: Schema.Union([MfaNotEnabled, Unauthorized]) })
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp),
  Rpc.make("account.renewRecoveryCodes", {
    success: RecoveryCodes,
    error: Schema.Union([MfaNotEnabled, Unauthorized])
  })
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp),
  Rpc.make("sessions.list", { payload: pageRequest, success: Page(Session), error: InvalidCursor }),
  Rpc.make("sessions.revoke", { payload: { sessionId: SessionId }, error: SessionNotFound }),
  Rpc.make("addresses.list", { payload: pageRequest, success: Page(Address), error: InvalidCursor }),
  // The id comes from the client, so that a repeated call adds nothing.
  Rpc.make("addresses.create", {
    payload: { id: AddressId, address: AddressInput },
    success: Address,
    error: Schema.Union([AddressLimitReached, AddressNotFound, Unauthorized])
  }),
  Rpc.make("addresses.replace", {
    payload: { id: AddressId, address: AddressInput },
    success: Address,
    error: Schema.Union([AddressNotFound, Unauthorized])
  }),
  Rpc.make("addresses.delete", { payload: { id: AddressId }, error: Schema.Union([AddressNotFound, Unauthorized]) })
)
  .annotateRpcs(RequiredPermission, "account")
  .middleware(RpcAuthorization) {}

const userId = { userId: UserId }
const withReason = { userId: UserId, reason: Reason }

/** Accounts as administrators see and change them, with personal data masked; each change is in the account's history. */
export class IdentityAdminRpcs extends RpcGroup.make(
  Rpc.make("users.list", {
    payload: {
      ...pageRequest,
      /** The whole address: it is sealed, so that none is found by a part of it. */
      email: Schema.optionalKey(Email),
      role: Schema.optionalKey(Role),
      banned: Schema.optionalKey(Schema.Boolean)
    },
    success: Page(ManagedUser),
    error: InvalidCursor
  }).annotate(Audited, "nothing"),
  Rpc.make("users.show", { payload: userId, success: ManagedUser, error: UserNotFound }).annotate(Audited, "nothing"),
  Rpc.make("users.history", {
    payload: { ...userId, ...pageRequest },
    success: Page(AccountEvent),
    error: InvalidCursor
  }).annotate(Audited, "nothing"),
  Rpc.make("users.ban", {
    payload: withReason,
    success: ManagedUser,
    error: Schema.Union([LastAdministrator, UserNotFound])
  }).annotate(Audited, "user.ban"),
  Rpc.make("users.unban", { payload: withReason, success: ManagedUser, error: UserNotFound }).annotate(
    Audited,
    "user.unban"
  ),
  Rpc.make("users.logout", { payload: withReason, error: UserNotFound }).annotate(Audited, "user.logout"),
  Rpc.make("users.logins", {
    payload: { ...userId, ...pageRequest },
    success: Page(LoginRecord),
    error: InvalidCursor
  }).annotate(Audited, "nothing"),
  // For who lost both the authenticator and the recovery codes, once the operator knows that it is the owner who asks.
  Rpc.make("users.resetMfa", { payload: withReason, error: Schema.Union([MfaNotEnabled, UserNotFound]) })
    .annotate(Audited, "user.mfa_reset")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp),
  Rpc.make("users.grant", {
    payload: { ...withReason, role: Role, merchantId: Schema.NullOr(MerchantId) },
    success: ManagedUser,
    error: Schema.Union([LastAdministrator, PermissionNotHeld, RoleNotGrantable, UserNotFound])
  })
    .annotate(Audited, "user.role_grant")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp),
  Rpc.make("users.revoke", {
    payload: { ...withReason, role: Role },
    success: ManagedUser,
    error: Schema.Union([LastAdministrator, PermissionNotHeld, RoleNotGrantable, UserNotFound])
  })
    .annotate(Audited, "user.role_revoke")
    .annotate(RequiredStepUp, "strong")
    .middleware(RpcStepUp),
  /** The email, name and picture, which the other calls show masked. */
  Rpc.make("users.unmask", {
    payload: { userId: UserId, reason: UnmaskReason },
    success: PersonalData,
    error: UserNotFound
  })
    .annotate(RequiredPermission, "personal-data:unmask")
    .annotate(Audited, "personal_data.unmask")
)
  .annotateRpcs(RequiredPermission, "users:administer")
  .middleware(RpcAuthorization) {}
