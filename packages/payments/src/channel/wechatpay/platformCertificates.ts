import { Effect, Redacted, Schema } from "effect"
import { X509Certificate } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { Aes } from "wechatpay-axios-plugin"
import { CallbackRefused } from "../ChannelError.ts"
import type { WechatPaySettings } from "./WechatPayConfig.ts"
import { ascii, verifySeal } from "./wechatPaySeal.ts"
import type { Sealed } from "./wechatPaySeal.ts"

/** A key of the platform and when it counts, in milliseconds since 1970: from `from` on, until before `until`. */
export interface PlatformCertificate {
  readonly key: KeyObject
  readonly from: number
  readonly until: number
}

/** By serial, in upper-case hexadecimal. */
export type PlatformCertificates = ReadonlyMap<string, PlatformCertificate>

/** What `GET /v3/certificates` answers. The times beside a certificate are not under its seal and are not read. */
const Answer = Schema.fromJsonString(
  Schema.Struct({
    data: Schema.Array(
      Schema.Struct({
        serial_no: ascii(64),
        encrypt_certificate: Schema.Struct({
          algorithm: Schema.Literal("AEAD_AES_256_GCM"),
          ciphertext: Schema.String,
          nonce: Schema.String,
          associated_data: Schema.String
        })
      })
    ).check(Schema.isMinLength(1), Schema.isMaxLength(16))
  })
)
const decodeAnswer = Schema.decodeEffect(Answer)

const malformed = () => new CallbackRefused({ reason: "malformed" })

type Entry = (typeof Answer.Type)["data"][number]

const open = ({ encrypt_certificate: sealed, serial_no }: Entry, apiV3Key: Redacted.Redacted) => {
  const pem = Aes.AesGcm.decrypt(sealed.ciphertext, Redacted.value(apiV3Key), sealed.nonce, sealed.associated_data)
  const { publicKey, serialNumber, validFromDate, validToDate } = new X509Certificate(pem)
  if (serialNumber !== serial_no || publicKey.asymmetricKeyType !== "rsa") throw malformed()
  return [serialNumber, { key: publicKey, from: validFromDate.getTime(), until: validToDate.getTime() }] as const
}

/**
 * The certificates in an answer, where it can be believed. Each one is under the seal of the APIv3 key, which only the
 * platform and we have. Beyond that the answer has to be signed by one of the `known` keys, so that an old answer does not
 * bring back a key that was withdrawn; where none is known, by a key that comes in it.
 */
export const readCertificates = Effect.fnUntraced(function* (
  answer: Sealed,
  known: ReadonlyMap<string, KeyObject>,
  { apiV3Key, callbackWindow }: Pick<WechatPaySettings, "apiV3Key" | "callbackWindow">
): Effect.fn.Return<PlatformCertificates, CallbackRefused> {
  const text = yield* Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(answer.body),
    catch: malformed
  })
  const { data } = yield* decodeAnswer(text).pipe(Effect.mapError(malformed))
  const certificates: PlatformCertificates = yield* Effect.try({
    try: () => new Map(data.map((entry) => open(entry, apiV3Key))),
    catch: malformed
  })
  yield* verifySeal(answer, callbackWindow, (serial) =>
    Effect.succeed(known.size > 0 ? known.get(serial) : certificates.get(serial)?.key)
  )
  return certificates
})
