import type { Principal } from "@mall/domain/identity/CurrentUser"
import { SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { CodeInvalid, InvalidCredentials, MfaRequired, StepUpRequired } from "@mall/domain/identity/IdentityError"
import type { StepUpProof } from "@mall/domain/identity/SignInRequests"
import type { StepUpLevel } from "@mall/domain/identity/StepUp"
import type { Overloaded, RateLimited } from "@mall/domain/kernel/EdgeError"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { Config, Context, DateTime, Duration, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { LoginThrottle } from "./LoginThrottle.ts"
import { Passwords } from "../passwords/Passwords.ts"
import { SecondFactors } from "./SecondFactors.ts"
import { SessionProof } from "../tokens/SessionRepo.ts"
import { UserRepo } from "../users/UserRepo.ts"

const Standing = Schema.Struct({
  proof: Schema.NullOr(SessionProof),
  provedAt: Schema.NullOr(Schema.Date),
  hasMfa: Schema.Boolean
})

/**
 * Proofs, beyond holding a token, that it is the owner who asks. They are noted on the session, where a login notes its own,
 * and are looked up only by what is annotated with `RequiredStepUp`.
 */
export class StepUps extends Context.Service<
  StepUps,
  {
    /** Guesses count as failed logins. */
    prove(
      principal: Principal,
      proof: StepUpProof
    ): Effect.Effect<void, InvalidCredentials | MfaRequired | CodeInvalid | RateLimited | Overloaded | Unauthorized>
    check(principal: Principal, level: StepUpLevel): Effect.Effect<void, StepUpRequired>
  }
>()("@mall/identity/signin/StepUps") {
  static readonly layerNoDeps = Layer.effect(
    StepUps,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const users = yield* UserRepo
      const passwords = yield* Passwords
      const throttle = yield* LoginThrottle
      const factors = yield* SecondFactors
      const lifetime = yield* Config.Duration("STEP_UP_LIFETIME").pipe(Config.withDefault(Duration.minutes(10)))
      const withoutMfa = yield* Config.Literals(["password", "refuse"], "STEP_UP_WITHOUT_MFA").pipe(
        Config.withDefault<"password" | "refuse">("password")
      )

      const verify = Effect.fnUntraced(function* (principal: Principal, { password, recoveryCode, totp }: StepUpProof) {
        const user = Option.getOrUndefined(yield* Effect.orDie(users.findById(principal.userId)))
        if (user === undefined || user.email === null) return yield* new Unauthorized({})
        const guess = { email: user.email, ip: null, device: null }
        yield* throttle.begin(guess)
        const { matches } = yield* passwords
          .verify(password, user.passwordHash ?? undefined)
          .pipe(Effect.tapErrorTag("Overloaded", () => throttle.abandon(guess)))
        if (!matches) return yield* new InvalidCredentials({})
        const hasMfa = yield* factors.isEnabled(user.id)
        if (hasMfa && totp === undefined && recoveryCode === undefined) {
          yield* throttle.abandon(guess)
          return yield* new MfaRequired({})
        }
        if (hasMfa && !(yield* factors.verify(user.id, { recoveryCode, totp }))) return yield* new CodeInvalid({})
        yield* throttle.succeed(guess)
        const proof: SessionProof = hasMfa ? "mfa" : "password"
        return proof
      })

      const prove: StepUps["Service"]["prove"] = Effect.fn("StepUps.prove")(function* (principal, given) {
        const proof = yield* verify(principal, given)
        const provedAt = DateTime.toDateUtc(yield* DateTime.now)
        yield* Effect.orDie(sql`
          UPDATE identity.sessions SET ${sql.update({ proof, provedAt })}
          WHERE id = ${principal.sessionId} AND user_id = ${principal.userId} AND revoked_at IS NULL
        `)
      })

      const select = SqlSchema.findOneOption({
        Request: Schema.Struct({ userId: UserId, sessionId: SessionId }),
        Result: Standing,
        execute: ({ sessionId, userId }) => sql`
          SELECT proof, proved_at, EXISTS (
            SELECT FROM identity.totp_credentials AS t WHERE t.user_id = ${userId} AND t.confirmed_at IS NOT NULL
          ) AS has_mfa
          FROM identity.sessions WHERE id = ${sessionId} AND user_id = ${userId}
        `
      })

      const check = Effect.fn("StepUps.check")(function* (
        { sessionId, userId }: Principal,
        level: StepUpLevel
      ): Effect.fn.Return<void, StepUpRequired> {
        const standing = Option.getOrUndefined(yield* Effect.orDie(select({ sessionId, userId })))
        const hasMfa = standing?.hasMfa ?? false
        if (level === "strong" && withoutMfa === "refuse" && !hasMfa) {
          return yield* new StepUpRequired({ needs: "mfa_enrolment" })
        }
        const now = DateTime.toEpochMillis(yield* DateTime.now)
        const provedAt = standing?.provedAt ?? null
        const isRecent = provedAt !== null && now - provedAt.getTime() < Duration.toMillis(lifetime)
        if (isRecent && (!hasMfa || standing?.proof === "mfa")) return
        return yield* new StepUpRequired({ needs: hasMfa ? "mfa" : "password" })
      })

      return StepUps.of({ prove, check })
    })
  )
}
