import { parse } from "@mall/domain/identity/apiKeyText"
import { ApiKeyId } from "@mall/domain/identity/ApiKey"
import { canonicalRequest } from "@mall/domain/identity/canonicalRequest"
import {
  AddressNotAllowed,
  ApiKeyRefused,
  ClockSkewed,
  RequestReplayed,
  SignatureMismatch
} from "@mall/domain/identity/MachineError"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { CurrentRequest } from "@mall/platform/http/RequestInfo"
import { Clock, Config, Context, Duration, Effect, Layer, Option, Schema } from "effect"
import type { Headers, HttpServerRequest } from "effect/http"
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import type { VerifiedToken } from "../tokens/AccessTokens.ts"
import { apiKeyEnvironment } from "./apiKeyEnvironment.ts"
import { ApiKeyMemory } from "./ApiKeyMemory.ts"
import type { KnownKey } from "./ApiKeyMemory.ts"
import { RequestNonces } from "./RequestNonces.ts"

const decodeId = Schema.decodeUnknownOption(ApiKeyId)
const timestampShape = /^\d{1,12}$/
const nonceShape = /^[A-Za-z0-9_-]{16,64}$/
const signatureShape = /^v1=([0-9a-f]{64})$/

/** A signed request as its headers say it; none where one of them is missing or has not the right form. */
const signatureOf = (headers: Headers.Headers) => {
  const timestamp = headers["x-timestamp"] ?? ""
  const nonce = headers["x-nonce"] ?? ""
  const signature = signatureShape.exec(headers["x-signature"] ?? "")?.[1]
  const keyId = Option.getOrUndefined(decodeId(headers["x-api-key-id"]))
  return keyId === undefined || signature === undefined || !timestampShape.test(timestamp) || !nonceShape.test(nonce)
    ? undefined
    : { keyId, timestamp, nonce, signature: Buffer.from(signature, "hex") }
}

export type RequestRefusal = ApiKeyRefused | AddressNotAllowed | SignatureMismatch | ClockSkewed | RequestReplayed

/**
 * Who a merchant's server is, by the key that it sends or by the signature of its request. A key is good in the one way that it
 * was made for. Nothing that an attacker chooses is compared in a time that depends on what is right.
 */
export class MachineCredentials extends Context.Service<
  MachineCredentials,
  {
    /** By `X-Api-Key`; `Unauthorized` where there is none. */
    ofHeaders(headers: Headers.Headers): Effect.Effect<VerifiedToken, Unauthorized | ApiKeyRefused | AddressNotAllowed>
    /** The same, or by the signature. A signed request is good once. */
    ofRequest(request: HttpServerRequest.HttpServerRequest): Effect.Effect<VerifiedToken, Unauthorized | RequestRefusal>
    /** Of one of the calls that came in the request: it is signed once for all of them, and looked at once. */
    ofCall(
      request: HttpServerRequest.HttpServerRequest,
      headers: Headers.Headers
    ): Effect.Effect<VerifiedToken, Unauthorized | RequestRefusal>
  }
>()("@mall/identity/machines/MachineCredentials") {
  static readonly layerNoDeps = Layer.effect(
    MachineCredentials,
    Effect.gen(function* () {
      const memory = yield* ApiKeyMemory
      const nonces = yield* RequestNonces
      const clock = yield* Clock.Clock
      const environment = yield* apiKeyEnvironment
      const tolerance = Duration.toMillis(
        yield* Config.Duration("SIGNATURE_TOLERANCE").pipe(Config.withDefault(Duration.minutes(5)))
      )

      /** The key, if it is good now, in this way. */
      const findGood = Effect.fnUntraced(function* (id: ApiKeyId, method: KnownKey["method"]) {
        const found = Option.getOrUndefined(yield* memory.find(id))
        if (
          found === undefined ||
          found.method !== method ||
          found.expiresAtMillis <= clock.currentTimeMillisUnsafe()
        ) {
          return yield* new ApiKeyRefused({})
        }
        return found
      })

      const matches = (key: KnownKey, isEqual: (secret: Uint8Array) => boolean) => {
        const now = clock.currentTimeMillisUnsafe()
        return key.secrets.some(({ bytes, endsAtMillis }) => endsAtMillis > now && isEqual(bytes))
      }

      const admit = Effect.fnUntraced(function* (key: KnownKey) {
        const request = yield* CurrentRequest
        if (!key.allows(request?.clientIp)) return yield* new AddressNotAllowed({})
        memory.used(key.id)
        return key.verified
      })

      const bySecret = Effect.fnUntraced(function* (text: string) {
        const parsed = Option.getOrUndefined(parse(text))
        if (parsed === undefined || parsed.environment !== environment) return yield* new ApiKeyRefused({})
        const key = yield* findGood(parsed.id, "secret")
        const hash = createHash("sha256").update(text).digest()
        if (!matches(key, (known) => timingSafeEqual(known, hash))) return yield* new ApiKeyRefused({})
        return yield* admit(key)
      })

      const bySignature = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
        const parts = signatureOf(request.headers)
        if (parts === undefined) return yield* new SignatureMismatch({})
        const { keyId, nonce, signature, timestamp } = parts
        const now = clock.currentTimeMillisUnsafe()
        const sentAt = Number(timestamp) * 1000
        if (Math.abs(now - sentAt) > tolerance) {
          return yield* new ClockSkewed({
            serverTime: Math.floor(now / 1000),
            toleranceSeconds: Math.floor(tolerance / 1000)
          })
        }
        const key = yield* findGood(keyId, "signature")
        // a body that cannot be read is the edge's to answer
        const body = yield* Effect.orDie(request.arrayBuffer)
        const bodyHash = createHash("sha256").update(new Uint8Array(body)).digest("hex")
        const canonical = canonicalRequest({
          ...{ method: request.method, target: request.url },
          ...{ bodyHash, timestamp, nonce }
        })
        const isSigned = matches(key, (secret) =>
          timingSafeEqual(createHmac("sha256", secret).update(canonical).digest(), signature)
        )
        if (!isSigned) return yield* new SignatureMismatch({})
        const verified = yield* admit(key)
        // last: only the key's holder can fill the store; longer than the timestamp is taken, for clocks that differ
        const endsAt = new Date(sentAt + tolerance + 60_000)
        if (!(yield* nonces.claim(keyId, nonce, endsAt))) return yield* new RequestReplayed({})
        return verified
      })

      const ofHeaders = (headers: Headers.Headers) => {
        const text = headers["x-api-key"]
        return text === undefined ? Effect.fail(new Unauthorized({})) : bySecret(text)
      }

      const ofRequest: MachineCredentials["Service"]["ofRequest"] = (request) =>
        request.headers["x-signature"] === undefined ? ofHeaders(request.headers) : bySignature(request)

      const looked = new WeakMap<HttpServerRequest.HttpServerRequest, Effect.Effect<VerifiedToken, RequestRefusal>>()
      const byOneSignature = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
        const own = yield* Effect.cached(bySignature(request))
        // another call of the request may have been here first
        const shared = looked.get(request) ?? own
        looked.set(request, shared)
        return yield* shared
      })

      const ofCall: MachineCredentials["Service"]["ofCall"] = (request, headers) =>
        request.headers["x-signature"] === undefined ? ofHeaders(headers) : byOneSignature(request)

      return MachineCredentials.of({ ofHeaders, ofRequest, ofCall })
    })
  )
}
