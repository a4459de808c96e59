import { DateTime, Effect, Schema } from "effect"
import { createPrivateKey, createPublicKey, randomBytes, randomInt } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { generateRsa, loadIdentity } from "../identityFiles.ts"
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

/** What the platform signs with. */
export interface PlatformSeal {
  readonly serial: string
  readonly privateKey: KeyObject
}

/** The keys of both sides, ready for use. */
export interface WechatPayKeys {
  readonly account: MerchantAccount
  readonly merchantPublicKey: KeyObject
  /** The public key that the merchant was given, until the first certificate is issued. */
  readonly publicKeySeal: PlatformSeal
}

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

/** The keys in `<sandbox folder>/wechatpay/`, made at first use. */
export const loadKeys = Effect.flatMap(
  loadIdentity({
    channel: "wechatpay",
    identity: Identity,
    account: MerchantAccount,
    accountOf: ({ platformPrivateKeyPem: _, ...account }) => account,
    generate: generateIdentity
  }),
  ({ platformPrivateKeyPem, ...account }) =>
    Effect.try({
      try: (): WechatPayKeys => ({
        account,
        merchantPublicKey: createPublicKey(account.merchantPrivateKeyPem),
        publicKeySeal: { serial: account.platformSerial, privateKey: createPrivateKey(platformPrivateKeyPem) }
      }),
      catch: () =>
        new SandboxUnavailable({
          reason: "wechatpay/platform.json holds a key that cannot be read; delete that folder."
        })
    })
)
