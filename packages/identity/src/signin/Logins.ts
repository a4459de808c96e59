import type { CodeInvalid, EmailCodeRequired, MfaRequired } from "@mall/domain/identity/IdentityError"
import { AccountBanned, InvalidCredentials } from "@mall/domain/identity/IdentityError"
import type { LoginOutcome } from "@mall/domain/identity/SignIn"
import type { Login, Password, TokenPair } from "@mall/domain/identity/User"
import { CallerBlocked } from "@mall/domain/kernel/EdgeError"
import type { Overloaded, RateLimited } from "@mall/domain/kernel/EdgeError"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { Blocks } from "../blocks/Blocks.ts"
import { Countries } from "./Countries.ts"
import type { KnownDevice } from "./KnownDevices.ts"
import { KnownDevices } from "./KnownDevices.ts"
import type { LoginAttempt } from "./LoginRecords.ts"
import { LoginRecords } from "./LoginRecords.ts"
import { LoginThrottle } from "./LoginThrottle.ts"
import type { Attempt } from "./LoginThrottle.ts"
import { networkOf } from "./networkOf.ts"
import type { Origin } from "./Origin.ts"
import { Passwords } from "../passwords/Passwords.ts"
import { Sessions } from "../tokens/Sessions.ts"
import type { Passed } from "./SignInChecks.ts"
import { SignInChecks } from "./SignInChecks.ts"
import { SignInNotices } from "./SignInNotices.ts"
import { UserRepo } from "../users/UserRepo.ts"
import type { StoredUser } from "../users/StoredUser.ts"

interface Opening {
  readonly login: Login
  readonly attempt: LoginAttempt
  readonly passed: Passed
  readonly hashes: { readonly verifiedHash: string; readonly newHash: string }
}

const placeOf = ({ country, origin }: LoginAttempt) => ({
  country,
  network: origin.ip === null ? null : networkOf(origin.ip)
})

/**
 * Signing in. An unknown email costs the same work and gets the same answer as a wrong password, so neither the answer nor its
 * timing tells whether an account exists; that it is banned, or what else it needs, is told only to who knows its password.
 */
export class Logins extends Context.Service<
  Logins,
  {
    login(
      login: Login,
      origin: Origin
    ): Effect.Effect<
      TokenPair,
      | InvalidCredentials
      | MfaRequired
      | EmailCodeRequired
      | CodeInvalid
      | AccountBanned
      | CallerBlocked
      | RateLimited
      | Overloaded
    >
  }
>()("@mall/identity/signin/Logins") {
  static readonly layerNoDeps = Layer.effect(
    Logins,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* UserRepo
      const sessions = yield* Sessions
      const passwords = yield* Passwords
      const throttle = yield* LoginThrottle
      const blocks = yield* Blocks
      const devices = yield* KnownDevices
      const countries = yield* Countries
      const records = yield* LoginRecords
      const checks = yield* SignInChecks
      const notices = yield* SignInNotices

      const note = (attempt: LoginAttempt, outcome: LoginOutcome) => Effect.orDie(records.record(attempt, outcome))

      /** A new hash where today's costs differ from those of the stored one. */
      const rehash = (password: Password, stored: string, outdated: boolean) =>
        outdated ? passwords.hash(password) : Effect.succeed(stored)

      const open = Effect.fnUntraced(
        function* (user: StoredUser, { attempt, hashes, login, passed }: Opening) {
          const now = DateTime.toDateUtc(yield* DateTime.now)
          // Takes the row's lock: a password change or a ban either comes first and is seen here, or ends this session too.
          const current = yield* users.recordLogin(user.id, { ...hashes, now })
          if (Option.isNone(current)) return yield* new InvalidCredentials({})
          const { deviceId, origin } = attempt
          yield* devices.remember({ userId: user.id, email: login.email, deviceId, trusts: passed.isStrong })
          yield* records.record(attempt, "succeeded")
          if (passed.untold !== undefined) yield* notices.tell(user.id, passed.untold, placeOf(attempt))
          const { client = "web" } = login
          return yield* sessions.open(current.value, { client, deviceId, origin, proof: passed.proof })
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      /** Tells the owner that somebody who knows the password is asked for a code in an unusual place, once a day. */
      const tellOfChallenge = Effect.fnUntraced(
        function* (user: StoredUser, attempt: LoginAttempt, reason: EmailCodeRequired["reason"]) {
          const isOdd = reason === "new_country" || reason === "impossible_travel"
          const { country } = attempt
          const isTold = country === null || !isOdd || (yield* records.wasAsked(user.id, country))
          if (isOdd && !isTold) yield* notices.tell(user.id, reason, placeOf(attempt))
          yield* records.record(attempt, "code_required")
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const pass = (
        user: StoredUser,
        { code, email, recoveryCode, totp }: Login,
        { attempt, device, guess }: { attempt: LoginAttempt; device: Option.Option<KnownDevice>; guess: Attempt }
      ) =>
        checks.pass({ ...attempt, userId: user.id, email, device, code, totp, recoveryCode }).pipe(
          Effect.tapErrorTag("EmailCodeRequired", ({ reason }) =>
            Effect.andThen(throttle.abandon(guess), tellOfChallenge(user, attempt, reason))
          ),
          Effect.tapErrorTag("MfaRequired", () =>
            Effect.andThen(throttle.abandon(guess), note(attempt, "mfa_required"))
          ),
          Effect.tapErrorTag("CodeInvalid", () =>
            Effect.andThen(
              throttle.fail(guess),
              note(attempt, totp === undefined && recoveryCode === undefined ? "wrong_code" : "wrong_mfa")
            )
          )
        )

      const login: Logins["Service"]["login"] = Effect.fn("Logins.login")(function* (login, origin) {
        const { deviceId = null, email, password } = login
        if (deviceId !== null && blocks.isDeviceBlocked(deviceId)) return yield* new CallerBlocked({})
        const device = yield* devices.find(email, deviceId)
        const guess = { email, ip: origin.ip, device: Option.getOrNull(Option.map(device, ({ key }) => key)) }
        yield* throttle.begin(guess)
        const country = yield* countries.of(origin.ip)
        const user = Option.getOrUndefined(yield* Effect.orDie(users.findByEmail(email)))
        const attempt = { userId: user?.id ?? null, origin, country, deviceId }
        const stored = user?.passwordHash ?? undefined
        const verdict = yield* passwords
          .verify(password, stored)
          .pipe(Effect.tapErrorTag("Overloaded", () => throttle.abandon(guess)))
        if (user === undefined || stored === undefined || !verdict.matches) {
          yield* throttle.fail(guess)
          yield* note(attempt, "wrong_password")
          return yield* new InvalidCredentials({})
        }
        if (user.bannedAt !== null) {
          yield* throttle.succeed(guess)
          yield* note(attempt, "banned")
          return yield* new AccountBanned({})
        }
        const passed = yield* pass(user, login, { attempt, device, guess })
        yield* throttle.succeed(guess)
        const newHash = yield* rehash(password, stored, verdict.outdated)
        return yield* open(user, { login, attempt, passed, hashes: { verifiedHash: stored, newHash } })
      })

      return Logins.of({ login })
    })
  )
}
