import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { Problem } from "../kernel/Problem.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { ChannelId } from "./Payment.ts"

/** One version of the credentials of a merchant at a channel. A try remembers the one it was made with. */
export const CredentialId = Uuid7.pipe(Schema.brand("CredentialId"), Schema.annotate({ identifier: "CredentialId" }))
export type CredentialId = typeof CredentialId.Type

/**
 * `current`: new tries are made with it. `former`: another took its place, or it was removed; its own tries are asked about,
 * refunded and told of with it. `retired`: its secrets are erased.
 */
export const CredentialStatus = Schema.Literals(["current", "former", "retired"]).annotate({
  identifier: "CredentialStatus"
})
export type CredentialStatus = typeof CredentialStatus.Type

export const CredentialChange = Schema.Struct({
  change: Schema.Literals(["set", "superseded", "removed", "retired"]),
  actor: Schema.String,
  reason: Schema.String,
  at: Schema.Date
}).annotate({ identifier: "CredentialChange" })
export type CredentialChange = typeof CredentialChange.Type

/** What may be seen of credentials: no secret, and of each only how it ends. */
export class ChannelCredential extends Schema.Class<ChannelCredential>("ChannelCredential")({
  id: CredentialId,
  merchantId: MerchantId,
  channel: ChannelId,
  version: Schema.Int,
  status: CredentialStatus,
  /** Names the account at the channel, such as its merchant number. */
  account: Schema.String,
  masked: Schema.Record(Schema.String, Schema.String),
  /** Where the channel is to send its notices about this account. */
  notifyUrl: Schema.String,
  history: Schema.Array(CredentialChange)
}) {}

/**
 * What the channel gave the merchant, by the names that `docs/credentials.md` lists. Redacted as soon as it is read: neither a
 * log nor an error shows it.
 */
export const CredentialValues = Schema.RedactedFromValue(Schema.Record(Schema.String, Schema.Json), {
  label: "credentials"
})

const change = { channel: ChannelId, reason: NonBlankText(200) }

export const NewCredentials = Schema.Struct({ ...change, credentials: CredentialValues })
export type NewCredentials = typeof NewCredentials.Type

export const CredentialRemoval = Schema.Struct(change)
export type CredentialRemoval = typeof CredentialRemoval.Type

export const CredentialRetirement = Schema.Struct({ id: CredentialId, reason: NonBlankText(200) })
export type CredentialRetirement = typeof CredentialRetirement.Type

/** Names the fields that are missing or wrong, never what was in them. */
export class CredentialsInvalid extends Problem<CredentialsInvalid>()("CredentialsInvalid", {
  status: 422,
  title: "The credentials are not those of this channel",
  fields: { channel: ChannelId, wrong: Schema.Array(Schema.String) },
  detail: ({ wrong }) => `Missing, unknown or not of the right form: ${wrong.join(", ")}`
}) {}

/** There is no such channel, or it knows no accounts of merchants. */
export class OwnAccountNotPossible extends Problem<OwnAccountNotPossible>()("OwnAccountNotPossible", {
  status: 422,
  title: "Merchants have no accounts of their own at this channel",
  fields: { channel: ChannelId }
}) {}

/** The merchant has no such credentials, or they were removed already. */
export class CredentialsNotFound extends Problem<CredentialsNotFound>()("CredentialsNotFound", {
  status: 404,
  title: "There are no such credentials"
}) {}

/** New tries are made with these credentials, or only they can settle tries and refunds that are on their way: `open`. */
export class CredentialsInUse extends Problem<CredentialsInUse>()("CredentialsInUse", {
  status: 409,
  title: "The credentials are still needed",
  fields: { open: Schema.Int },
  detail: ({ open }) =>
    open === 0
      ? "New payments are made with them: set others or remove them first"
      : `${open} tries or refunds on their way can be settled with them only`
}) {}
