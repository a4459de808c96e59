import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, layer } from "@effect/vitest"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Duration, Effect, Layer } from "effect"
import { Kdf } from "effect/crypto"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "../../src/users/AccountEvents.ts"
import { AccessTokens } from "../../src/tokens/AccessTokens.ts"
import { Accounts } from "../../src/users/Accounts.ts"
import { Blocks } from "../../src/blocks/Blocks.ts"
import { Countries } from "../../src/signin/Countries.ts"
import { EmailCodes } from "../../src/signin/EmailCodes.ts"
import { Keys } from "../../src/tokens/Keys.ts"
import { KnownDevices } from "../../src/signin/KnownDevices.ts"
import { LoginRecords } from "../../src/signin/LoginRecords.ts"
import { Logins } from "../../src/signin/Logins.ts"
import { LoginThrottle } from "../../src/signin/LoginThrottle.ts"
import { Passwords } from "../../src/passwords/Passwords.ts"
import { Policies } from "../../src/policy/Policies.ts"
import { PasswordStrength } from "../../src/passwords/PasswordStrength.ts"
import { Revocations } from "../../src/tokens/Revocations.ts"
import { SecondFactors } from "../../src/signin/SecondFactors.ts"
import { SessionRepo } from "../../src/tokens/SessionRepo.ts"
import { Sessions } from "../../src/tokens/Sessions.ts"
import { SignInChecks } from "../../src/signin/SignInChecks.ts"
import { SignInNotices } from "../../src/signin/SignInNotices.ts"
import { UserAdministration } from "../../src/users/UserAdministration.ts"
import { UserRepo } from "../../src/users/UserRepo.ts"
import {
  configuration,
  email,
  login,
  newUserId,
  origin,
  registerUser,
  strongPassword,
  withConfiguration,
  wrongPassword
} from "../fixture.ts"
import { ShiftedClock } from "../ShiftedClock.ts"

/** What each derivation of a key cost. */
const derivations: Array<Kdf.Algorithm> = []

const CountingKdf = Layer.effect(
  Kdf.Kdf,
  Effect.map(Kdf.Kdf, (kdf) =>
    Kdf.Kdf.of({
      derive: (algorithm, ...rest) =>
        Effect.suspend(() => {
          derivations.push(algorithm)
          return kdf.derive(algorithm, ...rest)
        })
    })
  )
).pipe(Layer.provide(NodeCrypto.layerKdf))

const Identity = Layer.mergeAll(Logins.layerNoDeps, Accounts.layerNoDeps, UserAdministration.layerNoDeps).pipe(
  Layer.provideMerge(SignInChecks.layerNoDeps),
  Layer.provideMerge(SecondFactors.layer),
  Layer.provideMerge(Sessions.layer),
  Layer.provideMerge(AccessTokens.layerNoDeps),
  Layer.provideMerge(
    Layer.mergeAll(
      UserRepo.layer,
      SessionRepo.layer,
      AccountEvents.layer,
      LoginThrottle.layer,
      Passwords.layerNoDeps.pipe(Layer.provide([CountingKdf, NodeCrypto.layerSecureRandom])),
      PasswordStrength.layer,
      Keys.layer,
      Blocks.layer,
      Policies.layer,
      Revocations.layer,
      Countries.layer,
      KnownDevices.layer,
      LoginRecords.layer,
      EmailCodes.layer,
      SignInNotices.layer
    )
  )
)

layer(withConfiguration(Identity).pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "Logins",
  (it) => {
    const attempt = (user: { readonly email: string }, password = strongPassword, from = origin) =>
      Effect.flatMap(Logins, (logins) => logins.login({ email: email(user.email), password }, from))

    it.effect("answers a right password with a pair of tokens", () =>
      Effect.gen(function* () {
        const user = yield* registerUser
        const pair = yield* login(user)
        assert.deepStrictEqual(pair.user, user)
        assert.strictEqual(pair.tokenType, "Bearer")
        assert.strictEqual(pair.expiresIn, 900)
        assert.match(pair.refreshToken, /^rt_[A-Za-z0-9_-]{86}$/)
      })
    )

    it.effect("does the same work and gives the same answer for an unknown email as for a wrong password", () =>
      Effect.gen(function* () {
        const user = yield* registerUser
        const workOf = (who: string) =>
          Effect.gen(function* () {
            derivations.length = 0
            const error = yield* Effect.flip(
              attempt({ email: who }, wrongPassword, { ip: "198.51.100.1", userAgent: "t" })
            )
            return { error, work: derivations.map((algorithm) => ({ ...algorithm })) }
          })
        const known = yield* workOf(user.email)
        const unknown = yield* workOf("nobody@mall.test")
        assert.strictEqual(known.error._tag, "InvalidCredentials")
        assert.deepStrictEqual(unknown, known)
        assert.strictEqual(known.work.length, 1)
      })
    )

    it.effect("tells that an account is banned only to who knows its password", () =>
      Effect.gen(function* () {
        const user = yield* registerUser
        const administration = yield* UserAdministration
        yield* administration.ban(user.id, { actorId: null, reason: "fraud" })
        assert.strictEqual((yield* Effect.flip(attempt(user, wrongPassword)))._tag, "InvalidCredentials")
        assert.strictEqual((yield* Effect.flip(attempt(user)))._tag, "AccountBanned")
        yield* administration.unban(user.id, { actorId: null, reason: "appeal" })
        assert.strictEqual((yield* attempt(user)).user.id, user.id)
      })
    )

    it.effect("locks an account after five failures, also for the right password, longer each time", () =>
      Effect.gen(function* () {
        const clock = yield* ShiftedClock
        const user = yield* registerUser
        for (let i = 0; i < 5; i++) {
          assert.strictEqual((yield* Effect.flip(attempt(user, wrongPassword)))._tag, "InvalidCredentials")
        }
        const locked = yield* Effect.flip(attempt(user))
        assert(locked._tag === "RateLimited")
        assert.isAtMost(locked.retryAfterSeconds, 60)
        assert.isAbove(locked.retryAfterSeconds, 50)

        yield* clock.advance(Duration.seconds(61))
        assert.strictEqual((yield* Effect.flip(attempt(user, wrongPassword)))._tag, "InvalidCredentials")
        const lockedAgain = yield* Effect.flip(attempt(user))
        assert(lockedAgain._tag === "RateLimited")
        assert.isAbove(lockedAgain.retryAfterSeconds, 60)

        yield* clock.advance(Duration.seconds(121))
        yield* attempt(user)
        assert.strictEqual((yield* Effect.flip(attempt(user, wrongPassword)))._tag, "InvalidCredentials")
        yield* attempt(user)
      })
    )

    it.effect("an unknown email is locked like a known one", () =>
      Effect.gen(function* () {
        for (let i = 0; i < 5; i++) yield* Effect.flip(attempt({ email: "ghost@mall.test" }, wrongPassword))
        assert.strictEqual((yield* Effect.flip(attempt({ email: "ghost@mall.test" })))._tag, "RateLimited")
      })
    )

    it.effect("checks no more passwords than allowed however many are sent at once", () =>
      Effect.gen(function* () {
        const user = yield* registerUser
        derivations.length = 0
        const errors = yield* Effect.all(
          Array.from({ length: 30 }, () => Effect.flip(attempt(user, wrongPassword))),
          { concurrency: "unbounded" }
        )
        const tags = errors.map(({ _tag }) => _tag)
        assert.strictEqual(derivations.length, 5)
        assert.strictEqual(tags.filter((tag) => tag === "InvalidCredentials").length, 5)
        assert.strictEqual(tags.filter((tag) => tag === "RateLimited").length, 25)
      })
    )

    it.effect("forgets failures when the window has passed", () =>
      Effect.gen(function* () {
        const clock = yield* ShiftedClock
        const user = yield* registerUser
        for (let i = 0; i < 4; i++) yield* Effect.flip(attempt(user, wrongPassword))
        yield* clock.advance(Duration.hours(25))
        for (let i = 0; i < 4; i++) {
          assert.strictEqual((yield* Effect.flip(attempt(user, wrongPassword)))._tag, "InvalidCredentials")
        }
        yield* attempt(user)
      })
    )

    it.effect("deletes counters that have run out, and no others", () =>
      Effect.gen(function* () {
        const throttle = yield* LoginThrottle
        const clock = yield* ShiftedClock
        yield* Effect.flip(attempt({ email: "old@mall.test" }, wrongPassword))
        yield* clock.advance(Duration.hours(25))
        yield* Effect.flip(attempt({ email: "new@mall.test" }, wrongPassword, { ip: "198.51.100.2", userAgent: "t" }))
        assert.isAbove(yield* throttle.purge(1000), 0)
        assert.strictEqual(yield* throttle.purge(1000), 0)
        const sql = yield* SqlClient.SqlClient
        assert.strictEqual((yield* sql`SELECT key FROM identity.login_throttles`).length, 2)
      })
    )

    it.effect("keeps no email of who merely tried", () =>
      Effect.gen(function* () {
        yield* Effect.flip(attempt({ email: "secretive@mall.test" }, wrongPassword))
        const sql = yield* SqlClient.SqlClient
        const rows = yield* sql`SELECT key FROM identity.login_throttles WHERE key LIKE '%secretive%'`
        assert.deepStrictEqual(rows, [])
      })
    )

    it.effect("gives back an attempt that could not be decided for want of capacity", () =>
      Effect.gen(function* () {
        const user = yield* registerUser
        const Busy = Layer.succeed(Kdf.Kdf, Kdf.Kdf.of({ derive: () => Effect.never }))
        const overloaded = Logins.layerNoDeps.pipe(
          Layer.provide(
            Layer.fresh(Passwords.layerNoDeps).pipe(
              Layer.provide([Busy, NodeCrypto.layerSecureRandom]),
              Layer.provide(configuration({ PASSWORD_HASH_CONCURRENCY: "0", PASSWORD_HASH_QUEUE: "0" }))
            )
          ),
          Layer.fresh
        )
        for (let i = 0; i < 6; i++) {
          const error = yield* Effect.flip(attempt(user).pipe(Effect.provide(overloaded)))
          assert.strictEqual(error._tag, "Overloaded")
        }
        yield* attempt(user)
      })
    )

    it.effect("stores a new hash at login where the costs have changed", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const dear = Layer.fresh(Passwords.layer).pipe(Layer.provide(configuration({ PASSWORD_HASH_PASSES: "3" })))
        const user = yield* registerUser
        const old = yield* Effect.flatMap(Passwords, (passwords) => passwords.hash(strongPassword)).pipe(
          Effect.provide(dear)
        )
        yield* sql`UPDATE identity.users SET password_hash = ${old} WHERE id = ${user.id}`
        yield* attempt(user)
        const [row] = yield* sql`SELECT password_hash, last_login_at FROM identity.users WHERE id = ${user.id}`
        assert.match(String(row?.["passwordHash"]), /^\$argon2id\$v=19\$m=64,t=1,p=1\$/)
        assert.instanceOf(row?.["lastLoginAt"], Date)
        yield* attempt(user)
      })
    )

    it.effect("locks a network after too many failures at whatever accounts, and leaves others alone", () =>
      Effect.gen(function* () {
        const user = yield* registerUser
        const throttle = yield* LoginThrottle
        const neighbour = { ip: "2001:db8:1:2::99", userAgent: "t" }
        for (let i = 0; i < 100; i++) yield* throttle.fail({ email: user.email, ip: "2001:db8:1:2::1", device: null })
        assert.strictEqual((yield* Effect.flip(attempt(user, strongPassword, neighbour)))._tag, "RateLimited")
        yield* attempt(user, strongPassword, { ip: "2001:db8:1:3::1", userAgent: "t" })
      })
    )

    it.effect("a password change that comes between check and session is not outrun by the old password", () =>
      Effect.gen(function* () {
        const users = yield* UserRepo
        const id = yield* newUserId
        const now = new Date(0)
        yield* users.insert({
          id,
          email: email("race@mall.test"),
          passwordHash: "old",
          name: "",
          locale: "en",
          roles: ["customer"],
          merchantId: null,
          now
        })
        yield* users.update(id, { passwordHash: "new", updatedAt: now })
        const late = yield* users.recordLogin(id, { verifiedHash: "old", newHash: "old", now })
        assert.strictEqual(late._tag, "None")
      })
    )
  }
)
