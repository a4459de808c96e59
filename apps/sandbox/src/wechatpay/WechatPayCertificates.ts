import { DateTime, Effect, Schema } from "effect"
import { createPrivateKey, createPublicKey, randomBytes } from "node:crypto"
import { generateRsa } from "../identityFiles.ts"
import { Journal } from "../Journal.ts"
import { errors } from "./WechatPayError.ts"
import type { WechatPayError } from "./WechatPayError.ts"
import type { PlatformSeal, WechatPayKeys } from "./WechatPayKeys.ts"
import { formatTime } from "./WechatPayModel.ts"
import { selfSigned } from "./selfSigned.ts"
import { encrypt } from "./WechatPaySignature.ts"

const Certificate = Schema.Struct({
  serial: Schema.String,
  from: Schema.String,
  until: Schema.String,
  pem: Schema.String,
  privateKeyPem: Schema.String
})

/** As many as the platform lists while it changes from one to the next. */
const listed = 2

/** Issues the platform's certificates, which survive a restart. Until the first is issued the merchant's public key counts. */
export const makeCertificates = Effect.fnUntraced(function* (keys: WechatPayKeys) {
  const journal = yield* Journal
  const issued = yield* journal.open("wechatpay/certificates", { schema: Certificate, key: ({ serial }) => serial })
  const sealOf = ({ privateKeyPem, serial }: typeof Certificate.Type): PlatformSeal => ({
    serial,
    privateKey: createPrivateKey(privateKeyPem)
  })
  const current = () => issued.values().slice(-listed)
  const sealsNow = () => {
    const seals = current().map(sealOf)
    return { oldest: seals[0] ?? keys.publicKeySeal, newest: seals.at(-1) ?? keys.publicKeySeal }
  }
  let seals = sealsNow()

  const issue = Effect.gen(function* () {
    const { privateKey, publicKey } = yield* generateRsa
    const serial = `5${randomBytes(20).toString("hex").slice(1)}`.toUpperCase()
    const now = yield* DateTime.now
    const from = DateTime.subtract(now, { days: 1 })
    const until = DateTime.add(now, { days: 5 * 365 })
    const certificate = Certificate.make({
      serial,
      from: DateTime.formatIso(from),
      until: DateTime.formatIso(until),
      pem: selfSigned({
        serial,
        name: "Tenpay.com sign",
        from: DateTime.toDateUtc(from),
        until: DateTime.toDateUtc(until),
        publicKey: createPublicKey(publicKey),
        privateKey: createPrivateKey(privateKey)
      }),
      privateKeyPem: privateKey
    })
    yield* issued.set(certificate)
    seals = sealsNow()
    return serial
  })

  /** A merchant that verifies by public key has none to fetch. */
  const list = Effect.suspend((): Effect.Effect<Schema.JsonObject, WechatPayError> => {
    const last = current()
    if (last.length === 0) return Effect.fail(errors.certificatesUnknown())
    const data = last.toReversed().map(({ from, pem, serial, until }) => {
      const nonce = randomBytes(6).toString("hex")
      return {
        serial_no: serial,
        effective_time: formatTime(from),
        expire_time: formatTime(until),
        encrypt_certificate: {
          algorithm: "AEAD_AES_256_GCM",
          nonce,
          associated_data: "certificate",
          ciphertext: encrypt(keys, pem, nonce, "certificate")
        }
      }
    })
    return Effect.succeed({ data })
  })

  return {
    /** The newest key signs; but the list of certificates is signed by one that merchants know already. */
    sealOf: (payload: Schema.JsonObject | undefined) =>
      payload !== undefined && "data" in payload ? seals.oldest : seals.newest,
    list,
    issue
  }
})
