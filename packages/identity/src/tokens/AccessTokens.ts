import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { Role } from "@mall/domain/identity/Permission"
import type { Permission } from "@mall/domain/identity/Permission"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Clock, Config, Context, Data, Duration, Effect, Layer, Option, Schema } from "effect"
import { decodeProtectedHeader, jwtVerify, SignJWT } from "jose"
import { accessTokenLifetime } from "./accessTokenLifetime.ts"
import { Keys } from "./Keys.ts"
import type { CompiledPolicy } from "../policy/CompiledPolicy.ts"
import { Policies } from "../policy/Policies.ts"
import { Revocations } from "./Revocations.ts"
import type { TokenSubject } from "./Revocations.ts"
import { TokenCache } from "./TokenCache.ts"

const algorithm = "EdDSA"
/** RFC 9068: an access token can be taken for nothing else. */
const type = "at+jwt"

export interface Bearer extends TokenSubject {
  readonly roles: ReadonlyArray<Role>
  /** Those within the shop `merchantId`, beside `merchant`. */
  readonly shopRoles: ReadonlyArray<Role>
  readonly merchantId: MerchantId | null
}

export interface IssuedToken {
  readonly token: string
  /** In seconds. */
  readonly expiresIn: number
}

export interface VerifiedToken {
  readonly principal: Principal
  readonly permissions: ReadonlySet<Permission>
}

const Claims = Schema.Struct({
  sub: UserId,
  sid: SessionId,
  roles: Schema.Array(Role),
  shr: Schema.optionalKey(Schema.Array(Role)),
  mid: Schema.optionalKey(MerchantId),
  ver: Schema.Int,
  exp: Schema.Int
})
const decodeClaims = Schema.decodeUnknownEffect(Claims)

/** jose says no; what exactly is wrong is nobody's business. */
class TokenRejected extends Data.TaggedError("TokenRejected")<{ readonly cause: unknown }> {}

interface Entry {
  readonly subject: TokenSubject
  readonly expiresAtMillis: number
  readonly claims: typeof Claims.Type
  /** The policy by which the bearer was judged; another one means to judge anew. */
  policy: CompiledPolicy
  verified: Effect.Effect<VerifiedToken>
}

/**
 * Access tokens: JWTs signed with Ed25519, good for minutes. A signature is checked once; after that a token is known by
 * its text, and each use only compares its expiry and the policy in force and asks `Revocations`: no I/O, no cryptography, no
 * promise.
 */
export class AccessTokens extends Context.Service<
  AccessTokens,
  {
    issue(bearer: Bearer): Effect.Effect<IssuedToken>
    verify(token: string): Effect.Effect<VerifiedToken, Unauthorized>
  }
>()("@mall/identity/tokens/AccessTokens") {
  static readonly layerNoDeps = Layer.effect(
    AccessTokens,
    Effect.gen(function* () {
      const keys = yield* Keys
      const revocations = yield* Revocations
      const policies = yield* Policies
      const clock = yield* Clock.Clock
      const lifetime = Duration.toMillis(yield* accessTokenLifetime)
      const { issuer, audience, cacheSize } = yield* Config.all({
        issuer: Config.String("ACCESS_TOKEN_ISSUER").pipe(Config.withDefault("mall")),
        audience: Config.String("ACCESS_TOKEN_AUDIENCE").pipe(Config.withDefault("mall")),
        cacheSize: Config.Int("ACCESS_TOKEN_CACHE_SIZE").pipe(Config.withDefault(20_000))
      })
      const cache = new TokenCache<Entry>(cacheSize)
      const unauthorized = Effect.suspend(() => Effect.fail(new Unauthorized({})))

      const issue = Effect.fn("AccessTokens.issue")(function* (bearer: Bearer) {
        const { kid, privateKey } = yield* keys.current
        const issuedAt = Math.floor(clock.currentTimeMillisUnsafe() / 1000)
        const expiresIn = Math.floor(lifetime / 1000)
        const claims = {
          sid: bearer.sessionId,
          roles: bearer.roles,
          ver: bearer.version,
          ...(bearer.shopRoles.length === 0 ? {} : { shr: bearer.shopRoles }),
          ...(bearer.merchantId === null ? {} : { mid: bearer.merchantId })
        }
        const token = yield* Effect.promise(() =>
          new SignJWT(claims)
            .setProtectedHeader({ alg: algorithm, typ: type, kid })
            .setSubject(bearer.userId)
            .setIssuer(issuer)
            .setAudience(audience)
            .setIssuedAt(issuedAt)
            .setExpirationTime(issuedAt + expiresIn)
            .sign(privateKey)
        )
        return { token, expiresIn }
      })

      /** The claims of a token whose signature, key, type, issuer, audience and expiry are right. */
      const checkSignature = Effect.fnUntraced(
        function* (token: string) {
          const { kid = "" } = yield* Effect.try({
            try: () => decodeProtectedHeader(token),
            catch: (cause) => new TokenRejected({ cause })
          })
          const key = yield* keys.find(kid)
          if (Option.isNone(key)) return yield* unauthorized
          const { payload } = yield* Effect.tryPromise({
            try: () =>
              jwtVerify(token, key.value, {
                algorithms: [algorithm],
                typ: type,
                issuer,
                audience,
                requiredClaims: ["exp", "iat", "sub"],
                currentDate: new Date(clock.currentTimeMillisUnsafe())
              }),
            catch: (cause) => new TokenRejected({ cause })
          })
          return yield* decodeClaims(payload)
        },
        Effect.catchTag(["TokenRejected", "SchemaError"], () => unauthorized)
      )

      const judge = (claims: typeof Claims.Type, policy: CompiledPolicy): Effect.Effect<VerifiedToken> => {
        const { either, mall, shop } = policy.authorityOf({ roles: claims.roles, shopRoles: claims.shr ?? [] })
        const principal = new Principal({
          userId: claims.sub,
          sessionId: claims.sid,
          roles: claims.roles,
          merchantId: Option.fromUndefinedOr(claims.mid),
          expiresAt: new Date(claims.exp * 1000),
          held: { mall: [...mall], shop: [...shop] }
        })
        return Effect.succeed({ principal, permissions: either })
      }

      const entryOf = (claims: typeof Claims.Type): Entry => {
        const policy = policies.current()
        return {
          subject: { userId: claims.sub, sessionId: claims.sid, version: claims.ver },
          expiresAtMillis: claims.exp * 1000,
          claims,
          policy,
          verified: judge(claims, policy)
        }
      }

      const verifiedBy = (entry: Entry) => {
        const policy = policies.current()
        if (entry.policy !== policy) {
          entry.verified = judge(entry.claims, policy)
          entry.policy = policy
        }
        return entry.verified
      }

      const decide = (entry: Entry): Effect.Effect<VerifiedToken, Unauthorized> => {
        switch (revocations.status(entry.subject)) {
          case "good":
            return verifiedBy(entry)
          case "ended":
            return unauthorized
          case "unknown":
            return Effect.flatMap(revocations.confirm(entry.subject), (good) =>
              good ? verifiedBy(entry) : unauthorized
            )
        }
      }

      const verifyNew = Effect.fn("AccessTokens.verify")(function* (token: string) {
        const entry = entryOf(yield* checkSignature(token))
        cache.set(token, entry)
        return yield* decide(entry)
      })

      const verify = (token: string): Effect.Effect<VerifiedToken, Unauthorized> => {
        const entry = cache.get(token)
        if (entry === undefined) return token === "" ? unauthorized : verifyNew(token)
        if (clock.currentTimeMillisUnsafe() < entry.expiresAtMillis) return decide(entry)
        cache.delete(token)
        return unauthorized
      }

      return AccessTokens.of({ issue, verify })
    })
  )
}
