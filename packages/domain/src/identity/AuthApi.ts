import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { CallerBlocked, Overloaded, RateLimited } from "../kernel/EdgeError.ts"
import { RateLimit } from "../kernel/RateLimit.ts"
import type { RateLimitPolicy } from "../kernel/RateLimit.ts"
import { Authorization } from "./Authorization.ts"
import {
  AccountBanned,
  CodeInvalid,
  EmailCodeRequired,
  InvalidCredentials,
  MfaRequired,
  RefreshTokenInvalid,
  RefreshTokenReused,
  WeakPassword
} from "./IdentityError.ts"
import { RequiredPermission } from "./Permission.ts"
import { EmailCodeRequest, PasswordReset, StepUpProof } from "./SignInRequests.ts"
import { Login, RefreshToken, TokenPair, TokenVerification } from "./User.ts"

const describe = (title: string, description: string) => OpenApi.annotations({ title, description })

const verification = describe(
  "Verify an access token",
  "Whose token it is, until when it is good. Answered without touching the database."
)

/** Each code is a mail to somebody. `RATE_LIMIT_EMAIL_CODE_PER_MINUTE` sets another limit. */
const emailCodes: RateLimitPolicy = {
  name: "email_code",
  by: "ip",
  algorithm: "fixed-window",
  limit: 10,
  window: "1 minute"
}

/** Signing in and out, and asking whose a token is. */
export class AuthApiGroup extends HttpApiGroup.make("auth")
  .add(
    HttpApiEndpoint.post("login", "/api/v1/auth/login", {
      payload: Login,
      success: TokenPair,
      error: [
        InvalidCredentials,
        MfaRequired,
        EmailCodeRequired,
        CodeInvalid,
        AccountBanned,
        CallerBlocked,
        RateLimited,
        Overloaded
      ]
    })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        describe(
          "Sign in",
          "Neither the answer nor its timing tells whether the account exists. Failures lock account and address for a while. Where the password is right and more is needed, the answer says what: come again with all of it."
        )
      ),
    HttpApiEndpoint.post("sendCode", "/api/v1/auth/codes", {
      payload: EmailCodeRequest,
      success: HttpApiSchema.Accepted
    })
      .annotate(RequiredPermission, "public")
      .annotate(RateLimit, emailCodes)
      .annotateMerge(
        describe(
          "Send a code by mail",
          "Always the same answer, whether or not there is an account. A code is good for ten minutes and five tries; at most one a minute is sent to an address."
        )
      ),
    HttpApiEndpoint.post("resetPassword", "/api/v1/auth/password-reset", {
      payload: PasswordReset,
      success: HttpApiSchema.NoContent,
      error: [CodeInvalid, WeakPassword, RateLimited, Overloaded]
    })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        describe(
          "Set a new password with a code",
          "For who forgot theirs. Ends all sessions of the account; a second factor is asked for at the next login as before."
        )
      ),
    HttpApiEndpoint.post("stepUp", "/api/v1/auth/step-up", {
      payload: StepUpProof,
      success: HttpApiSchema.NoContent,
      error: [InvalidCredentials, MfaRequired, CodeInvalid, RateLimited, Overloaded]
    })
      .annotate(RequiredPermission, "account")
      .middleware(Authorization)
      .annotateMerge(
        describe(
          "Prove again that it is you",
          "For endpoints that answer `StepUpRequired`. The proof holds for this session, ten minutes unless configured."
        )
      ),
    HttpApiEndpoint.post("refresh", "/api/v1/auth/refresh", {
      payload: Schema.Struct({ refreshToken: RefreshToken }),
      success: TokenPair,
      error: [RefreshTokenInvalid, RefreshTokenReused, AccountBanned]
    })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        describe("Refresh the tokens", "Each refresh token is good for one use; a second use ends the session.")
      ),
    HttpApiEndpoint.post("logout", "/api/v1/auth/logout", { success: HttpApiSchema.NoContent })
      .annotate(RequiredPermission, "account")
      .middleware(Authorization)
      .annotateMerge(describe("Sign out", "Ends this session at once: its access and refresh tokens are refused.")),
    HttpApiEndpoint.get("verify", "/api/v1/auth/verify", { success: TokenVerification })
      .annotate(RequiredPermission, "account")
      .middleware(Authorization)
      .annotateMerge(verification),
    HttpApiEndpoint.post("verifyByPost", "/api/v1/auth/verify", { success: TokenVerification })
      .annotate(RequiredPermission, "account")
      .middleware(Authorization)
      .annotateMerge(verification),
    HttpApiEndpoint.get("verifyAccessToken", "/api/user/verify-access-token/", { success: TokenVerification })
      .annotate(RequiredPermission, "account")
      .middleware(Authorization)
      .annotateMerge(verification),
    HttpApiEndpoint.post("verifyAccessTokenByPost", "/api/user/verify-access-token/", { success: TokenVerification })
      .annotate(RequiredPermission, "account")
      .middleware(Authorization)
      .annotateMerge(verification)
  )
  .annotateMerge(describe("Tokens", "Signing in and out, refreshing and verifying tokens")) {}

/** RFC 7517: a public Ed25519 key. */
export const PublicJwk = Schema.Struct({
  kty: Schema.Literal("OKP"),
  crv: Schema.Literal("Ed25519"),
  x: Schema.String,
  kid: Schema.String,
  alg: Schema.Literal("EdDSA"),
  use: Schema.Literal("sig")
}).annotate({ identifier: "PublicJwk" })
export type PublicJwk = typeof PublicJwk.Type

/** The keys that access tokens are verified with, for services that verify on their own. */
export class JwksApiGroup extends HttpApiGroup.make("jwks")
  .add(
    HttpApiEndpoint.get("keys", "/.well-known/jwks.json", { success: Schema.Struct({ keys: Schema.Array(PublicJwk) }) })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        describe(
          "Public keys of access tokens",
          "An RFC 7517 key set. Fetch it again when a token names a key not in it."
        )
      )
  )
  .annotateMerge(describe("Keys", "Public keys of access tokens")) {}
