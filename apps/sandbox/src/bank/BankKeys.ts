import { Effect, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { loadIdentity } from "../identityFiles.ts"

/** `merchant.json`: what the bank gave its customer. The secret signs requests and answers. */
const CustomerAccount = Schema.Struct({ clientId: Schema.NonEmptyString, secret: Schema.NonEmptyString })

/** The keys in `<sandbox folder>/bank/`, made at first use. */
export const loadKeys = loadIdentity({
  channel: "bank",
  identity: CustomerAccount,
  account: CustomerAccount,
  accountOf: (identity) => identity,
  generate: Effect.sync(() =>
    CustomerAccount.make({
      clientId: `mall-${randomBytes(4).toString("hex")}`,
      secret: randomBytes(32).toString("base64url")
    })
  )
})
