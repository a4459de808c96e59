import { ProviderRefused, ProviderUnavailable } from "@mall/domain/identity/ProviderSignIn"
import type { ProviderName } from "@mall/domain/identity/ProviderSignIn"
import { Email, UserName } from "@mall/domain/identity/User"
import * as Downstream from "@mall/platform/Downstream"
import { CallFailed } from "@mall/platform/DownstreamError"
import { Context, Data, Effect, Layer, Option, Predicate, Redacted, Schema } from "effect"
import * as oidc from "openid-client"
import { providerConfig } from "./providerConfig.ts"
import type { Provider } from "./providerConfig.ts"

/** What one sign-in is recognised by when the browser comes back. */
export interface SignInSecrets {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

/** Whom the provider says it is. */
export interface ProvenIdentity {
  readonly issuer: string
  readonly subject: string
  /** Only where the provider has verified it. */
  readonly verifiedEmail: Option.Option<Email>
  readonly name: string
}

export interface OidcClient {
  readonly authorizationUrl: (secrets: SignInSecrets) => Effect.Effect<string, ProviderUnavailable>
  /** `query` is what the provider sent the browser back with, from the question mark on. */
  readonly prove: (
    query: string,
    secrets: SignInSecrets
  ) => Effect.Effect<ProvenIdentity, ProviderUnavailable | ProviderRefused>
}

const Claims = Schema.Struct({
  iss: Schema.String,
  sub: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(255)),
  email: Schema.optionalKey(Schema.String),
  email_verified: Schema.optionalKey(Schema.Boolean),
  name: Schema.optionalKey(Schema.String)
})
const decodeClaims = Schema.decodeUnknownEffect(Claims)
const decodeEmail = Schema.decodeUnknownOption(Email)
const decodeName = Schema.decodeUnknownOption(UserName)

/** There was no usable answer: the provider is down, slow or broken. Everything else is a no. */
const isFailure = (error: unknown) =>
  (error instanceof TypeError && error.message === "fetch failed") ||
  (error instanceof oidc.ResponseBodyError && error.status >= 500) ||
  (error instanceof oidc.ClientError &&
    ["OAUTH_TIMEOUT", "OAUTH_ABORT", "OAUTH_RESPONSE_IS_NOT_CONFORM", "OAUTH_RESPONSE_IS_NOT_JSON"].includes(
      error.code ?? ""
    ))

/** The provider, or the check of what it said, says no; why is for the log. */
class Refusal extends Data.TaggedError("Refusal")<{ readonly cause: unknown }> {}

/** What was wrong, in a word: the whole error may hold claims, which are personal, and codes, which are secret. */
const codeOf = (cause: unknown) =>
  Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) ? cause.code : "unknown"

const attempt = <A>(call: () => Promise<A>) =>
  Effect.tryPromise({
    try: call,
    catch: (cause) =>
      isFailure(cause) ? new CallFailed({ isRetryable: true, mayHaveHappened: true, cause }) : new Refusal({ cause })
  })

const isLoopback = (issuer: URL) => ["127.0.0.1", "localhost", "[::1]"].includes(issuer.hostname)

const identityOf = (idToken: typeof Claims.Type, userInfo: typeof Claims.Type | undefined): ProvenIdentity => {
  const told = userInfo ?? idToken
  return {
    issuer: idToken.iss,
    subject: idToken.sub,
    verifiedEmail: told.email_verified === true ? decodeEmail(told.email) : Option.none(),
    name: Option.getOrElse(decodeName(told.name), () => "")
  }
}

const makeClient = Effect.fnUntraced(function* (name: ProviderName, provider: Provider, redirectUri: string) {
  const downstream = yield* Downstream.make("oidc", { maxAttempts: 2 }, name)
  const issuer = new URL(provider.issuer)
  const unavailable = () => new ProviderUnavailable({ provider: name })
  const refused = (code: string) =>
    Effect.logInfo("An identity provider did not confirm a sign-in").pipe(
      Effect.annotateLogs({ provider: name, code }),
      Effect.andThen(new ProviderRefused({}))
    )

  // What a provider says of itself is asked for when it is needed first; a failure is asked for again.
  let known: oidc.Configuration | undefined
  const configuration = Effect.suspend(() =>
    known !== undefined
      ? Effect.succeed(known)
      : downstream
          .call(
            attempt(() =>
              oidc.discovery(issuer, provider.clientId, Redacted.value(provider.clientSecret), undefined, {
                timeout: 10,
                // a provider on this machine is for tests and development
                ...(isLoopback(issuer) ? { execute: [oidc.allowInsecureRequests] } : {})
              })
            ),
            { operation: "discovery", isRepeatable: true }
          )
          .pipe(
            Effect.tap((found) => Effect.sync(() => (known = found))),
            // who cannot even say who they are is not to be used
            Effect.catchTags({
              Refusal: ({ cause }) =>
                Effect.logWarning("An identity provider cannot be used").pipe(
                  Effect.annotateLogs({ provider: name, code: codeOf(cause) }),
                  Effect.andThen(unavailable())
                ),
              DownstreamUnavailable: unavailable
            })
          )
  )

  const authorizationUrl: OidcClient["authorizationUrl"] = Effect.fnUntraced(function* (secrets) {
    const config = yield* configuration
    const challenge = yield* Effect.promise(() => oidc.calculatePKCECodeChallenge(secrets.codeVerifier))
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: provider.scopes ?? "openid email profile",
      response_type: "code",
      state: secrets.state,
      nonce: secrets.nonce,
      code_challenge: challenge,
      code_challenge_method: "S256"
    })
    return url.href
  })

  const prove: OidcClient["prove"] = Effect.fnUntraced(
    function* (query, { codeVerifier, nonce, state }) {
      const config = yield* configuration
      const checks = {
        pkceCodeVerifier: codeVerifier,
        expectedNonce: nonce,
        expectedState: state,
        idTokenExpected: true
      }
      // a code is good once, so that its exchange is never repeated
      const tokens = yield* downstream.call(
        attempt(() => oidc.authorizationCodeGrant(config, new URL(`${redirectUri}${query}`), checks)),
        { operation: "token" }
      )
      const idToken = yield* decodeClaims(tokens.claims())
      if (idToken.email !== undefined) return identityOf(idToken, undefined)
      const userInfo = yield* downstream.call(
        attempt(() => oidc.fetchUserInfo(config, tokens.access_token, idToken.sub)),
        { operation: "userinfo", isRepeatable: true }
      )
      return identityOf(idToken, yield* decodeClaims({ ...userInfo, iss: idToken.iss }))
    },
    Effect.catchTags({
      Refusal: ({ cause }) => refused(codeOf(cause)),
      SchemaError: () => refused("claims"),
      DownstreamUnavailable: unavailable
    })
  )

  return { authorizationUrl, prove } satisfies OidcClient
})

/** The identity providers of `OIDC_PROVIDERS`, by name. */
export class OidcClients extends Context.Service<
  OidcClients,
  { find(name: ProviderName): Option.Option<OidcClient> }
>()("@mall/identity/providers/OidcClients") {
  static readonly layer = Layer.effect(
    OidcClients,
    Effect.gen(function* () {
      const { providers, publicUrl } = yield* providerConfig
      const clients = new Map<ProviderName, OidcClient>()
      for (const [name, provider] of Object.entries(providers)) {
        const redirectUri = provider.redirectUri ?? `${publicUrl}/api/v1/auth/oidc/${name}/callback`
        clients.set(name, yield* makeClient(name, provider, redirectUri))
      }
      return OidcClients.of({ find: (name) => Option.fromUndefinedOr(clients.get(name)) })
    })
  )
}
