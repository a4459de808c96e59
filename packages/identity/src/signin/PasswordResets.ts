import type { SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import type { WeakPassword } from "@mall/domain/identity/IdentityError"
import { CodeInvalid } from "@mall/domain/identity/IdentityError"
import type { PasswordReset } from "@mall/domain/identity/SignInRequests"
import type { Overloaded, RateLimited } from "@mall/domain/kernel/EdgeError"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "../users/AccountEvents.ts"
import { EmailCodes } from "./EmailCodes.ts"
import { KnownDevices } from "./KnownDevices.ts"
import { LoginThrottle } from "./LoginThrottle.ts"
import type { Origin } from "./Origin.ts"
import { Passwords } from "../passwords/Passwords.ts"
import { PasswordStrength } from "../passwords/PasswordStrength.ts"
import { Revocations } from "../tokens/Revocations.ts"
import { SessionRepo } from "../tokens/SessionRepo.ts"
import { SignInNotices } from "./SignInNotices.ts"
import { UserRepo } from "../users/UserRepo.ts"

/**
 * A new password for who forgot the old one. A wrong code counts as a failed login of the account, and an email that nobody
 * has gets the same work and the same answer as a wrong code.
 */
export class PasswordResets extends Context.Service<
  PasswordResets,
  {
    /** Ends every session and forgets every device; a second factor stays and is asked for at the next login. */
    reset(
      request: PasswordReset,
      origin: Origin
    ): Effect.Effect<void, CodeInvalid | WeakPassword | RateLimited | Overloaded>
  }
>()("@mall/identity/signin/PasswordResets") {
  static readonly layerNoDeps = Layer.effect(
    PasswordResets,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* UserRepo
      const sessions = yield* SessionRepo
      const events = yield* AccountEvents
      const passwords = yield* Passwords
      const strength = yield* PasswordStrength
      const throttle = yield* LoginThrottle
      const revocations = yield* Revocations
      const codes = yield* EmailCodes
      const devices = yield* KnownDevices
      const notices = yield* SignInNotices

      const replace = Effect.fnUntraced(
        function* (userId: UserId, passwordHash: string) {
          const now = DateTime.toDateUtc(yield* DateTime.now)
          // deleted since its email was looked up: as if nobody had it
          if (Option.isNone(yield* users.lock(userId))) return yield* new CodeInvalid({})
          yield* users.update(userId, { passwordHash, updatedAt: now })
          // who was let in by a provider alone has another way in from now on
          yield* sql`UPDATE identity.provider_identities SET opened_account = false WHERE user_id = ${userId} AND opened_account`
          yield* devices.forgetAll(userId)
          yield* events.record({ userId, type: "password_reset", actorId: userId, reason: "by a code sent by mail" })
          yield* notices.tell(userId, "password_reset")
          const ended: ReadonlyArray<SessionId> = yield* sessions.revokeAll(userId, now, null)
          return { ended, version: yield* users.raiseTokenVersion(userId, now) }
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const reset: PasswordResets["Service"]["reset"] = Effect.fn("PasswordResets.reset")(function* (
        { code, email, password },
        origin
      ) {
        const guess = { email, ip: origin.ip, device: null }
        // before the code is looked at: who is told to choose a better password still has the code
        yield* strength.check(password, [email])
        yield* throttle.begin(guess)
        const passwordHash = yield* passwords
          .hash(password)
          .pipe(Effect.tapErrorTag("Overloaded", () => throttle.abandon(guess)))
        const isRight = yield* codes.redeem({ email, purpose: "reset", deviceId: null }, code)
        const user = yield* Effect.orDie(users.findByEmail(email))
        if (!isRight || Option.isNone(user)) {
          yield* throttle.fail(guess)
          return yield* new CodeInvalid({})
        }
        const { ended, version } = yield* replace(user.value.id, passwordHash)
        yield* throttle.succeed(guess)
        revocations.raiseVersion(user.value.id, version)
        for (const sessionId of ended) revocations.endSession(sessionId)
      })

      return PasswordResets.of({ reset })
    })
  )
}
