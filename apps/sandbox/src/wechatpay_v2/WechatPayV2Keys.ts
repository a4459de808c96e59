import { Effect, Schema } from "effect"
import { randomBytes, randomInt } from "node:crypto"
import { loadIdentity } from "../identityFiles.ts"

/** `merchant.json`: what a merchant holds, and all that a shop needs to use this channel. Both sides sign with the same key. */
const MerchantAccount = Schema.Struct({
  appid: Schema.NonEmptyString,
  mchid: Schema.NonEmptyString,
  apiKey: Schema.NonEmptyString
})

/** The keys in `<sandbox folder>/wechatpay_v2/`, made at first use. */
export const loadKeys = loadIdentity({
  channel: "wechatpay_v2",
  identity: MerchantAccount,
  account: MerchantAccount,
  accountOf: (identity) => identity,
  generate: Effect.sync(() =>
    MerchantAccount.make({
      appid: `wx${randomBytes(8).toString("hex")}`,
      mchid: `1900${Array.from({ length: 6 }, () => randomInt(10)).join("")}`,
      apiKey: randomBytes(16).toString("hex")
    })
  )
})
