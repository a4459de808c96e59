import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { SessionId, UserId } from "./CurrentUser.ts"
import { Permission } from "./Permission.ts"
import { EmailCodeReason } from "./SignIn.ts"

/** An account with this email exists. Registering reveals that much anywhere; signing in never does. */
export class EmailTaken extends Problem<EmailTaken>()("EmailTaken", {
  status: 409,
  title: "There is an account with this email already"
}) {}

/** The password is easy to guess. `warning` says why, `suggestions` how to do better; `score` is zxcvbn's 0 to 4. */
export class WeakPassword extends Problem<WeakPassword>()("WeakPassword", {
  status: 422,
  title: "This password is too easy to guess",
  fields: {
    score: Schema.Int,
    warning: Schema.NullOr(Schema.String),
    suggestions: Schema.Array(Schema.String)
  }
}) {}

/** Unknown email or wrong password; which of the two is not told. */
export class InvalidCredentials extends Problem<InvalidCredentials>()("InvalidCredentials", {
  status: 401,
  title: "Email and password do not match"
}) {}

/** The account is banned. Told only to who proved to be its owner. */
export class AccountBanned extends Problem<AccountBanned>()("AccountBanned", {
  status: 403,
  title: "This account is banned"
}) {}

/**
 * A code sent by mail is needed: ask for one (`POST /api/v1/auth/codes`, with the same `deviceId`) and come again with it.
 * `reason` says why. Told only to who knows the password.
 */
export class EmailCodeRequired extends Problem<EmailCodeRequired>()("EmailCodeRequired", {
  status: 401,
  title: "A code sent to your email is needed",
  fields: { reason: EmailCodeReason }
}) {}

/** The password is right and the account has a second factor: come again with `totp` or `recoveryCode`. */
export class MfaRequired extends Problem<MfaRequired>()("MfaRequired", {
  status: 401,
  title: "A one-time password of your authenticator, or a recovery code, is needed"
}) {}

/** A code by mail, a one-time password or a recovery code that is wrong, used, or too old; which of them is not told. */
export class CodeInvalid extends Problem<CodeInvalid>()("CodeInvalid", {
  status: 401,
  title: "This code is wrong or no longer good"
}) {}

/**
 * The caller is signed in and has to prove again to be the owner: `POST /api/v1/auth/step-up` with what `needs` says, then
 * the same request again. `mfa_enrolment`: this is only for accounts with a second factor.
 */
export class StepUpRequired extends Problem<StepUpRequired>()("StepUpRequired", {
  status: 401,
  title: "Prove again that it is you",
  fields: { needs: Schema.Literals(["password", "mfa", "mfa_enrolment"]) },
  detail: ({ needs }) =>
    needs === "password"
      ? "Your password is needed again"
      : needs === "mfa"
        ? "Your password and a one-time password are needed again"
        : "Add an authenticator to your account first"
}) {}

/** The account has a second factor already; remove it first. */
export class MfaAlreadyEnabled extends Problem<MfaAlreadyEnabled>()("MfaAlreadyEnabled", {
  status: 409,
  title: "This account has an authenticator already"
}) {}

/** There is no second factor, or none that waits for its confirmation. */
export class MfaNotEnabled extends Problem<MfaNotEnabled>()("MfaNotEnabled", {
  status: 409,
  title: "This account has no authenticator"
}) {}

/** The refresh token is unknown, expired, or its session was ended. Sign in again. */
export class RefreshTokenInvalid extends Problem<RefreshTokenInvalid>()("RefreshTokenInvalid", {
  status: 401,
  title: "This refresh token is not valid"
}) {}

/** The refresh token was used before, so one of its two holders is a thief: the session is ended. Sign in again. */
export class RefreshTokenReused extends Problem<RefreshTokenReused>()("RefreshTokenReused", {
  status: 401,
  title: "This refresh token was used before"
}) {}

export class UserNotFound extends Problem<UserNotFound>()("UserNotFound", {
  status: 404,
  title: "There is no such user",
  fields: { userId: UserId }
}) {}

/** No such session, or it is another user's, or it has ended. */
export class SessionNotFound extends Problem<SessionNotFound>()("SessionNotFound", {
  status: 404,
  title: "There is no such session",
  fields: { sessionId: SessionId }
}) {}

/** The address book is full. */
export class AddressLimitReached extends Problem<AddressLimitReached>()("AddressLimitReached", {
  status: 422,
  title: "The address book is full",
  fields: { limit: Schema.Int },
  detail: ({ limit }) => `At most ${limit} addresses are kept`
}) {}

/** Nobody would be left who administers users: the account stays, and stays an administrator. */
export class LastAdministrator extends Problem<LastAdministrator>()("LastAdministrator", {
  status: 409,
  title: "The last administrator stays; make somebody else one first"
}) {}

/** `customer` is what every account is: it can be neither granted nor revoked. */
export class RoleNotGrantable extends Problem<RoleNotGrantable>()("RoleNotGrantable", {
  status: 422,
  title: "This role cannot be granted or revoked in this way",
  fields: { reason: Schema.String },
  detail: ({ reason }) => reason
}) {}

/** Nobody opens to others what they do not hold themselves. `permissions` are those that are missing. */
export class PermissionNotHeld extends Problem<PermissionNotHeld>()("PermissionNotHeld", {
  status: 403,
  title: "You cannot open to others what you may not do yourself",
  fields: { permissions: Schema.Array(Permission) },
  detail: ({ permissions }) => `This would open ${permissions.join(", ")}, which you do not hold`
}) {}
