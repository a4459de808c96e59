import { DateTime, Effect, FileSystem, Path, Schema } from "effect"
import type { PlatformError } from "effect"
import { createPrivateKey, createPublicKey, generateKeyPair, randomBytes, randomInt } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { Journal } from "../Journal.ts"
import { SandboxUnavailable } from "../SandboxUnavailable.ts"

/** `merchant.json`: what a merchant holds, and all that a shop needs to use this channel. */
export const MerchantAccount = Schema.Struct({
  appid: Schema.NonEmptyString,
  mchid: Schema.NonEmptyString,
  merchantSerial: Schema.NonEmptyString,
  merchantPrivateKeyPem: Schema.NonEmptyString,
  platformSerial: Schema.NonEmptyString,
  platformPublicKeyPem: Schema.NonEmptyString,
  apiV3Key: Schema.NonEmptyString
})
export type MerchantAccount = typeof MerchantAccount.Type

/** `platform.json`: the whole identity, from which `merchant.json` is written. */
const Identity = Schema.Struct({ ...MerchantAccount.fields, platformPrivateKeyPem: Schema.NonEmptyString })

const indented = { space: 2 }
const IdentityJson = Schema.fromJsonString(Identity, indented)
const encodeIdentity = Schema.encodeEffect(IdentityJson)
const decodeIdentity = Schema.decodeEffect(IdentityJson)
const encodeAccount = Schema.encodeEffect(Schema.fromJsonString(MerchantAccount, indented))

/** The keys of both sides, ready for use. */
export interface WechatPayKeys {
  readonly account: MerchantAccount
  readonly merchantPublicKey: KeyObject
  readonly platformPrivateKey: KeyObject
}

const generateRsa = Effect.callback<{ readonly publicKey: string; readonly privateKey: string }>((resume) =>
  generateKeyPair(
    "rsa",
    {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" }
    },
    (error, publicKey, privateKey) =>
      resume(error === null ? Effect.succeed({ publicKey, privateKey }) : Effect.die(error))
  )
)

const digits = (length: number) => Array.from({ length }, () => randomInt(10)).join("")

/** 16 random bytes in hexadecimal are the 32 characters that an APIv3 key has. */
const generateIdentity = Effect.gen(function* () {
  const merchant = yield* generateRsa
  const platform = yield* generateRsa
  const mchid = `1900${digits(6)}`
  const day = DateTime.formatIsoDateUtc(yield* DateTime.now).replaceAll("-", "")
  return Identity.make({
    appid: `wx${randomBytes(8).toString("hex")}`,
    mchid,
    merchantSerial: randomBytes(20).toString("hex").toUpperCase(),
    merchantPrivateKeyPem: merchant.privateKey,
    platformSerial: `PUB_KEY_ID_01${mchid}${day}${digits(8)}`,
    platformPublicKeyPem: platform.publicKey,
    apiV3Key: randomBytes(16).toString("hex"),
    platformPrivateKeyPem: platform.privateKey
  })
})

/**
 * The keys in `<sandbox folder>/wechatpay/`, made at first use. Files appear whole and are the owner's only (0600); of
 * two processes that start at once, one makes the keys and both use them.
 */
export const loadKeys = Effect.gen(function* () {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const journal = yield* Journal
  const folder = path.join(journal.folder, "wechatpay")
  const identityFile = path.join(folder, "platform.json")
  const merchantFile = path.join(folder, "merchant.json")
  const draft = path.join(folder, `.${randomBytes(8).toString("hex")}`)

  const exclusively = (file: string, text: string) =>
    fileSystem.writeFileString(draft, text, { mode: 0o600 }).pipe(
      Effect.andThen(fileSystem.link(draft, file)),
      Effect.catchIf(
        (error) => error.reason._tag === "AlreadyExists",
        () => Effect.void
      ),
      Effect.ensuring(Effect.ignore(fileSystem.remove(draft)))
    )

  yield* fileSystem.makeDirectory(folder, { recursive: true, mode: 0o700 })
  if (!(yield* fileSystem.exists(identityFile))) {
    yield* exclusively(identityFile, yield* encodeIdentity(yield* generateIdentity))
  }
  const identity = yield* fileSystem.readFileString(identityFile).pipe(Effect.flatMap(decodeIdentity))
  const { platformPrivateKeyPem, ...account } = identity
  yield* fileSystem.writeFileString(draft, yield* encodeAccount(account), { mode: 0o600 })
  yield* fileSystem.rename(draft, merchantFile)

  return yield* Effect.try({
    try: (): WechatPayKeys => ({
      account,
      merchantPublicKey: createPublicKey(account.merchantPrivateKeyPem),
      platformPrivateKey: createPrivateKey(platformPrivateKeyPem)
    }),
    catch: () =>
      new SandboxUnavailable({ reason: `${identityFile} holds a key that cannot be read; delete the folder.` })
  })
}).pipe(
  Effect.catchTags({
    PlatformError: (error: PlatformError.PlatformError) =>
      Effect.fail(new SandboxUnavailable({ reason: `The sandbox cannot keep its keys: ${error.message}.` })),
    SchemaError: () =>
      Effect.fail(
        new SandboxUnavailable({ reason: "The sandbox's wechatpay/platform.json is damaged; delete that folder." })
      )
  })
)
