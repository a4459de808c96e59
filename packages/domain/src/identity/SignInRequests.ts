import { Schema } from "effect"
import { DeviceId, EmailCode, EmailCodePurpose, RecoveryCode, Totp } from "./SignIn.ts"
import { Email, Locale, Password } from "./User.ts"

/** Who wants a code. One for `login` is good on the device that asked for it. */
export const EmailCodeRequest = Schema.Struct({
  email: Email,
  purpose: EmailCodePurpose,
  deviceId: Schema.optionalKey(DeviceId),
  /** What the mail is written in, where there is no account that says so. */
  locale: Schema.optionalKey(Locale)
}).annotate({ identifier: "EmailCodeRequest" })
export type EmailCodeRequest = typeof EmailCodeRequest.Type

/** A new password for who forgot the old one and reads the account's mail. */
export const PasswordReset = Schema.Struct({
  email: Email,
  code: EmailCode,
  password: Password
}).annotate({ identifier: "PasswordReset" })
export type PasswordReset = typeof PasswordReset.Type

/** That it is the owner who holds the session: the password, and the second factor where the account has one. */
export const StepUpProof = Schema.Struct({
  password: Password,
  totp: Schema.optionalKey(Totp),
  recoveryCode: Schema.optionalKey(RecoveryCode)
}).annotate({ identifier: "StepUpProof" })
export type StepUpProof = typeof StepUpProof.Type
