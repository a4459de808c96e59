import { assert, layer } from "@effect/vitest"
import type { EmailCodePurpose } from "@mall/domain/identity/SignIn"
import { Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { EmailCodes } from "../../src/signin/EmailCodes.ts"
import { SignInMails } from "../../src/signin/SignInMails.ts"
import { email, eventually, registerUser } from "../fixture.ts"
import { codeTo, Inbox, mailTo, signInLayer } from "../Inbox.ts"
import { ShiftedClock } from "../ShiftedClock.ts"

layer(signInLayer(), { excludeTestServices: true })("EmailCodes", (it) => {
  let count = 0
  const newAddress = () => email(`codes${++count}@mall.test`)

  const request = (to: string, purpose: EmailCodePurpose, deviceId?: string) =>
    Effect.flatMap(EmailCodes, (codes) =>
      codes.request({ email: email(to), purpose, ...(deviceId === undefined ? {} : { deviceId }) })
    )
  const redeem = (to: string, purpose: EmailCodePurpose, code: string, deviceId: string | null = null) =>
    Effect.flatMap(EmailCodes, (codes) => codes.redeem({ email: email(to), purpose, deviceId }, Redacted.make(code)))
  const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, "0")

  it.effect("sends six digits that are good once, for one purpose and one address", () =>
    Effect.gen(function* () {
      const to = newAddress()
      yield* request(to, "register")
      const code = yield* codeTo(to)
      assert.match(code, /^\d{6}$/)
      assert.isFalse(yield* redeem(to, "reset", code))
      assert.isFalse(yield* redeem(newAddress(), "register", code))
      assert.isTrue(yield* redeem(to, "register", code))
      assert.isFalse(yield* redeem(to, "register", code))
    })
  )

  it.effect("binds a code for a login to the device that asked for it", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      yield* request(user.email, "login", "device-of-the-owner-1")
      const code = yield* codeTo(user.email)
      assert.isFalse(yield* redeem(user.email, "login", code, "device-of-a-stranger"))
      assert.isFalse(yield* redeem(user.email, "login", code))
      assert.isTrue(yield* redeem(user.email, "login", code, "device-of-the-owner-1"))
    })
  )

  it.effect("gives out no more than five tries, however many come at once", () =>
    Effect.gen(function* () {
      const to = newAddress()
      yield* request(to, "register")
      const code = yield* codeTo(to)
      const guesses = Array.from({ length: 20 }, () => redeem(to, "register", wrong(code)))
      assert.deepStrictEqual(
        (yield* Effect.all(guesses, { concurrency: "unbounded" })).filter((isRight) => isRight),
        []
      )
      assert.isFalse(yield* redeem(to, "register", code))
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql`SELECT tries FROM identity.email_codes ORDER BY sent_at DESC LIMIT 1`
      assert.deepStrictEqual(rows, [{ tries: 5 }])
    })
  )

  it.effect("gives a code to one of two who come with it at once", () =>
    Effect.gen(function* () {
      const to = newAddress()
      yield* request(to, "register")
      const code = yield* codeTo(to)
      const both = yield* Effect.all([redeem(to, "register", code), redeem(to, "register", code)], { concurrency: 2 })
      assert.deepStrictEqual(both.toSorted(), [false, true])
    })
  )

  it.effect("sends one a minute to an address, and the newest replaces the others", () =>
    Effect.gen(function* () {
      const clock = yield* ShiftedClock
      const { mails } = yield* Inbox
      const to = newAddress()
      yield* Effect.all(
        Array.from({ length: 5 }, () => request(to, "register")),
        { concurrency: "unbounded" }
      )
      const first = yield* codeTo(to)
      yield* clock.advance("61 seconds")
      yield* request(to, "register")
      const second = yield* codeTo(to, 1)
      assert.strictEqual(mails.filter((mail) => mail.to === to).length, 2)
      if (first !== second) assert.isFalse(yield* redeem(to, "register", first))
      assert.isTrue(yield* redeem(to, "register", second))
    })
  )

  it.effect("sends no more than ten in an hour", () =>
    Effect.gen(function* () {
      const clock = yield* ShiftedClock
      const sql = yield* SqlClient.SqlClient
      const to = newAddress()
      yield* sql`DELETE FROM identity.email_codes`
      for (let i = 0; i < 12; i++) {
        yield* request(to, "register")
        yield* clock.advance("61 seconds")
      }
      assert.strictEqual((yield* sql`SELECT id FROM identity.email_codes`).length, 10)
    })
  )

  it.effect("forgets a code after ten minutes", () =>
    Effect.gen(function* () {
      const clock = yield* ShiftedClock
      const codes = yield* EmailCodes
      const to = newAddress()
      yield* request(to, "register")
      const code = yield* codeTo(to)
      yield* clock.advance("10 minutes")
      assert.isFalse(yield* redeem(to, "register", code))
      yield* clock.advance("2 hours")
      assert.isAbove(yield* codes.purge(100), 0)
      assert.strictEqual(yield* codes.purge(100), 0)
    })
  )

  it.effect("keeps neither the code nor the email it was asked for with", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const to = email("secretive.asker@mall.test")
      yield* request(to, "register")
      const code = yield* codeTo(to)
      const [row] = yield* sql`SELECT * FROM identity.email_codes ORDER BY sent_at DESC LIMIT 1`
      const stored = JSON.stringify(row, (_key, value: unknown) =>
        value instanceof Uint8Array ? new TextDecoder().decode(value) : value
      )
      assert.notInclude(stored, code)
      assert.notInclude(stored, "secretive")
      const messages = yield* sql`SELECT element::text FROM outbox WHERE element::text LIKE '%secretive%'`
      assert.deepStrictEqual(messages, [])
    })
  )

  it.effect("writes to nobody who has no account, and no code to who has one already", () =>
    Effect.gen(function* () {
      const { mails } = yield* Inbox
      const nobody = newAddress()
      const user = yield* registerUser
      yield* request(nobody, "login")
      yield* request(user.email, "register")
      const mail = yield* mailTo(user.email)
      assert.notMatch(mail.text, /\d{6}/)
      const other = newAddress()
      yield* request(other, "reset")
      const last = newAddress()
      yield* request(last, "register")
      yield* mailTo(last)
      const sql = yield* SqlClient.SqlClient
      yield* eventually(
        Effect.filterOrFail(
          sql`SELECT id FROM outbox WHERE queue_name LIKE 'sign_in_mail%' AND state IN ('pending', 'acquired')`,
          (waiting) => waiting.length === 0
        )
      )
      assert.deepStrictEqual(
        mails.filter(({ to }) => to === nobody || to === other),
        []
      )
    })
  )

  it.effect("sends one mail for a message that comes twice", () =>
    Effect.gen(function* () {
      const { mails } = yield* Inbox
      const { handle } = yield* SignInMails
      const user = yield* registerUser
      const message = {
        _tag: "Notice",
        id: "019a0000-0000-7000-8000-00000000abcd",
        userId: user.id,
        notice: "mfa_enabled",
        network: "203.0.113.7",
        country: null,
        at: new Date(0)
      } as const
      yield* handle(message)
      yield* handle(message)
      const received = mails.filter(({ to }) => to === user.email)
      assert.strictEqual(received.length, 1)
      assert.include(received[0]?.text, "1970-01-01T00:00:00.000Z")
    })
  )

  it.effect("writes in the language of the account", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const user = yield* registerUser
      yield* sql`UPDATE identity.users SET locale = 'en' WHERE id = ${user.id}`
      yield* request(user.email, "reset")
      assert.include((yield* mailTo(user.email)).text, "set a new password")
    })
  )
})
