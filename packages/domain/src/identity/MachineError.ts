import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { ApiKeyId, ApiKeyScope } from "./ApiKey.ts"

/** Unknown, expired or revoked, or used in the other way than the one it was made for; which of these is not told. */
export class ApiKeyRefused extends Problem<ApiKeyRefused>()("ApiKeyRefused", {
  status: 401,
  title: "This API key is not valid"
}) {}

/** The signature is not that of this request under this key. `docs/signing.md` shows what is signed. */
export class SignatureMismatch extends Problem<SignatureMismatch>()("SignatureMismatch", {
  status: 401,
  title: "The signature is not that of this request"
}) {}

/** The timestamp is too far from the server's clock. `serverTime` is in seconds, as `X-Timestamp` is. */
export class ClockSkewed extends Problem<ClockSkewed>()("ClockSkewed", {
  status: 401,
  title: "The timestamp of the request is too far from the time of the server",
  fields: { serverTime: Schema.Int, toleranceSeconds: Schema.Int },
  detail: ({ serverTime, toleranceSeconds }) =>
    `The server's time is ${serverTime}; at most ${toleranceSeconds} s may lie between`
}) {}

/** A request with this nonce was served before. Sign it anew, with another nonce, to send it again. */
export class RequestReplayed extends Problem<RequestReplayed>()("RequestReplayed", {
  status: 401,
  title: "A request with this nonce was seen before"
}) {}

/** The key is good, and not for the address that the request comes from. */
export class AddressNotAllowed extends Problem<AddressNotAllowed>()("AddressNotAllowed", {
  status: 403,
  title: "This API key may not be used from this address"
}) {}

/** What a machine may be told instead of being let in. */
export const machineErrors = [
  ApiKeyRefused,
  SignatureMismatch,
  ClockSkewed,
  RequestReplayed,
  AddressNotAllowed
] as const

/** No such key, or it is another merchant's. */
export class ApiKeyNotFound extends Problem<ApiKeyNotFound>()("ApiKeyNotFound", {
  status: 404,
  title: "There is no such API key",
  fields: { apiKeyId: ApiKeyId }
}) {}

/** The key was made by the first of these requests, whose answer showed it. Where that was lost, rotate the key. */
export class ApiKeyShownBefore extends Problem<ApiKeyShownBefore>()("ApiKeyShownBefore", {
  status: 409,
  title: "This API key was made and shown before",
  fields: { apiKeyId: ApiKeyId }
}) {}

/** The key has expired or was revoked: it stays so. */
export class ApiKeyEnded extends Problem<ApiKeyEnded>()("ApiKeyEnded", {
  status: 409,
  title: "This API key has ended",
  fields: { apiKeyId: ApiKeyId }
}) {}

/** Nobody gives a key more than they hold themselves. */
export class ScopeNotHeld extends Problem<ScopeNotHeld>()("ScopeNotHeld", {
  status: 422,
  title: "You may not give what you do not hold",
  fields: { scopes: Schema.Array(ApiKeyScope) },
  detail: ({ scopes }) => `You do not hold ${scopes.join(", ")}`
}) {}

export class ApiKeyExpiryPast extends Problem<ApiKeyExpiryPast>()("ApiKeyExpiryPast", {
  status: 422,
  title: "A key cannot have expired before it is made"
}) {}

/** So many keys of a merchant, or secrets of a key, are good at the same time. */
export class ApiKeyLimitReached extends Problem<ApiKeyLimitReached>()("ApiKeyLimitReached", {
  status: 422,
  title: "There are too many already",
  fields: { limit: Schema.Int },
  detail: ({ limit }) => `At most ${limit} are good at the same time; revoke one, or wait until an overlap ends`
}) {}
