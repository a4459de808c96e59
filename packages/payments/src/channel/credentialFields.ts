import { Schema } from "effect"
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto"
import { unescapePem } from "./channelConfig.ts"

const holds = (read: () => unknown) => {
  try {
    read()
    return true
  } catch {
    return false
  }
}

/** Printable ASCII without blanks: the numbers and keys of channels. */
export const code = (maxLength = 256) =>
  Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxLength), Schema.isPattern(/^[\x21-\x7e]+$/))

export const secret = <S extends Schema.Codec<string, string>>(text: S) => Schema.RedactedFromValue(text)

const Pem = Schema.String.check(Schema.isMaxLength(16_384))

/** A key that Node's crypto reads; one line in which line ends are written as `\n` will do. */
export const PrivateKeyPem = Pem.check(
  Schema.makeFilter((pem: string) => holds(() => createPrivateKey(unescapePem(pem))))
)

/** A public key or a certificate. */
export const PublicKeyPem = Pem.check(
  Schema.makeFilter((pem: string) => holds(() => createPublicKey(unescapePem(pem))))
)

export const CertificatePem = Pem.check(
  Schema.makeFilter((pem: string) => holds(() => new X509Certificate(unescapePem(pem))))
)
