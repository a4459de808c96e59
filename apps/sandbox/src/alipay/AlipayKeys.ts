import { Effect, Schema } from "effect"
import { createPrivateKey, createPublicKey, randomInt } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { generateRsa, loadIdentity } from "../identityFiles.ts"
import { SandboxUnavailable } from "../SandboxUnavailable.ts"

/** `merchant.json`: what a merchant holds, and all that a shop needs to use this channel. */
const MerchantAccount = Schema.Struct({
  appId: Schema.NonEmptyString,
  sellerId: Schema.NonEmptyString,
  privateKeyPem: Schema.NonEmptyString,
  alipayPublicKeyPem: Schema.NonEmptyString
})

/** `platform.json`: the whole identity, from which `merchant.json` is written. */
const Identity = Schema.Struct({ ...MerchantAccount.fields, alipayPrivateKeyPem: Schema.NonEmptyString })

const digits = (length: number) => Array.from({ length }, () => randomInt(10)).join("")

const generate = Effect.gen(function* () {
  const merchant = yield* generateRsa
  const platform = yield* generateRsa
  return Identity.make({
    appId: `2021${digits(12)}`,
    sellerId: `2088${digits(12)}`,
    privateKeyPem: merchant.privateKey,
    alipayPublicKeyPem: platform.publicKey,
    alipayPrivateKeyPem: platform.privateKey
  })
})

export interface AlipayKeys {
  readonly appId: string
  readonly sellerId: string
  readonly merchantPublicKey: KeyObject
  readonly platformPrivateKey: KeyObject
}

/** The keys in `<sandbox folder>/alipay/`, made at first use. */
export const loadKeys = Effect.flatMap(
  loadIdentity({
    channel: "alipay",
    identity: Identity,
    account: MerchantAccount,
    accountOf: ({ alipayPrivateKeyPem: _, ...account }) => account,
    generate
  }),
  ({ alipayPrivateKeyPem, appId, privateKeyPem, sellerId }) =>
    Effect.try({
      try: (): AlipayKeys => ({
        appId,
        sellerId,
        merchantPublicKey: createPublicKey(privateKeyPem),
        platformPrivateKey: createPrivateKey(alipayPrivateKeyPem)
      }),
      catch: () =>
        new SandboxUnavailable({ reason: "alipay/platform.json holds a key that cannot be read; delete that folder." })
    })
)
