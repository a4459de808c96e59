import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Overloaded } from "../kernel/EdgeError.ts"
import { RateLimit } from "../kernel/RateLimit.ts"
import { Authorization } from "./Authorization.ts"
import { AccountBanned } from "./IdentityError.ts"
import { RequiredPermission } from "./Permission.ts"
import {
  EmailNotVerified,
  LastWayIn,
  ProviderAnswer,
  ProviderIdentity,
  ProviderLinkedElsewhere,
  ProviderName,
  ProviderNotLinked,
  ProviderRefused,
  ProviderUnavailable,
  ProviderUnknown,
  SignInStart,
  SignInStateInvalid,
  SignInToLink
} from "./ProviderSignIn.ts"
import { RequiredStepUp, StepUp } from "./StepUp.ts"
import { TokenPair } from "./User.ts"

const describe = (title: string, description: string) => OpenApi.annotations({ title, description })
const params = { provider: ProviderName }

/** Each start is a row, so that one address, or one user, may make a few only. */
const starts = { algorithm: "fixed-window", limit: 30, window: "1 minute" } as const
const startsOfAddress = { ...starts, name: "provider-sign-in", by: "ip" } as const
const startsOfUser = { ...starts, name: "provider-link", by: "user" } as const

/** Signing in by OpenID Connect: authorization code, PKCE (S256), state and nonce bound to the browser. */
export class ProviderSignInApiGroup extends HttpApiGroup.make("providerSignIn")
  .add(
    HttpApiEndpoint.get("start", "/api/v1/auth/oidc/:provider", {
      params,
      success: HttpApiSchema.Empty(302),
      error: [ProviderUnknown, ProviderUnavailable]
    })
      .annotate(RequiredPermission, "public")
      .annotate(RateLimit, startsOfAddress)
      .annotateMerge(
        describe("Sign in by an identity provider", "Sends the browser to the provider, and remembers it by a cookie.")
      ),
    HttpApiEndpoint.get("callback", "/api/v1/auth/oidc/:provider/callback", {
      params,
      query: ProviderAnswer,
      success: TokenPair,
      error: [
        ProviderUnknown,
        ProviderUnavailable,
        SignInStateInvalid,
        ProviderRefused,
        EmailNotVerified,
        SignInToLink,
        ProviderLinkedElsewhere,
        AccountBanned,
        Overloaded
      ]
    })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        describe(
          "Come back from an identity provider",
          "Answers as signing in does. A front end whose own address is the redirect address asks this with what it was sent."
        )
      ),
    HttpApiEndpoint.get("list", "/api/v1/users/me/identities", { success: Schema.Array(ProviderIdentity) })
      .annotate(RequiredPermission, "account")
      .middleware(Authorization)
      .annotateMerge(describe("List linked identity providers", "By which the signed-in user may sign in.")),
    HttpApiEndpoint.post("link", "/api/v1/users/me/identities/:provider", {
      params,
      success: SignInStart,
      error: [ProviderUnknown, ProviderUnavailable]
    })
      .annotate(RequiredPermission, "account")
      .annotate(RateLimit, startsOfUser)
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .middleware(Authorization)
      .annotateMerge(
        describe("Link an identity provider", "Send the browser to `url`; coming back from there links the provider.")
      ),
    HttpApiEndpoint.delete("unlink", "/api/v1/users/me/identities/:provider", {
      params,
      success: HttpApiSchema.NoContent,
      error: [ProviderNotLinked, LastWayIn]
    })
      .annotate(RequiredPermission, "account")
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .middleware(Authorization)
      .annotateMerge(describe("Unlink an identity provider", "It opens this account no more."))
  )
  .annotateMerge(describe("Identity providers", "Signing in by OpenID Connect")) {}
