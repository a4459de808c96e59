import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { readOrMakeSecretFile } from "@mall/platform/sealing/secretFile"
import { Config, Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { Aead, Kdf, Mac, SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"

/** The installation's secret could not be read or made; `reason` is one sentence for the operator. */
class SecretKeyError extends Schema.TaggedError<SecretKeyError>()("SecretKeyError", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

const nonceLength = 12

/**
 * Seals what must not be readable in the database or its backups. The secret is `MALL_SECRET_KEY` (any text of at least
 * 32 characters, the same for every process of one installation); without it, a file of random bytes in
 * `MALL_DATA_DIR` that is made on first use and readable by its owner only.
 */
export class SecretKey extends Context.Service<
  SecretKey,
  {
    /** AES-256-GCM; `purpose` is authenticated: what was sealed for one cannot be opened for another. */
    seal(bytes: Uint8Array, purpose: string): Effect.Effect<Uint8Array>
    /** None where it was sealed with another secret, for another purpose, or altered. */
    open(sealed: Uint8Array, purpose: string): Effect.Effect<Option.Option<Uint8Array>>
    /** HMAC-SHA-256: what is short enough to be guessed from a plain hash cannot be guessed from this. */
    mac(text: string, purpose: string): Effect.Effect<Uint8Array>
  }
>()("@mall/identity/tokens/SecretKey") {
  static readonly layerNoDeps = Layer.effect(
    SecretKey,
    Effect.gen(function* () {
      const aead = yield* Aead.Aead
      const kdf = yield* Kdf.Kdf
      const random = yield* SecureRandom.SecureRandom
      const encoder = new TextEncoder()

      const given = yield* Config.option(Config.Redacted("MALL_SECRET_KEY"))
      const secret = Option.isSome(given) ? yield* checkLength(given.value) : yield* readOrMake
      const derive = (info: string) =>
        kdf.derive(Kdf.hkdfSha256, encoder.encode(Redacted.value(secret)), {
          salt: new Uint8Array(),
          info: encoder.encode(info),
          length: 32
        })
      const key = yield* Aead.key(Aead.aes256Gcm, yield* derive("mall/secret-key"))
      const macs = yield* Mac.Mac
      const macKey = yield* Mac.key(Mac.hmacSha256, yield* derive("mall/mac-key"))

      const seal = Effect.fn("SecretKey.seal")(function* (bytes: Uint8Array, purpose: string) {
        const nonce = yield* random.randomBytes(nonceLength)
        const sealed = yield* Effect.orDie(aead.encrypt(key, bytes, { nonce, aad: encoder.encode(purpose) }))
        return new Uint8Array([...nonce, ...sealed])
      })

      const open = Effect.fn("SecretKey.open")((sealed: Uint8Array, purpose: string) =>
        aead
          .decrypt(key, sealed.subarray(nonceLength), {
            nonce: sealed.subarray(0, nonceLength),
            aad: encoder.encode(purpose)
          })
          .pipe(Effect.option)
      )

      const mac = Effect.fn("SecretKey.mac")((text: string, purpose: string) =>
        Effect.orDie(macs.sign(macKey, encoder.encode(`${purpose}\u0000${text}`)))
      )

      return SecretKey.of({ seal, open, mac })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(
    Layer.provide([
      NodeCrypto.layerAead,
      NodeCrypto.layerKdf,
      NodeCrypto.layerMac,
      NodeCrypto.layerSecureRandom,
      NodeFileSystem.layer,
      NodePath.layer
    ])
  )
}

const checkLength = Effect.fnUntraced(function* (secret: Redacted.Redacted) {
  if (Redacted.value(secret).length >= 32) return secret
  return yield* new SecretKeyError({ reason: "MALL_SECRET_KEY must have at least 32 characters." })
})

const readOrMake = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  const folder = yield* Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall"))
  return yield* readOrMakeSecretFile(folder, "secret.key", Effect.map(random.randomBytes(32), Base64Url.encode))
}).pipe(
  Effect.catchTag(
    "PlatformError",
    (error) => new SecretKeyError({ reason: `The secret key in MALL_DATA_DIR cannot be used: ${error.message}.` })
  )
)
