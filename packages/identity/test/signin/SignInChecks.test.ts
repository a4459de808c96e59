import { assert, describe, layer } from "@effect/vitest"
import type { User } from "@mall/domain/identity/User"
import { Effect, Redacted } from "effect"
import { Accounts } from "../../src/users/Accounts.ts"
import { EmailCodes } from "../../src/signin/EmailCodes.ts"
import { LoginRecords } from "../../src/signin/LoginRecords.ts"
import { Logins } from "../../src/signin/Logins.ts"
import { email, newUserId, principalOf, registerUser, strongPassword, wrongPassword } from "../fixture.ts"
import { codeTo, Inbox, mailTo, signInLayer } from "../Inbox.ts"
import { ShiftedClock } from "../ShiftedClock.ts"

const device = "3f2c9a1e-8b7d-4c6a-9e51-7d2f4b8a1c03"
const america = "8.8.8.8"
const china = "114.114.114.114"
const nowhere = "10.0.0.1"

interface Attempt {
  readonly deviceId?: string
  readonly code?: string
  readonly ip?: string
  readonly password?: Redacted.Redacted
}

const attempt = (user: User, { code, deviceId, ip = nowhere, password = strongPassword }: Attempt = {}) =>
  Effect.flatMap(Logins, (logins) =>
    logins.login(
      {
        email: user.email,
        password,
        ...(deviceId === undefined ? {} : { deviceId }),
        ...(code === undefined ? {} : { code: Redacted.make(code) })
      },
      { ip, userAgent: "test" }
    )
  )

const askFor = (user: User, deviceId: string) =>
  Effect.flatMap(EmailCodes, (codes) => codes.request({ email: user.email, purpose: "login", deviceId }))

const reasonOf = (user: User, options: Attempt) =>
  Effect.map(Effect.flip(attempt(user, options)), (error) =>
    error._tag === "EmailCodeRequired" ? error.reason : error._tag
  )

layer(signInLayer({ EMAIL_CODES: "new-device" }), { excludeTestServices: true })("on a new device", (it) => {
  it.effect("a code is asked for, and then not for thirty days", () =>
    Effect.gen(function* () {
      const clock = yield* ShiftedClock
      const user = yield* registerUser
      assert.strictEqual(yield* reasonOf(user, { deviceId: device }), "new_device")
      yield* askFor(user, device)
      const code = yield* codeTo(user.email)
      yield* attempt(user, { deviceId: device, code })
      yield* clock.advance("29 days")
      yield* attempt(user, { deviceId: device })
      yield* clock.advance("2 days")
      assert.strictEqual(yield* reasonOf(user, { deviceId: device }), "new_device")
      assert.strictEqual(yield* reasonOf(user, { deviceId: "0b0b0b0b-other-device" }), "new_device")
    })
  )

  it.effect("a wrong code is refused and counts, and one of another device is wrong", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      yield* askFor(user, device)
      const code = yield* codeTo(user.email)
      for (let i = 0; i < 5; i++) {
        assert.strictEqual(yield* reasonOf(user, { deviceId: `some-other-device-${i}`, code }), "CodeInvalid")
      }
      assert.strictEqual(yield* reasonOf(user, { deviceId: device, code }), "RateLimited")
    })
  )

  it.effect("a name that anybody might guess is trusted by nobody", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      yield* askFor(user, "iPhone")
      yield* attempt(user, { deviceId: "iPhone", code: yield* codeTo(user.email) })
      assert.strictEqual(yield* reasonOf(user, { deviceId: "iPhone" }), "new_device")
    })
  )

  it.effect("a wrong password is answered as ever, whatever else is given", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const ghost = { ...user, email: email("ghost.device@mall.test") }
      for (const who of [user, ghost]) {
        const options = { deviceId: device, code: "123456", password: wrongPassword }
        assert.strictEqual(yield* reasonOf(who, options), "InvalidCredentials")
      }
    })
  )

  it.effect("to register, the code that was sent to the address is needed before anything is told", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const codes = yield* EmailCodes
      const who = { email: email("newcomer@mall.test"), password: strongPassword }
      const register = (code?: string) =>
        Effect.flatMap(newUserId, (id) =>
          accounts.register(id, { ...who, ...(code === undefined ? {} : { code: Redacted.make(code) }) })
        )
      assert.strictEqual((yield* Effect.flip(register()))._tag, "EmailCodeRequired")
      yield* codes.request({ email: who.email, purpose: "register", locale: "en" })
      assert.include((yield* mailTo(who.email)).subject, "open your account")
      const code = yield* codeTo(who.email)
      assert.strictEqual((yield* Effect.flip(register(code === "000000" ? "000001" : "000000")))._tag, "CodeInvalid")
      assert.strictEqual((yield* register(code)).email, who.email)
      assert.strictEqual((yield* Effect.flip(register()))._tag, "EmailCodeRequired")
    })
  )
})

layer(signInLayer({ EMAIL_CODES: "unusual" }), { excludeTestServices: true })("from an unusual place", (it) => {
  it.effect("a new country asks for a code and tells the owner once a day; then the country is known", () =>
    Effect.gen(function* () {
      const clock = yield* ShiftedClock
      const records = yield* LoginRecords
      const { mails } = yield* Inbox
      const user = yield* registerUser
      yield* attempt(user, { ip: china, deviceId: device })
      yield* clock.advance("7 hours")
      assert.strictEqual(yield* reasonOf(user, { ip: america, deviceId: device }), "new_country")
      assert.include((yield* mailTo(user.email)).text, "US, 8.8.8.8")
      assert.strictEqual(yield* reasonOf(user, { ip: america, deviceId: device }), "new_country")
      yield* askFor(user, device)
      const code = yield* codeTo(user.email, 1)
      yield* attempt(user, { ip: america, deviceId: device, code })
      yield* attempt(user, { ip: america })
      assert.strictEqual(mails.filter(({ to }) => to === user.email).length, 2)
      const { data } = yield* records.list(user.id, {})
      assert.deepStrictEqual(
        data.map(({ country, network, outcome }) => [outcome, country, network]),
        [
          ["succeeded", "US", america],
          ["succeeded", "US", america],
          ["code_required", "US", america],
          ["code_required", "US", america],
          ["succeeded", "CN", china]
        ]
      )
    })
  )

  it.effect("two countries within six hours are an impossible journey, however well both are known", () =>
    Effect.gen(function* () {
      const clock = yield* ShiftedClock
      const user = yield* registerUser
      yield* attempt(user, { ip: china })
      yield* clock.advance("7 hours")
      yield* askFor(user, device)
      yield* attempt(user, { ip: america, deviceId: device, code: yield* codeTo(user.email) })
      yield* clock.advance("1 hour")
      assert.strictEqual(yield* reasonOf(user, { ip: china, deviceId: device }), "impossible_travel")
      yield* clock.advance("6 hours")
      yield* attempt(user, { ip: china, deviceId: device })
    })
  )

  it.effect("an address that nobody can place is as usual as any", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      yield* attempt(user, { ip: china })
      for (const ip of [nowhere, "::1", "not an address"]) yield* attempt(user, { ip })
    })
  )
})

layer(signInLayer({ EMAIL_CODES: "off" }), { excludeTestServices: true })("without codes", (it) => {
  it.effect("an unusual place is told of and let in", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      yield* attempt(user, { ip: china })
      yield* attempt(user, { ip: america })
      assert.include((yield* mailTo(user.email)).text, "US, 8.8.8.8")
    })
  )

  describe("the lock", () => {
    it.effect("of a stranger does not keep the owner out of a device that is known", () =>
      Effect.gen(function* () {
        const user = yield* registerUser
        yield* attempt(user, { deviceId: device, ip: china })
        for (let i = 0; i < 5; i++) yield* Effect.flip(attempt(user, { password: wrongPassword, ip: china }))
        assert.strictEqual(yield* reasonOf(user, { ip: china }), "RateLimited")
        assert.strictEqual(yield* reasonOf(user, { deviceId: "the-device-of-a-stranger", ip: china }), "RateLimited")
        yield* attempt(user, { deviceId: device, ip: china })
        for (let i = 0; i < 5; i++) {
          yield* Effect.flip(attempt(user, { deviceId: device, password: wrongPassword, ip: china }))
        }
        assert.strictEqual(yield* reasonOf(user, { deviceId: device, ip: china }), "RateLimited")
      })
    )

    it.effect("doubles from a minute to an hour", () =>
      Effect.gen(function* () {
        const clock = yield* ShiftedClock
        const user = yield* registerUser
        for (let i = 0; i < 4; i++) yield* Effect.flip(attempt(user, { password: wrongPassword }))
        const waits: Array<number> = []
        for (let i = 0; i < 8; i++) {
          yield* Effect.flip(attempt(user, { password: wrongPassword }))
          const locked = yield* Effect.flip(attempt(user))
          assert(locked._tag === "RateLimited")
          waits.push(Math.round(locked.retryAfterSeconds / 60))
          yield* clock.advance(locked.retryAfterSeconds * 1000 + 1000)
        }
        assert.deepStrictEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60])
        yield* attempt(user)
      })
    )
  })

  it.effect("the history pages newest first, holds no attempt at a locked account, and is forgotten in time", () =>
    Effect.gen(function* () {
      const clock = yield* ShiftedClock
      const records = yield* LoginRecords
      const user = yield* registerUser
      for (let i = 0; i < 6; i++) yield* Effect.flip(attempt(user, { password: wrongPassword }))
      const first = yield* records.list(user.id, { limit: 3 })
      const rest = yield* records.list(user.id, { limit: 3, after: first.nextCursor ?? "" })
      assert.deepStrictEqual([first.data.length, rest.data.length, rest.nextCursor], [3, 2, null])
      assert.strictEqual((yield* Effect.flip(records.list(user.id, { after: "x" })))._tag, "InvalidCursor")
      yield* clock.advance("181 days")
      assert.isAbove(yield* records.purge(1000), 4)
      assert.deepStrictEqual((yield* records.list(user.id, {})).data, [])
    })
  )

  it.effect("a deleted account leaves no history", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const records = yield* LoginRecords
      const user = yield* registerUser
      const pair = yield* attempt(user, { deviceId: device })
      yield* accounts.delete(yield* principalOf(pair))
      assert.deepStrictEqual((yield* records.list(user.id, {})).data, [])
    })
  )
})
