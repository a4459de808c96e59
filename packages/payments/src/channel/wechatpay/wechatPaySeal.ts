import { Clock, Duration, Effect, Result, Schema } from "effect"
import { verify as verifySignature } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { CallbackRefused } from "../ChannelError.ts"

export const ascii = (maxLength: number) =>
  Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxLength), Schema.isPattern(/^[\x21-\x7e]+$/))

const SealHeaders = Schema.Struct({
  "wechatpay-serial": ascii(64),
  "wechatpay-signature": ascii(1024),
  "wechatpay-timestamp": Schema.String.check(Schema.isPattern(/^[0-9]{1,12}$/)),
  "wechatpay-nonce": ascii(128),
  "wechatpay-signature-type": Schema.optional(Schema.Literal("WECHATPAY2-SHA256-RSA2048"))
})
const decodeHeaders = Schema.decodeUnknownEffect(SealHeaders)

const refused = (reason: CallbackRefused["reason"]) => new CallbackRefused({ reason })

/** A notice or an answer as it came: header names in lower case, the body byte by byte. */
export interface Sealed {
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Uint8Array
}

/**
 * Believes bytes that are signed by a key of the platform that `find` knows, within `window` of their own timestamp; answers
 * with the nonce that is signed with them.
 */
export const verifySeal = Effect.fnUntraced(function* (
  { body, headers }: Sealed,
  window: Duration.Duration,
  find: (serial: string) => Effect.Effect<KeyObject | undefined, CallbackRefused>
) {
  const {
    "wechatpay-nonce": nonce,
    "wechatpay-serial": serial,
    "wechatpay-signature": signature,
    "wechatpay-timestamp": timestamp
  } = yield* decodeHeaders(headers).pipe(Effect.mapError(() => refused("signature")))
  const now = yield* Clock.currentTimeMillis
  if (Math.abs(now - Number(timestamp) * 1000) > Duration.toMillis(window)) return yield* refused("timestamp")
  const key = yield* find(serial)
  if (key === undefined) return yield* refused("serial")
  const message = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from("\n")])
  const holds = Result.getOrElse(
    Result.try(() => verifySignature("sha256", message, key, Buffer.from(signature, "base64"))),
    () => false
  )
  if (!holds) return yield* refused("signature")
  return nonce
})
