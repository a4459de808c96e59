import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Permission } from "./Permission.ts"

export const ApiKeyId = Uuid7.pipe(Schema.brand("ApiKeyId"), Schema.annotate({ identifier: "ApiKeyId" }))
export type ApiKeyId = typeof ApiKeyId.Type

/**
 * What a key may be given: what a merchant's server does. Nothing of a person's account, nothing of the house, and nothing that
 * would let a stolen key make itself others or turn the merchant's money elsewhere.
 */
export const ApiKeyScope = Permission.pick([
  "catalog:write",
  "stock:write",
  "orders:read",
  "orders:fulfil",
  "payments:read",
  "payments:write",
  "payments:create",
  "payments:refund",
  "payments:dispute"
]).annotate({ identifier: "ApiKeyScope" })
export type ApiKeyScope = typeof ApiKeyScope.Type

/** `secret`: the key itself is sent, as `X-Api-Key`. `signature`: it never leaves the caller, each request is signed with it. */
export const ApiKeyMethod = Schema.Literals(["secret", "signature"]).annotate({ identifier: "ApiKeyMethod" })
export type ApiKeyMethod = typeof ApiKeyMethod.Type

const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`)
const prefixLength = /^(?:0|[1-9]\d{0,2})$/

const isNetwork = (text: string) => {
  const [address = "", bits, ...rest] = text.split("/")
  const isIpv4 = ipv4.test(address)
  const isIpv6 = /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(address) && URL.canParse(`http://[${address}]/`)
  if (rest.length > 0 || !(isIpv4 || isIpv6)) return false
  return bits === undefined || (prefixLength.test(bits) && Number(bits) <= (isIpv4 ? 32 : 128))
}

/** An address, or a network in CIDR form: `203.0.113.7`, `10.0.0.0/8`, `2001:db8::/32`. */
export const Network = Schema.String.check(
  Schema.isMaxLength(64),
  Schema.makeFilter((text: string) => isNetwork(text) || "must be an address or a network such as 203.0.113.0/24")
).annotate({ identifier: "Network" })

export const ApiKeyChange = Schema.Struct({
  change: Schema.Literals(["created", "rotated", "revoked"]),
  /** `user:<id>`, or `operator:<name>` for the command line. */
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "ApiKeyChange" })
export type ApiKeyChange = typeof ApiKeyChange.Type

/** What may be seen of a key. Its secret is not here: it was shown once, when it was made. */
export class ApiKey extends Schema.Class<ApiKey>("ApiKey")({
  id: ApiKeyId,
  merchantId: MerchantId,
  name: Schema.String,
  /** The beginning of the key, by which its holder recognises it. */
  prefix: Schema.String,
  method: ApiKeyMethod,
  scopes: Schema.Array(ApiKeyScope),
  /** From where it may be used; from everywhere where there are none. */
  allowedNetworks: Schema.Array(Schema.String),
  status: Schema.Literals(["active", "expired", "revoked"]),
  createdAt: Schema.Date,
  expiresAt: Schema.NullOr(Schema.Date),
  /** To the minute. */
  lastUsedAt: Schema.NullOr(Schema.Date),
  /** Until when the last of the former secrets is taken; null where the current one alone is. */
  overlapEndsAt: Schema.NullOr(Schema.Date),
  /** The newest twenty changes, oldest first. */
  history: Schema.Array(ApiKeyChange)
}) {}

const reason = NonBlankText(200)

export const NewApiKey = Schema.Struct({
  name: NonBlankText(100),
  method: ApiKeyMethod,
  scopes: Schema.Array(ApiKeyScope).check(Schema.isMinLength(1), Schema.isMaxLength(ApiKeyScope.literals.length)),
  allowedNetworks: Schema.optionalKey(Schema.Array(Network).check(Schema.isMaxLength(50))),
  expiresAt: Schema.optionalKey(Schema.Date),
  reason
}).annotate({ identifier: "NewApiKey" })
export type NewApiKey = typeof NewApiKey.Type

const maxOverlapSeconds = 7 * 24 * 3600

export const ApiKeyRotation = Schema.Struct({
  /** How long the former secrets are still taken; a day where nothing is said, at most a week. 0 ends them at once. */
  overlapSeconds: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxOverlapSeconds }))),
  reason
}).annotate({ identifier: "ApiKeyRotation" })
export type ApiKeyRotation = typeof ApiKeyRotation.Type

export const ApiKeyRevocation = Schema.Struct({ reason }).annotate({ identifier: "ApiKeyRevocation" })
export type ApiKeyRevocation = typeof ApiKeyRevocation.Type

/** `key` is shown this once: only a hash of it is kept, or what cannot be read without the installation's secret. */
export const IssuedApiKey = Schema.Struct({ apiKey: ApiKey, key: Schema.String }).annotate({
  identifier: "IssuedApiKey"
})
export type IssuedApiKey = typeof IssuedApiKey.Type
