import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { SessionId, UserId } from "./CurrentUser.ts"
import { Permission } from "./Permission.ts"

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
