import { Schema, SchemaTransformation } from "effect"
import { PlainText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { SessionId, UserId } from "./CurrentUser.ts"
import { Role } from "./Permission.ts"
import { DeviceId, EmailCode, RecoveryCode, Totp } from "./SignIn.ts"

/** What HTML's `<input type=email>` accepts, with a dot in the domain; ASCII, so an international domain comes as punycode. */
const mailbox =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/

const NormalisedEmail = Schema.String.check(
  Schema.isMaxLength(254),
  Schema.isPattern(mailbox, { message: "must be an email address" })
).pipe(Schema.brand("Email"))

/**
 * An email address, trimmed and in lower case: the one form that is stored and compared, so that `Ann@Mall.com` and
 * `ann@mall.com ` are one account.
 */
export const Email = Schema.String.check(Schema.isMaxLength(320)).pipe(
  Schema.decodeTo(
    NormalisedEmail,
    SchemaTransformation.transform({
      decode: (text) => text.trim().toLowerCase(),
      encode: (email) => email
    })
  ),
  Schema.annotate({ identifier: "Email" })
)
export type Email = typeof Email.Type

/** 1 to 128 UTF-16 units; a longer one would only make hashing and judging it expensive. Never printed. */
export const Password = Schema.RedactedFromValue(
  PlainText(128).check(Schema.isMinLength(1)).annotate({ identifier: "Password", format: "password" })
)
export type Password = typeof Password.Type

export const Locale = Schema.Literals(["zh", "en"]).annotate({ identifier: "Locale" })
export type Locale = typeof Locale.Type

export const UserName = PlainText(100)

const AvatarUrl = PlainText(2048).check(Schema.isPattern(/^https:\/\/[^\s]+$/, { message: "must be an https address" }))

/** A person's account, as its owner sees it. `merchantId` is the shop whose staff the user is. */
export class User extends Schema.Class<User>("User")({
  id: UserId,
  email: Schema.toType(Email),
  name: UserName,
  avatarUrl: Schema.NullOr(AvatarUrl),
  locale: Locale,
  roles: Schema.Array(Role),
  merchantId: Schema.NullOr(MerchantId),
  createdAt: Schema.Date
}) {}

/** The same, as an administrator sees it; a deleted account has neither email nor name. */
export class ManagedUser extends Schema.Class<ManagedUser>("ManagedUser")({
  ...User.fields,
  email: Schema.NullOr(Schema.toType(Email)),
  /** The roles that the user has within the shop `merchantId`, beside `merchant`. */
  shopRoles: Schema.Array(Role),
  bannedAt: Schema.NullOr(Schema.Date),
  banReason: Schema.NullOr(Schema.String),
  deletedAt: Schema.NullOr(Schema.Date),
  lastLoginAt: Schema.NullOr(Schema.Date)
}) {}

/** Who somebody is, for who may know it. */
export const PersonalData = Schema.Struct({
  email: Schema.NullOr(Schema.toType(Email)),
  name: Schema.String,
  avatarUrl: Schema.NullOr(Schema.String)
}).annotate({ identifier: "PersonalData" })
export type PersonalData = typeof PersonalData.Type

export const Registration = Schema.Struct({
  email: Email,
  password: Password,
  name: Schema.optionalKey(UserName),
  locale: Schema.optionalKey(Locale),
  /** Sent by mail for `register`, where the mall asks for one. */
  code: Schema.optionalKey(EmailCode)
}).annotate({ identifier: "Registration" })
export type Registration = typeof Registration.Type

/** What a user may change; a missing key stays, `avatarUrl: null` removes it. */
export const UserUpdate = Schema.Struct({
  name: Schema.optionalKey(UserName),
  locale: Schema.optionalKey(Locale),
  avatarUrl: Schema.optionalKey(Schema.NullOr(AvatarUrl))
}).annotate({ identifier: "UserUpdate" })
export type UserUpdate = typeof UserUpdate.Type

/** `currentPassword` proves that it is the owner who asks, not who found the device unlocked. */
export const PasswordChange = Schema.Struct({
  currentPassword: Password,
  newPassword: Password
}).annotate({ identifier: "PasswordChange" })
export type PasswordChange = typeof PasswordChange.Type

/** What a session runs on; decides how long it lasts without use. */
export const ClientKind = Schema.Literals(["web", "app", "high_security"]).annotate({ identifier: "ClientKind" })
export type ClientKind = typeof ClientKind.Type

export const Login = Schema.Struct({
  email: Email,
  password: Password,
  client: Schema.optionalKey(ClientKind),
  deviceId: Schema.optionalKey(DeviceId),
  /** Sent by mail for `login`, to the same `deviceId`. */
  code: Schema.optionalKey(EmailCode),
  /** What the authenticator shows. */
  totp: Schema.optionalKey(Totp),
  /** Instead of `totp`, once. */
  recoveryCode: Schema.optionalKey(RecoveryCode)
}).annotate({ identifier: "Login" })
export type Login = typeof Login.Type

/** An opaque refresh token; good for one use. */
export const RefreshToken = Schema.RedactedFromValue(
  Schema.String.check(Schema.isMaxLength(512)).annotate({ identifier: "RefreshToken" })
)
export type RefreshToken = typeof RefreshToken.Type

/** RFC 6749's names in camelCase; `expiresIn` is the access token's life in seconds. */
export const TokenPair = Schema.Struct({
  accessToken: Schema.String,
  refreshToken: Schema.String,
  tokenType: Schema.Literal("Bearer"),
  expiresIn: Schema.Int,
  user: User
}).annotate({ identifier: "TokenPair" })
export type TokenPair = typeof TokenPair.Type

/** A place where the user is signed in. `current` is the one that asks. */
export const Session = Schema.Struct({
  id: SessionId,
  client: ClientKind,
  deviceId: Schema.NullOr(Schema.String),
  userAgent: Schema.NullOr(Schema.String),
  ip: Schema.NullOr(Schema.String),
  createdAt: Schema.Date,
  lastUsedAt: Schema.Date,
  expiresAt: Schema.Date,
  current: Schema.Boolean
}).annotate({ identifier: "Session" })
export type Session = typeof Session.Type

/**
 * A device on which the user is signed in, by the name the client gave it, else by what its browser says of itself. `current` is
 * the one that asks; its sessions, the last used first, twenty at most.
 */
export const SessionDevice = Schema.Struct({
  deviceId: Schema.NullOr(Schema.String),
  /** For people: `Chrome on macOS`. */
  name: Schema.String,
  client: ClientKind,
  lastUsedAt: Schema.Date,
  current: Schema.Boolean,
  sessionIds: Schema.Array(SessionId)
}).annotate({ identifier: "SessionDevice" })
export type SessionDevice = typeof SessionDevice.Type

/** What an access token says of its bearer. */
export const TokenVerification = Schema.Struct({
  userId: UserId,
  sessionId: SessionId,
  roles: Schema.Array(Role),
  expiresAt: Schema.Date
}).annotate({ identifier: "TokenVerification" })
export type TokenVerification = typeof TokenVerification.Type
