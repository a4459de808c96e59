import * as apiKeyText from "@mall/domain/identity/apiKeyText"
import { canonicalRequest } from "@mall/domain/identity/canonicalRequest"
import { Clock, Effect, Option, Redacted, Schema } from "effect"

/** A request as it is sent. */
export interface Signable {
  readonly method: string
  /** Path and query as they stand in the request line, percent-encoded: `/api/v1/payments?limit=5`. */
  readonly target: string
  /** The bytes of the body; none where it is left out. */
  readonly body?: Uint8Array
}

/** The four headers that sign a request. */
export interface SignatureHeaders {
  readonly "x-api-key-id": string
  readonly "x-timestamp": string
  readonly "x-nonce": string
  readonly "x-signature": string
}

/** What was given is not an API key of Mall; the text is not repeated. */
export class MalformedApiKey extends Schema.TaggedError<MalformedApiKey>()("MalformedApiKey", {}) {
  override get message() {
    return "This is not an API key: it looks like mk_live_…"
  }
}

const encoder = new TextEncoder()

const hex = (bytes: ArrayBuffer | Uint8Array) =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("")

/** The same with a time and a nonce that were chosen before. */
export const signAt = Effect.fnUntraced(function* (
  key: Redacted.Redacted,
  { body = new Uint8Array(), method, target }: Signable,
  { nonce, timestamp }: { readonly nonce: string; readonly timestamp: string }
) {
  const text = Redacted.value(key)
  const parsed = apiKeyText.parse(text)
  if (Option.isNone(parsed)) return yield* new MalformedApiKey()
  const bodyHash = hex(yield* Effect.promise(() => crypto.subtle.digest("SHA-256", new Uint8Array(body))))
  const canonical = canonicalRequest({ method, target, bodyHash, timestamp, nonce })
  const hmac = { name: "HMAC", hash: "SHA-256" }
  const imported = yield* Effect.promise(() =>
    crypto.subtle.importKey("raw", encoder.encode(text), hmac, false, ["sign"])
  )
  const signature = yield* Effect.promise(() => crypto.subtle.sign("HMAC", imported, encoder.encode(canonical)))
  const headers: SignatureHeaders = {
    "x-api-key-id": parsed.value.id,
    "x-timestamp": timestamp,
    "x-nonce": nonce,
    "x-signature": `v1=${hex(signature)}`
  }
  return headers
})

/**
 * Signs one request with an API key of the method `signature`, as `docs/signing.md` specifies. The headers are good once and for
 * five minutes: to send the request again, sign it again. Runs in Node and in a browser.
 */
export const signRequest = Effect.fnUntraced(function* (key: Redacted.Redacted, request: Signable) {
  const timestamp = String(Math.floor((yield* Clock.currentTimeMillis) / 1000))
  const nonce = hex(crypto.getRandomValues(new Uint8Array(16)))
  return yield* signAt(key, request, { timestamp, nonce })
})
