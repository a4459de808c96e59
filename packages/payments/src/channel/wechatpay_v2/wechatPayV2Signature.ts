import type { Redacted as RedactedType } from "effect"
import { Redacted } from "effect"
import { createDecipheriv, createHash } from "node:crypto"
import { Hash } from "wechatpay-axios-plugin"
import type { Fields } from "./flatXml.ts"
import type { SignType } from "./WechatPayV2Config.ts"

/** The signature over all fields that are not empty but `sign`, by name, and the key: in upper-case hexadecimal. */
export const signatureOf = (type: SignType, fields: Fields, apiKey: RedactedType.Redacted) =>
  Hash.sign(type, { ...fields }, Redacted.value(apiKey))

/** Whether the platform signed these fields, by either of its ways; compared in constant time. */
export const isSigned = (fields: Fields, apiKey: RedactedType.Redacted) => {
  const { sign } = fields
  if (sign === undefined || !/^[0-9A-F]{32}(?:[0-9A-F]{32})?$/.test(sign)) return false
  const type = sign.length === 64 ? "HMAC-SHA256" : "MD5"
  return Hash.equals(signatureOf(type, fields, apiKey), sign)
}

/** What a refund's notice hides: AES-256-ECB under the MD5 of the key. Nothing proves who wrote it. Throws on what is not that. */
export const decryptRefund = (base64: string, apiKey: RedactedType.Redacted) => {
  const key = createHash("md5").update(Redacted.value(apiKey)).digest("hex")
  const decipher = createDecipheriv("aes-256-ecb", Buffer.from(key), null)
  const plain = Buffer.concat([decipher.update(Buffer.from(base64, "base64")), decipher.final()])
  return new TextDecoder("utf-8", { fatal: true }).decode(plain)
}
