import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "../../src/users/AccountEvents.ts"
import { EmailCodes } from "../../src/signin/EmailCodes.ts"
import { Logins } from "../../src/signin/Logins.ts"
import { PasswordResets } from "../../src/signin/PasswordResets.ts"
import { Sessions } from "../../src/tokens/Sessions.ts"
import { email, login, origin, otherPassword, registerUser, verify } from "../fixture.ts"
import { codeTo, mailTo, signInLayer } from "../Inbox.ts"

layer(signInLayer(), { excludeTestServices: true })("PasswordResets", (it) => {
  const reset = (to: string, code: string, password = otherPassword) =>
    Effect.flatMap(PasswordResets, (resets) =>
      resets.reset({ email: email(to), code: Redacted.make(code), password }, origin)
    )
  const askFor = (to: string) =>
    Effect.flatMap(EmailCodes, (codes) => codes.request({ email: email(to), purpose: "reset" }))

  it.effect("sets the new password, ends every session and token, and tells the owner", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions
      const logins = yield* Logins
      const events = yield* AccountEvents
      const user = yield* registerUser
      const one = yield* login(user)
      const other = yield* login(user, "app")
      yield* askFor(user.email)
      yield* reset(user.email, yield* codeTo(user.email))
      for (const pair of [one, other]) {
        assert.strictEqual((yield* Effect.flip(verify(pair.accessToken)))._tag, "Unauthorized")
        const refresh = sessions.refresh(Redacted.make(pair.refreshToken), origin)
        assert.strictEqual((yield* Effect.flip(refresh))._tag, "RefreshTokenInvalid")
      }
      assert.strictEqual((yield* Effect.flip(login(user)))._tag, "InvalidCredentials")
      yield* logins.login({ email: user.email, password: otherPassword }, origin)
      assert.include((yield* mailTo(user.email, 1)).subject, "重设")
      const [latest] = (yield* events.list(user.id, { limit: 1 })).data
      assert.strictEqual(latest?.type, "password_reset")
    })
  )

  it.effect("makes a way in to an account that a provider opened, so that the provider can be unlinked", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { email, id: userId } = yield* registerUser
      const row = { issuer: "https://id.test", subject: "1", provider: "local", userId, linkedAt: new Date(0) }
      yield* sql`INSERT INTO identity.provider_identities ${sql.insert({ ...row, openedAccount: true })}`
      yield* askFor(email)
      yield* reset(email, yield* codeTo(email))
      const rows = yield* sql`SELECT opened_account FROM identity.provider_identities WHERE user_id = ${userId}`
      assert.deepStrictEqual(rows, [{ openedAccount: false }])
    })
  )

  it.effect("a weak password is refused before the code is looked at", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      yield* askFor(user.email)
      const code = yield* codeTo(user.email)
      assert.strictEqual((yield* Effect.flip(reset(user.email, code, Redacted.make("password"))))._tag, "WeakPassword")
      yield* reset(user.email, code)
      assert.strictEqual((yield* Effect.flip(reset(user.email, code)))._tag, "CodeInvalid")
    })
  )

  it.effect("guesses lock the account, one that nobody has like one that somebody has", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      for (const to of [user.email, "ghost.reset@mall.test"]) {
        yield* askFor(to)
        const tags: Array<string> = []
        for (let i = 0; i < 6; i++) tags.push((yield* Effect.flip(reset(to, `00000${i}`)))._tag)
        assert.deepStrictEqual(tags, [...Array.from({ length: 5 }, () => "CodeInvalid"), "RateLimited"])
      }
    })
  )
})
