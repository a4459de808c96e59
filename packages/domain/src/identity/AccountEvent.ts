import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { UserId } from "./CurrentUser.ts"

export const AccountEventType = Schema.Literals([
  "registered",
  "deleted",
  "banned",
  "unbanned",
  "password_changed",
  "password_reset",
  "mfa_enabled",
  "mfa_disabled",
  "recovery_codes_renewed",
  "recovery_code_used",
  "logged_out_everywhere",
  "refresh_token_reused",
  "role_granted",
  "role_revoked",
  "provider_linked",
  "provider_unlinked"
]).annotate({ identifier: "AccountEventType" })
export type AccountEventType = typeof AccountEventType.Type

/** Why an operator acts; kept in the account's history. */
export const Reason = PlainText(500)

/** Why somebody looks behind a mask; kept in the audit trail. */
export const UnmaskReason = NonBlankText(500)

/** One line of an account's history: who (`actorId`, none for the system or the command line), when, why, in which trace. */
export const AccountEvent = Schema.Struct({
  id: Uuid7,
  userId: UserId,
  type: AccountEventType,
  actorId: Schema.NullOr(UserId),
  reason: Schema.String,
  /** The role that was granted or revoked, and the shop within which; null for all else. */
  subject: Schema.NullOr(Schema.String),
  traceId: Schema.NullOr(Schema.String),
  createdAt: Schema.Date
}).annotate({ identifier: "AccountEvent" })
export type AccountEvent = typeof AccountEvent.Type
