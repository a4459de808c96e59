import { Effect, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { loadIdentity } from "../identityFiles.ts"

/** `merchant.json`: what a merchant holds, and all that a shop needs to use this channel. Stripe's keys are shared secrets. */
const MerchantAccount = Schema.Struct({
  secretKey: Schema.NonEmptyString,
  publishableKey: Schema.NonEmptyString,
  webhookSecret: Schema.NonEmptyString
})

const random = () => randomBytes(24).toString("base64url").replaceAll(/[-_]/g, "x")

/** The keys in `<sandbox folder>/stripe/`, made at first use. */
export const loadKeys = loadIdentity({
  channel: "stripe",
  identity: MerchantAccount,
  account: MerchantAccount,
  accountOf: (identity) => identity,
  generate: Effect.sync(() =>
    MerchantAccount.make({
      secretKey: `sk_test_${random()}`,
      publishableKey: `pk_test_${random()}`,
      webhookSecret: `whsec_${random()}`
    })
  )
})
