import { AccountBanned, InvalidCredentials } from "@mall/domain/identity/IdentityError"
import type { Login, Password, TokenPair } from "@mall/domain/identity/User"
import { CallerBlocked } from "@mall/domain/kernel/EdgeError"
import type { Overloaded, RateLimited } from "@mall/domain/kernel/EdgeError"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { Blocks } from "./blocks/Blocks.ts"
import { LoginThrottle } from "./LoginThrottle.ts"
import type { Origin } from "./Origin.ts"
import { Passwords } from "./Passwords.ts"
import { Sessions } from "./Sessions.ts"
import { UserRepo } from "./UserRepo.ts"
import type { StoredUser } from "./UserRepo.ts"

/**
 * Signing in. An unknown email costs the same work and gets the same answer as a wrong password, so neither the answer nor its
 * timing tells whether an account exists; that it is banned is told only to who knows its password.
 */
export class Logins extends Context.Service<
  Logins,
  {
    login(
      login: Login,
      origin: Origin
    ): Effect.Effect<TokenPair, InvalidCredentials | AccountBanned | CallerBlocked | RateLimited | Overloaded>
  }
>()("@mall/identity/Logins") {
  static readonly layerNoDeps = Layer.effect(
    Logins,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* UserRepo
      const sessions = yield* Sessions
      const passwords = yield* Passwords
      const throttle = yield* LoginThrottle
      const blocks = yield* Blocks

      /** A new hash where today's costs differ from those of the stored one. */
      const rehash = (password: Password, stored: string, outdated: boolean) =>
        outdated ? passwords.hash(password) : Effect.succeed(stored)

      const open = Effect.fnUntraced(
        function* (
          user: StoredUser,
          hashes: { readonly verifiedHash: string; readonly newHash: string },
          options: Parameters<Sessions["Service"]["open"]>[1]
        ) {
          const now = DateTime.toDateUtc(yield* DateTime.now)
          // Takes the row's lock: a password change or a ban either comes first and is seen here, or ends this session too.
          const current = yield* users.recordLogin(user.id, { ...hashes, now })
          if (Option.isNone(current)) return yield* new InvalidCredentials({})
          return yield* sessions.open(current.value, options)
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const login: Logins["Service"]["login"] = Effect.fn("Logins.login")(function* (
        { email, password, client = "web", deviceId = null },
        origin
      ) {
        if (deviceId !== null && blocks.isDeviceBlocked(deviceId)) return yield* new CallerBlocked({})
        yield* throttle.begin(email, origin.ip)
        const user = Option.getOrUndefined(yield* Effect.orDie(users.findByEmail(email)))
        const stored = user?.passwordHash ?? undefined
        const verdict = yield* passwords
          .verify(password, stored)
          .pipe(Effect.tapErrorTag("Overloaded", () => throttle.abandon(email)))
        if (user === undefined || stored === undefined || !verdict.matches) {
          yield* throttle.fail(origin.ip)
          return yield* new InvalidCredentials({})
        }
        yield* throttle.succeed(email)
        if (user.bannedAt !== null) return yield* new AccountBanned({})
        const newHash = yield* rehash(password, stored, verdict.outdated)
        return yield* open(user, { verifiedHash: stored, newHash }, { client, deviceId, origin })
      })

      return Logins.of({ login })
    })
  )
}
