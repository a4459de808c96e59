// oxlint-disable-next-line import/no-unassigned-import -- the library is built on it and does not bring it
import "reflect-metadata"
import type { ServiceName } from "@mall/domain/identity/ServiceName"
import { toUri } from "@mall/domain/identity/ServiceName"
import { BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension } from "@peculiar/x509"
import { AuthorityKeyIdentifierExtension, KeyUsageFlags, KeyUsagesExtension, PemConverter } from "@peculiar/x509"
import { SubjectAlternativeNameExtension, SubjectKeyIdentifierExtension } from "@peculiar/x509"
import { X509Certificate, X509CertificateGenerator } from "@peculiar/x509"
import { Effect, Schema } from "effect"
import { isIP } from "node:net"

const curve = { name: "ECDSA", namedCurve: "P-256" }
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" }

/** A certificate and its private key (PKCS #8), as they stand in their files. */
export interface PemPair {
  readonly certificate: string
  readonly key: string
}

/** From when and until when a certificate is good. */
export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** The certificate or the key of the authority cannot be read, or the one is not the other's. */
class AuthorityUnreadable extends Schema.TaggedError<AuthorityUnreadable>()("AuthorityUnreadable", {}) {
  override get message() {
    return "The files of the certificate authority do not hold a certificate of EC P-256 and its key"
  }
}

const newKeys = Effect.promise(() => crypto.subtle.generateKey(curve, true, ["sign", "verify"]))

const toPair = (certificate: X509Certificate, key: CryptoKey): Effect.Effect<PemPair> =>
  Effect.map(
    Effect.promise(() => crypto.subtle.exportKey("pkcs8", key)),
    (bytes) => ({
      certificate: `${certificate.toString("pem")}\n`,
      key: `${PemConverter.encode(bytes, PemConverter.PrivateKeyTag)}\n`
    })
  )

/** A certificate authority, for nothing but to sign the certificates of services. */
export const makeAuthority = Effect.fn("makeAuthority")(function* (validity: Validity) {
  const keys = yield* newKeys
  const certificate = yield* Effect.promise(async () =>
    X509CertificateGenerator.createSelfSigned({
      ...validity,
      name: "CN=Mall services",
      keys,
      signingAlgorithm,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey)
      ]
    })
  )
  return yield* toPair(certificate, keys.privateKey)
})

const readAuthority = Effect.fnUntraced(function* ({ certificate, key }: PemPair) {
  const failed = () => new AuthorityUnreadable()
  const parsed = yield* Effect.try({ try: () => new X509Certificate(certificate), catch: failed })
  const privateKey = yield* Effect.tryPromise({
    try: () => crypto.subtle.importKey("pkcs8", PemConverter.decodeFirst(key), curve, false, ["sign"]),
    catch: failed
  })
  const text = crypto.getRandomValues(new Uint8Array(32))
  const isPair = yield* Effect.tryPromise({
    try: async () => {
      const signature = await crypto.subtle.sign(signingAlgorithm, privateKey, text)
      return crypto.subtle.verify(signingAlgorithm, await parsed.publicKey.export(), signature, text)
    },
    catch: failed
  })
  return isPair ? { parsed, privateKey } : yield* failed()
})

/**
 * A certificate with which `service` serves as any of `hosts` (names or addresses), and calls others under its own name.
 */
export const makeServiceCertificate = Effect.fn("makeServiceCertificate")(function* (
  authority: PemPair,
  { hosts, service, ...validity }: Validity & { readonly service: ServiceName; readonly hosts: ReadonlyArray<string> }
) {
  const { parsed, privateKey } = yield* readAuthority(authority)
  const keys = yield* newKeys
  const certificate = yield* Effect.promise(async () =>
    X509CertificateGenerator.create({
      ...validity,
      subject: `CN=${service}`,
      issuer: parsed.subject,
      publicKey: keys.publicKey,
      signingKey: privateKey,
      signingAlgorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension([
          { type: "url", value: toUri(service) },
          ...hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }))
        ]),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(parsed.publicKey)
      ]
    })
  )
  return yield* toPair(certificate, keys.privateKey)
})
