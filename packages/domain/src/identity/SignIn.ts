import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { PlainText } from "../kernel/PlainText.ts"

const digits = /^[0-9]{6}$/

/** Six digits, sent by mail. Never printed. */
export const EmailCode = Schema.RedactedFromValue(
  Schema.String.check(Schema.isPattern(digits, { message: "must be six digits" })).annotate({
    identifier: "EmailCode"
  })
)
export type EmailCode = typeof EmailCode.Type

/** Six digits, shown by an authenticator (RFC 6238). Never printed. */
export const Totp = Schema.RedactedFromValue(
  Schema.String.check(Schema.isPattern(digits, { message: "must be six digits" })).annotate({ identifier: "Totp" })
)
export type Totp = typeof Totp.Type

/** One of ten that stand in for a lost authenticator, each good once; hyphens and case do not matter. Never printed. */
export const RecoveryCode = Schema.RedactedFromValue(
  Schema.String.check(
    Schema.isPattern(/^[A-Za-z2-7]{4}-?[A-Za-z2-7]{4}-?[A-Za-z2-7]{4}$/, { message: "must be a recovery code" })
  ).annotate({ identifier: "RecoveryCode" })
)
export type RecoveryCode = typeof RecoveryCode.Type

/**
 * The client's own name for the device; shown in the list of sessions. Where it is to be trusted it must be nobody else's
 * guess: a device is trusted only if its name has at least 16 characters, such as a random UUID that the client keeps.
 */
export const DeviceId = PlainText(128)

export const EmailCodePurpose = Schema.Literals(["register", "login", "reset"]).annotate({
  identifier: "EmailCodePurpose"
})
export type EmailCodePurpose = typeof EmailCodePurpose.Type

/** Why a code by mail is asked for. */
export const EmailCodeReason = Schema.Literals([
  "registration",
  "every_login",
  "new_device",
  "new_country",
  "impossible_travel"
]).annotate({ identifier: "EmailCodeReason" })
export type EmailCodeReason = typeof EmailCodeReason.Type

/** A new authenticator. Both say the same: `uri` as a QR code for the authenticator, `secret` to be typed. */
export const TotpEnrolment = Schema.Struct({
  secret: Schema.String,
  uri: Schema.String
}).annotate({ identifier: "TotpEnrolment" })
export type TotpEnrolment = typeof TotpEnrolment.Type

/** Shown once; the mall keeps hashes. */
export const RecoveryCodes = Schema.Struct({ recoveryCodes: Schema.Array(Schema.String) }).annotate({
  identifier: "RecoveryCodes"
})
export type RecoveryCodes = typeof RecoveryCodes.Type

/** How an attempt to sign in ended. Attempts at a locked account are refused unseen and are not among them. */
export const LoginOutcome = Schema.Literals([
  "succeeded",
  "wrong_password",
  "banned",
  "code_required",
  "wrong_code",
  "mfa_required",
  "wrong_mfa"
]).annotate({ identifier: "LoginOutcome" })
export type LoginOutcome = typeof LoginOutcome.Type

/** An attempt to sign in. `network` is the address, of IPv6 the /64; `country` by ISO 3166, where it is known. */
export const LoginRecord = Schema.Struct({
  id: Uuid7,
  outcome: LoginOutcome,
  network: Schema.NullOr(Schema.String),
  country: Schema.NullOr(Schema.String),
  deviceId: Schema.NullOr(Schema.String),
  userAgent: Schema.NullOr(Schema.String),
  createdAt: Schema.Date
}).annotate({ identifier: "LoginRecord" })
export type LoginRecord = typeof LoginRecord.Type
