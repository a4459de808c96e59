import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { isGranted, Permission, Role } from "@mall/domain/identity/Permission"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Clock, Config, Context, Data, Duration, Effect, Layer, Option, Schema } from "effect"
import { decodeProtectedHeader, jwtVerify, SignJWT } from "jose"
import { accessTokenLifetime } from "./accessTokenLifetime.ts"
import { Keys } from "./Keys.ts"
import { Revocations } from "./Revocations.ts"
import type { TokenSubject } from "./Revocations.ts"
import { TokenCache } from "./TokenCache.ts"

const algorithm = "EdDSA"
/** RFC 9068: an access token can be taken for nothing else. */
const type = "at+jwt"

export interface Bearer extends TokenSubject {
  readonly roles: ReadonlyArray<Role>
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
  readonly verified: Effect.Effect<VerifiedToken>
}

/**
 * Access tokens: JWTs signed with Ed25519, good for minutes. A signature is checked once; after that a token is known by
 * its text, and each use only compares its expiry and asks `Revocations`: no I/O, no cryptography, no promise.
 */
export class AccessTokens extends Context.Service<
  AccessTokens,
  {
    issue(bearer: Bearer): Effect.Effect<IssuedToken>
    verify(token: string): Effect.Effect<VerifiedToken, Unauthorized>
  }
>()("@mall/identity/AccessTokens") {
  static readonly layerNoDeps = Layer.effect(
    AccessTokens,
    Effect.gen(function* () {
      const keys = yield* Keys
      const revocations = yield* Revocations
      const clock = yield* Clock.Clock
      const lifetime = Duration.toMillis(yield* accessTokenLifetime)
      const { issuer, audience, cacheSize } = yield* Config.all({
        issuer: Config.String("ACCESS_TOKEN_ISSUER").pipe(Config.withDefault("mall")),
        audience: Config.String("ACCESS_TOKEN_AUDIENCE").pipe(Config.withDefault("mall")),
        cacheSize: Config.Int("ACCESS_TOKEN_CACHE_SIZE").pipe(Config.withDefault(20_000))
      })
      const cache = new TokenCache<Entry>(cacheSize)
      const permissionsOf = cachedPermissions()
      const unauthorized = Effect.suspend(() => Effect.fail(new Unauthorized({})))

      const issue = Effect.fn("AccessTokens.issue")(function* (bearer: Bearer) {
        const { kid, privateKey } = yield* keys.current
        const issuedAt = Math.floor(clock.currentTimeMillisUnsafe() / 1000)
        const expiresIn = Math.floor(lifetime / 1000)
        const claims = {
          sid: bearer.sessionId,
          roles: bearer.roles,
          ver: bearer.version,
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

      const entryOf = (claims: typeof Claims.Type): Entry => {
        const expiresAtMillis = claims.exp * 1000
        const principal = new Principal({
          userId: claims.sub,
          sessionId: claims.sid,
          roles: claims.roles,
          merchantId: Option.fromUndefinedOr(claims.mid),
          expiresAt: new Date(expiresAtMillis)
        })
        return {
          subject: { userId: claims.sub, sessionId: claims.sid, version: claims.ver },
          expiresAtMillis,
          verified: Effect.succeed({ principal, permissions: permissionsOf(claims.roles) })
        }
      }

      const decide = (entry: Entry): Effect.Effect<VerifiedToken, Unauthorized> => {
        switch (revocations.status(entry.subject)) {
          case "good":
            return entry.verified
          case "ended":
            return unauthorized
          case "unknown":
            return Effect.flatMap(revocations.confirm(entry.subject), (good) => (good ? entry.verified : unauthorized))
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

/** The permissions of a set of roles, worked out once for each set there is. */
const cachedPermissions = () => {
  const known = new Map<string, ReadonlySet<Permission>>()
  return (roles: ReadonlyArray<Role>): ReadonlySet<Permission> => {
    const key = roles.join()
    const before = known.get(key)
    if (before !== undefined) return before
    const granted = new Set(Permission.literals.filter((permission) => isGranted(roles, permission)))
    known.set(key, granted)
    return granted
  }
}
