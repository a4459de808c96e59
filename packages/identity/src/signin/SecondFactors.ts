import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { CodeInvalid, MfaAlreadyEnabled, MfaNotEnabled, UserNotFound } from "@mall/domain/identity/IdentityError"
import type { AccountEventType } from "@mall/domain/identity/AccountEvent"
import type { RecoveryCode, RecoveryCodes, Totp, TotpEnrolment } from "@mall/domain/identity/SignIn"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Array, Config, Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { AccountEvents } from "../users/AccountEvents.ts"
import * as oneTimePassword from "./oneTimePassword.ts"
import { sealPurpose } from "../sealPurpose.ts"
import { SecretKey } from "../tokens/SecretKey.ts"
import { SignInNotices } from "./SignInNotices.ts"
import type { Act } from "../users/accountChanges.ts"
import { UserRepo } from "../users/UserRepo.ts"

const recoveryCodeCount = 10

export interface SecondProof {
  readonly totp?: Totp | undefined
  readonly recoveryCode?: RecoveryCode | undefined
}

const Owner = Schema.Struct({ userId: UserId })
const Credential = Schema.Struct({ sealedSecret: Schema.Uint8Array, confirmedAt: Schema.NullOr(Schema.Date) })

/**
 * Authenticators (RFC 6238) and the recovery codes that stand in for one. Each one-time password is good once: its time step
 * is stored in the statement that accepts it, and no step up to the stored one is accepted again, so of two that come at
 * the same moment with the same password one is refused.
 */
export class SecondFactors extends Context.Service<
  SecondFactors,
  {
    isEnabled(userId: UserId): Effect.Effect<boolean>
    /** Spends what was given; false where it is wrong, was used before, or nothing was given. */
    verify(userId: UserId, proof: SecondProof): Effect.Effect<boolean>
    /** A new secret, in the place of one that was not confirmed. */
    start(principal: Principal): Effect.Effect<TotpEnrolment, MfaAlreadyEnabled | Unauthorized>
    confirm(principal: Principal, totp: Totp): Effect.Effect<RecoveryCodes, MfaNotEnabled | CodeInvalid | Unauthorized>
    remove(principal: Principal): Effect.Effect<void, MfaNotEnabled | Unauthorized>
    renewRecoveryCodes(principal: Principal): Effect.Effect<RecoveryCodes, MfaNotEnabled | Unauthorized>
    /** By an operator, for an owner who lost everything. */
    reset(userId: UserId, act: Act): Effect.Effect<void, MfaNotEnabled | UserNotFound>
  }
>()("@mall/identity/signin/SecondFactors") {
  static readonly layerNoDeps = Layer.effect(
    SecondFactors,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const users = yield* UserRepo
      const events = yield* AccountEvents
      const notices = yield* SignInNotices
      const secret = yield* SecretKey
      const random = yield* SecureRandom.SecureRandom
      const issuer = yield* Config.String("MFA_ISSUER").pipe(Config.withDefault("Mall"))
      const currentDate = Effect.map(DateTime.now, DateTime.toDateUtc)

      const select = SqlSchema.findOneOption({
        Request: UserId,
        Result: Credential,
        execute: (userId) => sql`
          SELECT sealed_secret, confirmed_at FROM identity.totp_credentials WHERE user_id = ${userId}
        `
      })
      const find = (userId: UserId) => Effect.catchTag(select(userId), "SchemaError", Effect.die)
      const confirmed = Option.filter((credential: typeof Credential.Type) => credential.confirmedAt !== null)

      const isEnabled = Effect.fn("SecondFactors.isEnabled")(function* (userId: UserId) {
        return Option.isSome(confirmed(yield* find(userId)))
      }, Effect.orDie)

      const stepOf = Effect.fnUntraced(function* (userId: UserId, sealed: Uint8Array, totp: Totp, now: Date) {
        const opened = yield* secret.open(sealed, sealPurpose.totp(userId))
        if (Option.isNone(opened)) return yield* Effect.die(new Error("An authenticator's secret cannot be opened"))
        return oneTimePassword.stepOf(opened.value, totp, now)
      })

      const takeStep = SqlSchema.findOneOption({
        Request: Schema.Struct({ userId: UserId, step: Schema.Int, now: Schema.Date, isFirst: Schema.Boolean }),
        Result: Owner,
        execute: ({ isFirst, now, step, userId }) => sql`
          UPDATE identity.totp_credentials SET last_step = ${step}, confirmed_at = coalesce(confirmed_at, ${now})
          WHERE user_id = ${userId} AND last_step < ${step} AND (confirmed_at IS NULL) = ${isFirst}
          RETURNING user_id
        `
      })

      const verifyTotp = Effect.fnUntraced(function* (userId: UserId, totp: Totp) {
        const credential = confirmed(yield* find(userId))
        if (Option.isNone(credential)) return false
        const now = yield* currentDate
        const step = yield* stepOf(userId, credential.value.sealedSecret, totp, now)
        if (step === undefined) return false
        return Option.isSome(yield* takeStep({ userId, step, now, isFirst: false }))
      })

      const hashOf = (userId: UserId, code: string) => secret.mac(`${userId} ${code}`, "recovery_codes.code")
      const spend = SqlSchema.findOneOption({
        Request: Schema.Struct({ userId: UserId, codeHash: Schema.Uint8Array, now: Schema.Date }),
        Result: Owner,
        execute: ({ codeHash, now, userId }) => sql`
          UPDATE identity.recovery_codes SET used_at = ${now}
          WHERE user_id = ${userId} AND code_hash = ${codeHash} AND used_at IS NULL RETURNING user_id
        `
      })
      const verifyRecoveryCode = Effect.fnUntraced(function* (userId: UserId, code: RecoveryCode) {
        const codeHash = yield* hashOf(userId, oneTimePassword.normalRecoveryCode(code))
        const spent = yield* spend({ userId, codeHash, now: yield* currentDate })
        if (Option.isNone(spent)) return false
        yield* tell(userId, "recovery_code_used", { actorId: userId, reason: "" })
        return true
      }, sql.withTransaction)

      const verify = Effect.fn("SecondFactors.verify")(
        function* (userId: UserId, { recoveryCode, totp }: SecondProof) {
          if (totp !== undefined) return yield* verifyTotp(userId, totp)
          return recoveryCode === undefined ? false : yield* verifyRecoveryCode(userId, recoveryCode)
        },
        retryConflicts,
        Effect.orDie
      )

      const tell = Effect.fnUntraced(function* (
        userId: UserId,
        type: Extract<AccountEventType, `mfa_${string}` | `recovery_${string}`>,
        act: Act
      ) {
        yield* events.record({ userId, type, ...act })
        yield* notices.tell(userId, type)
      })

      const lockOwner = Effect.fnUntraced(function* ({ userId }: Principal) {
        return yield* Effect.mapError(Effect.fromOption(yield* users.lock(userId)), () => new Unauthorized({}))
      })

      const inTransaction = <A, E, R>(effect: Effect.Effect<A, E | SqlError, R>) =>
        effect.pipe(sql.withTransaction, retryConflicts, Effect.catchTag("SqlError", Effect.die))

      const start = Effect.fn("SecondFactors.start")(function* (principal: Principal) {
        const { email, id: userId } = yield* lockOwner(principal)
        if (Option.isSome(confirmed(yield* find(userId)))) return yield* new MfaAlreadyEnabled({})
        const bytes = yield* random.randomBytes(oneTimePassword.secretBytes)
        const sealedSecret = yield* secret.seal(bytes, sealPurpose.totp(userId))
        const row = { userId, sealedSecret, lastStep: 0, createdAt: yield* currentDate, confirmedAt: null }
        yield* sql`
          INSERT INTO identity.totp_credentials ${sql.insert(row)}
          ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
        `
        return oneTimePassword.enrolmentOf(bytes, { issuer, label: email ?? userId })
      }, inTransaction)

      const makeRecoveryCodes = Effect.fnUntraced(function* (userId: UserId) {
        const createdAt = yield* currentDate
        const recoveryCodes = yield* Effect.forEach(Array.range(1, recoveryCodeCount), () =>
          Effect.map(random.randomBytes(oneTimePassword.recoveryCodeBytes), oneTimePassword.recoveryCodeOf)
        )
        const rows = yield* Effect.forEach(recoveryCodes, (code) =>
          Effect.map(hashOf(userId, code.replaceAll("-", "")), (codeHash) => ({ userId, codeHash, createdAt }))
        )
        yield* sql`DELETE FROM identity.recovery_codes WHERE user_id = ${userId}`
        yield* sql`INSERT INTO identity.recovery_codes ${sql.insert(rows)}`
        return { recoveryCodes }
      })

      const confirm = Effect.fn("SecondFactors.confirm")(function* (principal: Principal, totp: Totp) {
        const { id: userId } = yield* lockOwner(principal)
        const credential = yield* find(userId)
        if (Option.isNone(credential) || credential.value.confirmedAt !== null) return yield* new MfaNotEnabled({})
        const now = yield* currentDate
        const step = yield* stepOf(userId, credential.value.sealedSecret, totp, now)
        if (step === undefined) return yield* new CodeInvalid({})
        yield* Effect.catchTag(takeStep({ userId, step, now, isFirst: true }), "SchemaError", Effect.die)
        yield* tell(userId, "mfa_enabled", { actorId: userId, reason: "" })
        return yield* makeRecoveryCodes(userId)
      }, inTransaction)

      const disable = Effect.fnUntraced(function* (userId: UserId, act: Act) {
        if (Option.isNone(confirmed(yield* find(userId)))) return yield* new MfaNotEnabled({})
        yield* sql`DELETE FROM identity.totp_credentials WHERE user_id = ${userId}`
        yield* sql`DELETE FROM identity.recovery_codes WHERE user_id = ${userId}`
        yield* tell(userId, "mfa_disabled", act)
      })

      const remove = Effect.fn("SecondFactors.remove")(function* (principal: Principal) {
        const { id } = yield* lockOwner(principal)
        yield* disable(id, { actorId: id, reason: "" })
      }, inTransaction)

      const reset = Effect.fn("SecondFactors.reset")(function* (userId: UserId, act: Act) {
        if (Option.isNone(yield* users.lock(userId))) return yield* new UserNotFound({ userId })
        yield* disable(userId, act)
        yield* audit.record({ action: "user.mfa_reset", resource: { type: "user", id: userId }, reason: act.reason })
      }, inTransaction)

      const renewRecoveryCodes = Effect.fn("SecondFactors.renewRecoveryCodes")(function* (principal: Principal) {
        const { id: userId } = yield* lockOwner(principal)
        if (Option.isNone(confirmed(yield* find(userId)))) return yield* new MfaNotEnabled({})
        yield* tell(userId, "recovery_codes_renewed", { actorId: userId, reason: "" })
        return yield* makeRecoveryCodes(userId)
      }, inTransaction)

      return SecondFactors.of({ isEnabled, verify, start, confirm, remove, renewRecoveryCodes, reset })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide([NodeCrypto.layerSecureRandom, SecretKey.layer]))
}
