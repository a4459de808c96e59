import { assert, layer } from "@effect/vitest"
import { Principal } from "@mall/domain/identity/CurrentUser"
import type { User } from "@mall/domain/identity/User"
import { DateTime, Effect, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { Secret, TOTP } from "otpauth"
import { AccountEvents } from "../../src/users/AccountEvents.ts"
import { Logins } from "../../src/signin/Logins.ts"
import { SecondFactors } from "../../src/signin/SecondFactors.ts"
import { email, login, origin, principalOf, registerUser, strongPassword } from "../fixture.ts"
import { mailTo, signInLayer } from "../Inbox.ts"
import { ShiftedClock } from "../ShiftedClock.ts"

/** What an authenticator with that secret shows now. */
const shown = (secret: string) =>
  Effect.map(DateTime.now, (now) =>
    Redacted.make(new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: DateTime.toEpochMillis(now) }))
  )

const nextStep = Effect.flatMap(ShiftedClock, (clock) => clock.advance("30 seconds"))

/** A user with a confirmed authenticator, and the next time step come. */
const enrolled = Effect.gen(function* () {
  const factors = yield* SecondFactors
  const user = yield* registerUser
  const principal = yield* principalOf(yield* login(user))
  const { secret } = yield* factors.start(principal)
  const { recoveryCodes } = yield* factors.confirm(principal, yield* shown(secret))
  yield* nextStep
  return { user, principal, secret, recoveryCodes }
})

const signIn = (user: User, proof: { readonly totp?: Redacted.Redacted; readonly recoveryCode?: Redacted.Redacted }) =>
  Effect.flatMap(Logins, (logins) => logins.login({ email: user.email, password: strongPassword, ...proof }, origin))

layer(signInLayer(), { excludeTestServices: true })("SecondFactors", (it) => {
  it.effect("counts for nothing until confirmed, and is asked for from then on", () =>
    Effect.gen(function* () {
      const factors = yield* SecondFactors
      const user = yield* registerUser
      const principal = yield* principalOf(yield* login(user))
      const first = yield* factors.start(principal)
      const second = yield* factors.start(principal)
      yield* login(user)
      assert.strictEqual(
        (yield* Effect.flip(factors.confirm(principal, yield* shown(first.secret))))._tag,
        "CodeInvalid"
      )
      const { recoveryCodes } = yield* factors.confirm(principal, yield* shown(second.secret))
      assert.strictEqual(new Set(recoveryCodes).size, 10)
      assert.strictEqual((yield* Effect.flip(login(user)))._tag, "MfaRequired")
      yield* nextStep
      yield* signIn(user, { totp: yield* shown(second.secret) })
      assert.strictEqual((yield* Effect.flip(factors.start(principal)))._tag, "MfaAlreadyEnabled")
      assert.include((yield* mailTo(user.email)).subject, "验证器")
    })
  )

  it.effect("refuses the password that confirmed it, and any that was used", () =>
    Effect.gen(function* () {
      const factors = yield* SecondFactors
      const user = yield* registerUser
      const principal = yield* principalOf(yield* login(user))
      const { secret } = yield* factors.start(principal)
      const totp = yield* shown(secret)
      yield* factors.confirm(principal, totp)
      assert.strictEqual((yield* Effect.flip(signIn(user, { totp })))._tag, "CodeInvalid")
      yield* nextStep
      const next = yield* shown(secret)
      yield* signIn(user, { totp: next })
      assert.strictEqual((yield* Effect.flip(signIn(user, { totp: next })))._tag, "CodeInvalid")
    })
  )

  it.effect("lets one of many in who come with the same password at once", () =>
    Effect.gen(function* () {
      const { secret, user } = yield* enrolled
      const factors = yield* SecondFactors
      const totp = yield* shown(secret)
      const verdicts = yield* Effect.all(
        Array.from({ length: 10 }, () => factors.verify(user.id, { totp })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(verdicts.filter((isRight) => isRight).length, 1)
    })
  )

  it.effect("an older password is refused once a newer one was used", () =>
    Effect.gen(function* () {
      const { secret, user } = yield* enrolled
      const older = yield* shown(secret)
      yield* nextStep
      yield* signIn(user, { totp: yield* shown(secret) })
      assert.strictEqual((yield* Effect.flip(signIn(user, { totp: older })))._tag, "CodeInvalid")
    })
  )

  it.effect("locks who guesses it, though the password is right", () =>
    Effect.gen(function* () {
      const { secret, user } = yield* enrolled
      const right = Redacted.value(yield* shown(secret))
      const totp = Redacted.make(right === "000000" ? "000001" : "000000")
      for (let i = 0; i < 5; i++) {
        assert.strictEqual((yield* Effect.flip(signIn(user, { totp })))._tag, "CodeInvalid")
        // the question alone neither counts nor starts afresh
        if (i < 4) assert.strictEqual((yield* Effect.flip(signIn(user, {})))._tag, "MfaRequired")
      }
      assert.strictEqual((yield* Effect.flip(signIn(user, { totp: yield* shown(secret) })))._tag, "RateLimited")
    })
  )

  it.effect("is stood in for by each recovery code once, which its owner is told of", () =>
    Effect.gen(function* () {
      const events = yield* AccountEvents
      const { recoveryCodes, user } = yield* enrolled
      const [code = ""] = recoveryCodes
      yield* signIn(user, { recoveryCode: Redacted.make(code.toUpperCase().replaceAll("-", "")) })
      const again = yield* Effect.flip(signIn(user, { recoveryCode: Redacted.make(code) }))
      assert.strictEqual(again._tag, "CodeInvalid")
      assert.include((yield* mailTo(user.email, 1)).text, "恢复码")
      const history = yield* events.list(user.id, {})
      assert.deepStrictEqual(
        history.data.map(({ type }) => type),
        ["recovery_code_used", "mfa_enabled", "registered"]
      )
    })
  )

  it.effect("has new recovery codes when asked, and the old are good for nothing", () =>
    Effect.gen(function* () {
      const factors = yield* SecondFactors
      const { principal, recoveryCodes, user } = yield* enrolled
      const renewed = yield* factors.renewRecoveryCodes(principal)
      const old = yield* Effect.flip(signIn(user, { recoveryCode: Redacted.make(recoveryCodes[1] ?? "") }))
      assert.strictEqual(old._tag, "CodeInvalid")
      yield* signIn(user, { recoveryCode: Redacted.make(renewed.recoveryCodes[1] ?? "") })
    })
  )

  it.effect("is removed by its owner, or by an operator who says why", () =>
    Effect.gen(function* () {
      const factors = yield* SecondFactors
      const events = yield* AccountEvents
      const mine = yield* enrolled
      yield* factors.remove(mine.principal)
      yield* login(mine.user)
      assert.strictEqual((yield* Effect.flip(factors.remove(mine.principal)))._tag, "MfaNotEnabled")
      assert.strictEqual((yield* Effect.flip(factors.renewRecoveryCodes(mine.principal)))._tag, "MfaNotEnabled")

      const lost = yield* enrolled
      yield* factors.reset(lost.user.id, { actorId: mine.user.id, reason: "passport seen" })
      yield* login(lost.user)
      const [latest] = (yield* events.list(lost.user.id, { limit: 1 })).data
      assert.deepInclude(latest, { type: "mfa_disabled", actorId: mine.user.id, reason: "passport seen" })
    })
  )

  it.effect("keeps secrets and codes unreadable, and one account's secret is of no use in another", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const factors = yield* SecondFactors
      const one = yield* enrolled
      const other = yield* enrolled
      const [row] = yield* sql`SELECT sealed_secret FROM identity.totp_credentials WHERE user_id = ${one.user.id}`
      const sealed = row?.["sealedSecret"]
      assert(sealed instanceof Uint8Array)
      assert.notInclude(new TextDecoder("latin1").decode(sealed), one.secret)
      yield* sql`UPDATE identity.totp_credentials SET sealed_secret = ${sealed} WHERE user_id = ${other.user.id}`
      const exit = yield* Effect.exit(factors.verify(other.user.id, { totp: yield* shown(one.secret) }))
      assert.strictEqual(exit._tag, "Failure")
    })
  )

  it.effect("belongs to nobody who has no account", () =>
    Effect.gen(function* () {
      const factors = yield* SecondFactors
      const { principal, user } = yield* enrolled
      const sql = yield* SqlClient.SqlClient
      const stranger = new Principal({ ...principal, userId: user.id, merchantId: Option.none() })
      yield* sql`UPDATE identity.users SET personal_data = NULL, personal_data_key = NULL, password_hash = NULL, name = '', deleted_at = created_at
        WHERE id = ${user.id}`
      assert.strictEqual((yield* Effect.flip(factors.start(stranger)))._tag, "Unauthorized")
      const gone = yield* Effect.flip(factors.reset(user.id, { actorId: null, reason: "" }))
      assert.strictEqual(gone._tag, "UserNotFound")
      assert.strictEqual(
        (yield* Effect.flip(signIn({ ...user, email: email("x@mall.test") }, {})))._tag,
        "InvalidCredentials"
      )
    })
  )
})
