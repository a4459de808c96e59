import { DateTime, Effect, Option, Schema } from "effect"
import { createCipheriv, randomBytes, sign, verify } from "node:crypto"
import type { KeyObject } from "node:crypto"
import type { ChannelRequest, Notice, Sealed } from "../Channel.ts"
import type { Tampering } from "../Fault.ts"
import { errors } from "./WechatPayError.ts"
import type { PlatformSeal, WechatPayKeys } from "./WechatPayKeys.ts"
import { formatTime } from "./WechatPayModel.ts"

const scheme = "WECHATPAY2-SHA256-RSA2048"
const toleranceSeconds = 300

const Credentials = Schema.Struct({
  mchid: Schema.NonEmptyString,
  nonce_str: Schema.NonEmptyString.check(Schema.isMaxLength(128)),
  signature: Schema.NonEmptyString,
  timestamp: Schema.String.check(Schema.isPattern(/^\d{1,12}$/)),
  serial_no: Schema.NonEmptyString
})

/** `WECHATPAY2-SHA256-RSA2048 mchid="…",nonce_str="…",…`, its parts in any order. */
const parseAuthorization = (header: string | undefined) => {
  if (header === undefined || !header.startsWith(`${scheme} `)) return Option.none()
  const parts = Array.from(header.slice(scheme.length + 1).matchAll(/([a-z_]+)="([^"]*)"/g), ([, key, value]) => [
    key,
    value
  ])
  return Schema.decodeUnknownOption(Credentials)(Object.fromEntries(parts))
}

const lines = (...parts: ReadonlyArray<string>) => parts.map((part) => `${part}\n`).join("")

/** Remembers nonces for as long as their timestamp is accepted. */
const makeNonces = () => {
  const seen = new Map<string, number>()
  return {
    /** False where the nonce was used before. */
    use: (nonce: string, nowSeconds: number) => {
      for (const [old, expiry] of seen) {
        if (expiry > nowSeconds) break
        seen.delete(old)
      }
      if (seen.has(nonce)) return false
      seen.set(nonce, nowSeconds + 2 * toleranceSeconds)
      return true
    }
  }
}

/** Lets a request pass that the merchant signed within five minutes, once; fails as WeChat Pay answers what it refuses. */
export const makeVerifier = (keys: WechatPayKeys) => {
  const nonces = makeNonces()
  return Effect.fnUntraced(function* (request: ChannelRequest) {
    if (!request.headers["accept"] || !request.headers["user-agent"]) {
      return yield* errors.missingHeader()
    }
    const credentials = parseAuthorization(request.headers["authorization"])
    if (Option.isNone(credentials)) return yield* errors.authorization()
    const { mchid, nonce_str: nonce, serial_no: serial, signature, timestamp } = credentials.value
    if (mchid !== keys.account.mchid) return yield* errors.merchantUnknown()
    if (serial !== keys.account.merchantSerial) return yield* errors.serial()
    const now = DateTime.toEpochSeconds(yield* DateTime.now)
    if (Math.abs(now - Number(timestamp)) > toleranceSeconds) return yield* errors.timestamp()
    const message = lines(request.method, request.target, timestamp, nonce, request.body)
    if (!verify("sha256", Buffer.from(message), keys.merchantPublicKey, Buffer.from(signature, "base64"))) {
      return yield* errors.signature({
        detail: { issue: "sign not match" },
        field: "signature",
        location: "authorization",
        sign_information: {
          method: request.method,
          sign_message_length: Buffer.byteLength(message),
          truncated_sign_message: message.slice(0, 256),
          url: request.target
        }
      })
    }
    if (!nonces.use(nonce, now)) return yield* errors.replay()
  })
}

/** Off the event loop: an RSA signature costs more than all the rest of an answer. */
const signWith = (key: KeyObject, message: string) =>
  Effect.callback<string>((resume) =>
    sign("sha256", Buffer.from(message), key, (error, signature) =>
      resume(error === null ? Effect.succeed(signature.toString("base64")) : Effect.die(error))
    )
  )

/** The body with the headers that prove where it comes from, or that fail to when `tampering` says so. */
export const signBody = Effect.fnUntraced(function* (
  seal: PlatformSeal,
  body: string,
  tampering: Tampering | undefined
): Effect.fn.Return<Sealed> {
  const now = DateTime.toEpochSeconds(yield* DateTime.now)
  const timestamp = String(Math.floor(now) - (tampering === "timestamp" ? 2 * toleranceSeconds : 0))
  const nonce = randomBytes(16).toString("hex")
  const signed = tampering === "signature" ? `${body} ` : body
  return {
    headers: {
      ...(body === "" ? {} : { "content-type": "application/json; charset=utf-8" }),
      "request-id": randomBytes(16).toString("hex").toUpperCase(),
      "wechatpay-nonce": nonce,
      "wechatpay-serial": tampering === "serial" ? "PUB_KEY_ID_0000000000000000000000000000" : seal.serial,
      "wechatpay-signature": yield* signWith(seal.privateKey, lines(timestamp, nonce, signed)),
      "wechatpay-signature-type": scheme,
      "wechatpay-timestamp": timestamp
    },
    // white space keeps the JSON valid: only the signature can tell
    body: tampering === "body" ? ` ${body}` : body
  }
})

const encodeJson = Schema.encodeSync(Schema.fromJsonString(Schema.JsonObject))

/** A payload as JSON text. */
export const toJson = (payload: Schema.JsonObject) => encodeJson(payload)

/** AES-256-GCM under the APIv3 key, the tag behind the ciphertext, in base64. */
export const encrypt = (
  { account }: Pick<WechatPayKeys, "account">,
  text: string,
  nonce: string,
  associated: string
) => {
  const cipher = createCipheriv("aes-256-gcm", account.apiV3Key, nonce).setAAD(Buffer.from(associated))
  return Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64")
}

/** The envelope of a notice, encrypted and signed. */
export const sealNotice = (
  keys: WechatPayKeys,
  seal: PlatformSeal,
  notice: Notice,
  summary: string,
  tampering: Tampering | undefined
) => {
  const kind = notice.event.startsWith("REFUND") ? "refund" : "transaction"
  const nonce = randomBytes(6).toString("hex")
  const body = toJson({
    id: notice.id,
    create_time: formatTime(notice.createdAt),
    resource_type: "encrypt-resource",
    event_type: notice.event,
    summary,
    resource: {
      original_type: kind,
      algorithm: "AEAD_AES_256_GCM",
      ciphertext: encrypt(keys, toJson(notice.payload), nonce, kind),
      associated_data: kind,
      nonce
    }
  })
  return Effect.map(signBody(seal, body, tampering), (sealed) => ({
    ...sealed,
    headers: { ...sealed.headers, accept: "*/*", "user-agent": "Mozilla/4.0" }
  }))
}
