import { Effect, Schema } from "effect"
import { randomBytes, randomInt } from "node:crypto"
import { HDKey } from "viem/accounts"
import { loadIdentity } from "../identityFiles.ts"

/** `merchant.json`: what a merchant holds, and all that a shop needs to use this channel. */
const MerchantAccount = Schema.Struct({
  chainId: Schema.Int,
  token: Schema.NonEmptyString,
  xpub: Schema.NonEmptyString,
  hotWalletKey: Schema.NonEmptyString
})
export type CryptoKeys = typeof MerchantAccount.Type

/** `platform.json`: with the seed that the shop itself does not need to take payments. */
const Identity = Schema.Struct({ ...MerchantAccount.fields, seed: Schema.NonEmptyString })

/** Where the first contract of the chain's first account is, on every chain. */
const firstContract = "0x5fbdb2315678afecb367f032d93f642f64180aa3"

/** The keys in `<sandbox folder>/crypto/`, made at first use. */
export const loadKeys = loadIdentity({
  channel: "crypto",
  identity: Identity,
  account: MerchantAccount,
  accountOf: ({ seed: _, ...account }) => account,
  generate: Effect.sync(() => {
    const seed = randomBytes(32)
    return Identity.make({
      chainId: 31_337 + randomInt(1_000_000),
      token: firstContract,
      xpub: HDKey.fromMasterSeed(seed).derive("m/44'/60'/0'").publicExtendedKey,
      hotWalletKey: `0x${randomBytes(32).toString("hex")}`,
      seed: seed.toString("hex")
    })
  })
})
