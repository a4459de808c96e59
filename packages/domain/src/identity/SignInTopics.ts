import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import * as Topic from "../kernel/Topic.ts"
import { UserId } from "./CurrentUser.ts"
import { EmailCodePurpose } from "./SignIn.ts"
import { Locale } from "./User.ts"

/** Something the owner of an account should hear of, whoever did it. */
export const SignInNotice = Schema.Literals([
  "new_country",
  "impossible_travel",
  "password_changed",
  "password_reset",
  "mfa_enabled",
  "mfa_disabled",
  "recovery_codes_renewed",
  "recovery_code_used",
  "provider_linked",
  "provider_unlinked"
])
export type SignInNotice = typeof SignInNotice.Type

/**
 * A mail about signing in is to be written. `letter` is the email and the code, sealed under the installation's secret. Whether there is an account
 * is found out by who handles the message, so that who asked for a code cannot learn it.
 */
export const signInMail = Topic.make("sign_in_mail", {
  schema: Schema.Union([
    Schema.TaggedStruct("Code", {
      id: Uuid7,
      letter: Schema.String,
      purpose: EmailCodePurpose,
      locale: Schema.NullOr(Locale),
      expiresAt: Schema.DateFromString
    }),
    Schema.TaggedStruct("Notice", {
      id: Uuid7,
      userId: UserId,
      notice: SignInNotice,
      network: Schema.NullOr(Schema.String),
      country: Schema.NullOr(Schema.String),
      at: Schema.DateFromString
    })
  ]),
  subscribers: ["identity"],
  id: ({ id }) => id
})
