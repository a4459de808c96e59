import { assert, layer } from "@effect/vitest"
import { permissionsOf } from "@mall/domain/identity/Permission"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Duration, Effect, Layer } from "effect"
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from "jose"
import type { CryptoKey, JWTHeaderParameters } from "jose"
import { IdentityLayer } from "../../src/Identity.ts"
import { Keys } from "../../src/tokens/Keys.ts"
import { login, principalOf, registerUser, verify, withConfiguration } from "../fixture.ts"
import { ShiftedClock } from "../ShiftedClock.ts"

const refused = (token: string) =>
  Effect.map(Effect.flip(verify(token)), (error) => assert.strictEqual(error._tag, "Unauthorized"))

/** A token as the server itself would make it, but for what the test changes. */
const forge = Effect.fnUntraced(function* (changes: {
  readonly header?: Partial<JWTHeaderParameters>
  readonly claims?: Record<string, unknown>
  readonly key?: CryptoKey | Uint8Array
}) {
  const keys = yield* Keys
  const { kid, privateKey } = yield* keys.current
  const { userId, sessionId } = yield* principalOf(yield* login(yield* registerUser))
  const clock = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  const now = Math.floor(clock / 1000)
  const claims = {
    sub: userId,
    sid: sessionId,
    roles: ["customer"],
    ver: 0,
    iat: now,
    exp: now + 900,
    iss: "mall",
    aud: "mall",
    ...changes.claims
  }
  return yield* Effect.promise(() =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid, ...changes.header })
      .sign(changes.key ?? privateKey)
  )
})

layer(withConfiguration(IdentityLayer).pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "AccessTokens",
  (it) => {
    it.effect("says whose it is, until when, and what the bearer may do", () =>
      Effect.gen(function* () {
        const user = yield* registerUser
        const { principal, permissions } = yield* verify((yield* login(user)).accessToken)
        assert.strictEqual(principal.userId, user.id)
        assert.deepStrictEqual(principal.roles, ["customer"])
        assert.deepStrictEqual([...permissions].sort(), [...permissionsOf.customer, "public"].sort())
      })
    )

    it.effect("answers with the same principal each time it sees the same token", () =>
      Effect.gen(function* () {
        const { accessToken } = yield* login(yield* registerUser)
        const first = yield* verify(accessToken)
        assert.strictEqual((yield* verify(accessToken)).principal, first.principal)
      })
    )

    it.effect("takes what it would have signed itself", () => Effect.flatMap(forge({}), verify))

    it.effect("refuses a token that was changed anywhere", () =>
      Effect.gen(function* () {
        const { accessToken } = yield* login(yield* registerUser)
        yield* verify(accessToken)
        const [header = "", payload = "", signature = ""] = accessToken.split(".")
        const flip = (part: string) => `${part.startsWith("A") ? "B" : "A"}${part.slice(1)}`
        yield* refused([flip(header), payload, signature].join("."))
        yield* refused([header, flip(payload), signature].join("."))
        yield* refused([header, payload, flip(signature)].join("."))
        yield* refused([header, payload].join("."))
        yield* refused([header, payload, ""].join("."))
      })
    )

    it.effect("refuses what is no token at all", () =>
      Effect.forEach(["", ".", "..", "a.b.c", "null", "\u0000", "💥", "x".repeat(20_000)], refused)
    )

    it.effect("refuses a token without a signature", () =>
      Effect.gen(function* () {
        const good = yield* forge({})
        const payload = good.split(".")[1] ?? ""
        const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url")
        yield* refused(`${none}.${payload}.`)
        yield* refused(new UnsecuredJWT({}).encode())
      })
    )

    it.effect("refuses a token signed by HS256 with the public key as its secret", () =>
      Effect.gen(function* () {
        const keys = yield* Keys
        const [jwk] = yield* keys.published
        const publicKey = yield* Effect.promise(() => importJWK({ ...jwk }, "EdDSA", { extractable: true }))
        assert.notInstanceOf(publicKey, Uint8Array)
        const pem = yield* Effect.promise(() => exportSPKI(publicKey as CryptoKey))
        for (const secret of [pem, jwk?.x ?? ""]) {
          yield* refused(yield* forge({ header: { alg: "HS256" }, key: new TextEncoder().encode(secret) }))
        }
      })
    )

    it.effect("refuses a token signed with another key, whatever key it names", () =>
      Effect.gen(function* () {
        const { privateKey, publicKey } = yield* Effect.promise(() =>
          generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
        )
        const jwk = yield* Effect.promise(() => exportJWK(publicKey))
        yield* refused(yield* forge({ key: privateKey }))
        yield* refused(yield* forge({ key: privateKey, header: { kid: "another" } }))
        yield* refused(yield* forge({ key: privateKey, header: { jwk } }))
        yield* refused(yield* forge({ header: { kid: "another" } }))
      })
    )

    it.effect("refuses a token for another audience, of another issuer, of another type or algorithm name", () =>
      Effect.gen(function* () {
        yield* refused(yield* forge({ claims: { aud: "bank" } }))
        yield* refused(yield* forge({ claims: { iss: "evil" } }))
        yield* refused(yield* forge({ header: { typ: "JWT" } }))
        yield* refused(yield* forge({ header: { alg: "Ed25519" } }))
      })
    )

    it.effect("refuses a token whose claims are not what we sign", () =>
      Effect.gen(function* () {
        yield* refused(yield* forge({ claims: { roles: ["Root!"] } }))
        yield* refused(yield* forge({ claims: { sub: "42" } }))
        yield* refused(yield* forge({ claims: { sid: undefined } }))
        yield* refused(yield* forge({ claims: { exp: undefined } }))
      })
    )

    it.effect("refuses an expired token, also one it knows", () =>
      Effect.gen(function* () {
        const clock = yield* ShiftedClock
        const { accessToken } = yield* login(yield* registerUser)
        yield* verify(accessToken)
        yield* clock.advance(Duration.minutes(16))
        yield* refused(accessToken)
        yield* refused(accessToken)
        yield* refused(yield* forge({ claims: { exp: 1_000_000_000 } }))
      })
    )

    it.effect("rotation makes a new key and logs nobody out", () =>
      Effect.gen(function* () {
        const keys = yield* Keys
        const clock = yield* ShiftedClock
        const before = yield* login(yield* registerUser)
        const old = yield* keys.current
        const made = yield* keys.rotate("operator:test")
        assert.notStrictEqual(made.kid, old.kid)
        assert.strictEqual((yield* keys.current).kid, made.kid)
        yield* verify(before.accessToken)
        yield* verify((yield* login(yield* registerUser)).accessToken)
        assert.deepStrictEqual((yield* keys.published).map(({ kid }) => kid).slice(0, 2), [made.kid, old.kid])

        yield* clock.advance(Duration.minutes(17))
        yield* keys.reload
        assert.deepStrictEqual(
          (yield* keys.published).map(({ kid }) => kid),
          [made.kid]
        )
      })
    )

    it.effect("publishes what others need to verify, and nothing private", () =>
      Effect.gen(function* () {
        const keys = yield* Keys
        const [jwk] = yield* keys.published
        assert.deepStrictEqual(Object.keys(jwk ?? {}).toSorted(), ["alg", "crv", "kid", "kty", "use", "x"])
      })
    )
  }
)
