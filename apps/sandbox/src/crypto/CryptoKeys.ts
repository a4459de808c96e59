import { creationCodeOf, deploymentProxy, deploymentSalt } from "@mall/domain/payments/depositForwarders"
import { Effect, Schema } from "effect"
import { randomBytes, randomInt } from "node:crypto"
import { getContractAddress } from "viem"
import { HDKey, hdKeyToAccount } from "viem/accounts"
import { loadIdentity } from "../identityFiles.ts"

/** `platform.json`: with the seed that the shop itself does not need to take payments. */
const Identity = Schema.Struct({
  chainId: Schema.Int,
  token: Schema.NonEmptyString,
  xpub: Schema.NonEmptyString,
  hotWalletKey: Schema.NonEmptyString,
  seed: Schema.NonEmptyString
})

/** `merchant.json`: what a merchant holds, and all that a shop needs to use this channel. */
const MerchantAccount = Schema.Struct({
  chainId: Schema.Int,
  token: Schema.NonEmptyString,
  xpub: Schema.NonEmptyString,
  hotWalletKey: Schema.NonEmptyString,
  /** Where deposits are gathered, whose key is below the seed. */
  treasury: Schema.NonEmptyString,
  /** The contract that gathers them. */
  forwarders: Schema.NonEmptyString
})
export type CryptoAccount = typeof MerchantAccount.Type

const accountOf = ({ seed, ...account }: typeof Identity.Type): CryptoAccount => {
  const master = HDKey.fromMasterSeed(Buffer.from(seed, "hex"))
  const treasury = hdKeyToAccount(master, { accountIndex: 1 }).address
  const forwarders = getContractAddress({
    opcode: "CREATE2",
    from: deploymentProxy,
    salt: deploymentSalt,
    bytecode: creationCodeOf(treasury)
  })
  return { ...account, treasury: treasury.toLowerCase(), forwarders: forwarders.toLowerCase() }
}

/** Where the first contract of the chain's first account is, on every chain. */
const firstContract = "0x5fbdb2315678afecb367f032d93f642f64180aa3"

/** The keys in `<sandbox folder>/crypto/`, made at first use; answers with what the merchant holds. */
export const loadAccount = loadIdentity({
  channel: "crypto",
  identity: Identity,
  account: MerchantAccount,
  accountOf,
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
}).pipe(Effect.map(accountOf))
