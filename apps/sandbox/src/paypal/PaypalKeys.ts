import { Effect, Schema } from "effect"
import { createPrivateKey, randomBytes } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { generateRsa, loadIdentity } from "../identityFiles.ts"
import { SandboxUnavailable } from "../SandboxUnavailable.ts"

/** `merchant.json`: what a merchant holds, and all that a shop needs to use this channel. */
const MerchantAccount = Schema.Struct({
  clientId: Schema.NonEmptyString,
  clientSecret: Schema.NonEmptyString,
  merchantId: Schema.NonEmptyString,
  webhookId: Schema.NonEmptyString
})

/** `platform.json`: the whole identity, from which `merchant.json` is written. */
const Identity = Schema.Struct({
  ...MerchantAccount.fields,
  publicKeyPem: Schema.NonEmptyString,
  privateKeyPem: Schema.NonEmptyString
})

const random = (length: number) => randomBytes(length).toString("hex").toUpperCase().slice(0, length)

const generate = Effect.map(generateRsa, ({ privateKey, publicKey }) =>
  Identity.make({
    clientId: `A${random(40)}`,
    clientSecret: `E${random(40)}`,
    merchantId: random(13),
    webhookId: `WH-${random(17)}`,
    publicKeyPem: publicKey,
    privateKeyPem: privateKey
  })
)

export type PaypalKeys = typeof MerchantAccount.Type & {
  readonly publicKeyPem: string
  readonly privateKey: KeyObject
}

/** The keys in `<sandbox folder>/paypal/`, made at first use. */
export const loadKeys = Effect.flatMap(
  loadIdentity({
    channel: "paypal",
    identity: Identity,
    account: MerchantAccount,
    accountOf: ({ privateKeyPem: _, publicKeyPem: __, ...account }) => account,
    generate
  }),
  ({ privateKeyPem, ...rest }) =>
    Effect.try({
      try: (): PaypalKeys => ({ ...rest, privateKey: createPrivateKey(privateKeyPem) }),
      catch: () =>
        new SandboxUnavailable({ reason: "paypal/platform.json holds a key that cannot be read; delete that folder." })
    })
)
