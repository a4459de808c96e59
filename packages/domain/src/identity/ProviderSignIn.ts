import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"

/** The name that an identity provider has in `OIDC_PROVIDERS` and in addresses: `google`. */
export const ProviderName = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9-]{0,31}$/)).annotate({
  identifier: "ProviderName"
})
export type ProviderName = typeof ProviderName.Type

/** A provider by which the user may sign in. */
export const ProviderIdentity = Schema.Struct({
  provider: ProviderName,
  issuer: Schema.String,
  linkedAt: Schema.Date
}).annotate({ identifier: "ProviderIdentity" })
export type ProviderIdentity = typeof ProviderIdentity.Type

/** Where the browser is to go. */
export const SignInStart = Schema.Struct({ url: Schema.String }).annotate({ identifier: "SignInStart" })

const text = Schema.optionalKey(Schema.String.check(Schema.isMaxLength(4096)))

/** What the provider sends the browser back with: a code, or an error. */
export const ProviderAnswer = { state: text, code: text, error: text, error_description: text, iss: text }

export class ProviderUnknown extends Problem<ProviderUnknown>()("ProviderUnknown", {
  status: 404,
  title: "There is no such identity provider"
}) {}

/** The provider does not answer; nothing was done. */
export class ProviderUnavailable extends Problem<ProviderUnavailable>()("ProviderUnavailable", {
  status: 503,
  title: "The identity provider cannot be reached",
  fields: { provider: ProviderName }
}) {}

/** The sign-in was not started by this browser, is more than ten minutes old, or came to its end before. Start anew. */
export class SignInStateInvalid extends Problem<SignInStateInvalid>()("SignInStateInvalid", {
  status: 401,
  title: "This sign-in was not started here, or is over"
}) {}

/** The provider said no, or what it said does not prove who the user is. */
export class ProviderRefused extends Problem<ProviderRefused>()("ProviderRefused", {
  status: 401,
  title: "The identity provider did not confirm who you are"
}) {}

/** The provider does not vouch for the email address, so no account is opened with it. */
export class EmailNotVerified extends Problem<EmailNotVerified>()("EmailNotVerified", {
  status: 403,
  title: "The identity provider has not verified your email address"
}) {}

/** There is an account with this email already: sign in to it in the way you did before, then link the provider. */
export class SignInToLink extends Problem<SignInToLink>()("SignInToLink", {
  status: 409,
  title: "Sign in to your account first, and link the identity provider there",
  fields: { provider: ProviderName }
}) {}

/** This identity belongs to another account, or the account has another of this provider. */
export class ProviderLinkedElsewhere extends Problem<ProviderLinkedElsewhere>()("ProviderLinkedElsewhere", {
  status: 409,
  title: "This account of the identity provider cannot be linked: one of the two is linked already"
}) {}

export class ProviderNotLinked extends Problem<ProviderNotLinked>()("ProviderNotLinked", {
  status: 404,
  title: "Your account is not linked to this identity provider",
  fields: { provider: ProviderName }
}) {}

/** The account was opened by this provider and has no other way in. */
export class LastWayIn extends Problem<LastWayIn>()("LastWayIn", {
  status: 409,
  title: "Nobody could sign in to this account any more"
}) {}
