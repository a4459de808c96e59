import { assert, layer } from "@effect/vitest"
import { Email, Registration, UserUpdate } from "@mall/domain/identity/User"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Exit, Layer, Redacted, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "../../src/users/AccountEvents.ts"
import { Accounts } from "../../src/users/Accounts.ts"
import { Addresses } from "../../src/users/Addresses.ts"
import { IdentityLayer } from "../../src/Identity.ts"
import { Logins } from "../../src/signin/Logins.ts"
import { Sessions } from "../../src/tokens/Sessions.ts"
import { UserRepo } from "../../src/users/UserRepo.ts"
import {
  address,
  email,
  login,
  newAddressId,
  newUserId,
  origin,
  otherPassword,
  principalOf,
  registerUser,
  strongPassword,
  verify,
  withConfiguration,
  wrongPassword
} from "../fixture.ts"

const registration = (who: string) => ({ email: email(who), password: strongPassword })

layer(withConfiguration(IdentityLayer).pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "Accounts",
  (it) => {
    it.effect("opens an account that can sign in", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const id = yield* newUserId
        const user = yield* accounts.register(id, { ...registration("Ann@Mall.Test "), name: "Ann", locale: "en" })
        assert.deepInclude(
          { ...user },
          { id, email: email("ann@mall.test"), name: "Ann", locale: "en", roles: ["customer"] }
        )
        assert.strictEqual((yield* login(user)).user.id, id)
      })
    )

    it.effect("takes one email in any case and spacing once, also when two register at the same moment", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const exits = yield* Effect.forEach(
          ["bob@mall.test", " BOB@mall.test", "Bob@Mall.Test"],
          (who) => Effect.flatMap(newUserId, (id) => Effect.exit(accounts.register(id, registration(who)))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
        const error = yield* Effect.flip(accounts.register(yield* newUserId, registration("bob@mall.test")))
        assert.strictEqual(error._tag, "EmailTaken")
      })
    )

    it.effect("answers a retry of the same operation with the same account", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const id = yield* newUserId
        const first = yield* accounts.register(id, registration("carol@mall.test"))
        assert.deepStrictEqual(yield* accounts.register(id, registration("carol@mall.test")), first)
      })
    )

    it.effect("refuses a weak password with advice, and opens nothing", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const weak = { email: email("dave@mall.test"), password: Redacted.make("password1") }
        const error = yield* Effect.flip(accounts.register(yield* newUserId, weak))
        assert(error._tag === "WeakPassword")
        assert.isAbove(error.suggestions.length, 0)
        yield* accounts.register(yield* newUserId, registration("dave@mall.test"))
      })
    )

    it.effect("ensures an account once, however many do so at the same moment, and keeps its password", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const demo = { email: email("admin@demo.test"), name: "Admin", role: "admin" as const, merchantId: null }
        const all = yield* Effect.all(
          Array.from({ length: 5 }, () => accounts.ensure({ ...demo, password: strongPassword })),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(all.map(({ id }) => id)).size, 1)
        assert.deepStrictEqual(all[0]?.roles, ["customer", "admin"])
        yield* accounts.ensure({ ...demo, password: otherPassword })
        yield* login(demo)
        const again = yield* accounts.ensure({ ...demo, role: "customer", password: strongPassword })
        assert.deepStrictEqual(again.roles, ["customer", "admin"])
      })
    )

    it.effect("changes what is given and keeps the rest", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const user = yield* registerUser
        const me = yield* principalOf(yield* login(user))
        const avatarUrl = "https://cdn.mall.test/a.png"
        yield* accounts.update(me, { avatarUrl })
        const renamed = yield* accounts.update(me, { name: 'It\'s "me" 😀' })
        assert.deepInclude({ ...renamed }, { name: 'It\'s "me" 😀', avatarUrl, locale: user.locale })
        assert.deepStrictEqual(yield* accounts.get(me), renamed)
        assert.isNull((yield* accounts.update(me, { avatarUrl: null })).avatarUrl)
        assert.strictEqual((yield* accounts.update(me, {})).name, renamed.name)
      })
    )

    it.effect("changes the password only for who knows the current one, and ends the other sessions", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const logins = yield* Logins
        const user = yield* registerUser
        const here = yield* login(user)
        const there = yield* login(user)
        const me = yield* principalOf(here)
        const change = { currentPassword: strongPassword, newPassword: otherPassword }
        const guess = accounts.changePassword(me, { ...change, currentPassword: wrongPassword })
        assert.strictEqual((yield* Effect.flip(guess))._tag, "InvalidCredentials")
        const weak = accounts.changePassword(me, { ...change, newPassword: Redacted.make("12345678") })
        assert.strictEqual((yield* Effect.flip(weak))._tag, "WeakPassword")
        yield* verify(there.accessToken)

        yield* accounts.changePassword(me, change)
        yield* verify(here.accessToken)
        assert.strictEqual((yield* Effect.flip(verify(there.accessToken)))._tag, "Unauthorized")
        const sessions = yield* Sessions
        const dead = sessions.refresh(Redacted.make(there.refreshToken), origin)
        assert.strictEqual((yield* Effect.flip(dead))._tag, "RefreshTokenInvalid")
        assert.strictEqual((yield* Effect.flip(login(user)))._tag, "InvalidCredentials")
        yield* logins.login({ email: user.email, password: otherPassword }, origin)
      })
    )

    it.effect("counts guesses at the current password as failed logins", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const user = yield* registerUser
        const me = yield* principalOf(yield* login(user))
        const guess = accounts.changePassword(me, { currentPassword: wrongPassword, newPassword: otherPassword })
        for (let i = 0; i < 5; i++) assert.strictEqual((yield* Effect.flip(guess))._tag, "InvalidCredentials")
        assert.strictEqual((yield* Effect.flip(guess))._tag, "RateLimited")
      })
    )

    it.effect("of two changes of one password at the same moment one wins", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const user = yield* registerUser
        const me = yield* principalOf(yield* login(user))
        const exits = yield* Effect.forEach(
          ["brown-lynx-jumps-east", "white-raven-dives-west"].map((password) => Redacted.make(password)),
          (newPassword) => Effect.exit(accounts.changePassword(me, { currentPassword: strongPassword, newPassword })),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      })
    )

    it.effect("deletion erases what names the person, ends every session, keeps the id and frees the email", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const addresses = yield* Addresses
        const sql = yield* SqlClient.SqlClient
        const user = yield* registerUser
        const pair = yield* login(user)
        const me = yield* principalOf(pair)
        yield* addresses.create(me, yield* newAddressId, address)
        yield* accounts.delete(me)

        assert.strictEqual((yield* Effect.flip(verify(pair.accessToken)))._tag, "Unauthorized")
        assert.strictEqual((yield* Effect.flip(login(user)))._tag, "InvalidCredentials")
        assert.strictEqual((yield* Effect.flip(accounts.get(me)))._tag, "Unauthorized")
        assert.strictEqual((yield* Effect.flip(accounts.delete(me)))._tag, "Unauthorized")
        const [row] = yield* sql`SELECT row_to_json(u)::text AS kept FROM identity.users u WHERE id = ${user.id}`
        assert.notInclude(String(row?.["kept"]), user.email)
        assert.notInclude(String(row?.["kept"]), user.name)
        assert.deepStrictEqual(yield* sql`SELECT id FROM identity.addresses WHERE user_id = ${user.id}`, [])
        const traces =
          yield* sql`SELECT id FROM identity.sessions WHERE user_id = ${user.id} AND (ip IS NOT NULL OR personal_data IS NOT NULL)`
        assert.deepStrictEqual(traces, [])
        const again = yield* accounts.register(yield* newUserId, registration(user.email))
        assert.notStrictEqual(again.id, user.id)
      })
    )

    it.effect("writes each step into the account's history", () =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const events = yield* AccountEvents
        const user = yield* registerUser
        const me = yield* principalOf(yield* login(user))
        yield* accounts.changePassword(me, { currentPassword: strongPassword, newPassword: otherPassword })
        yield* accounts.delete(me).pipe(Effect.withSpan("request"))
        const { data } = yield* events.list(user.id, {})
        assert.deepStrictEqual(
          data.map(({ type, actorId }) => ({ type, actorId })),
          [
            { type: "deleted", actorId: user.id },
            { type: "password_changed", actorId: user.id },
            { type: "registered", actorId: null }
          ]
        )
        assert.match(data[0]?.traceId ?? "", /^[0-9a-f]{32}$/)
      })
    )

    it.effect("never lets a stored user be half deleted", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const users = yield* UserRepo
        const user = yield* registerUser
        const error = yield* Effect.flip(sql`UPDATE identity.users SET personal_data = NULL WHERE id = ${user.id}`)
        assert.strictEqual(error.reason._tag, "ConstraintError")
        assert.strictEqual((yield* users.findById(user.id))._tag, "Some")
      })
    )

    const decodes = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, input: unknown) =>
      Effect.map(Effect.exit(Schema.decodeUnknownEffect(schema)(input)), Exit.isSuccess)

    it.effect("takes what is an email address and refuses what is not", () =>
      Effect.gen(function* () {
        for (const good of ["a@b.co", "A.B+c@sub.example.com", " x@xn--fiqs8s.xn--fiqs8s ", "o'neil@ex-ample.org"]) {
          assert.isTrue(yield* decodes(Email, good), good)
        }
        const long = `${"a".repeat(65)}@b.co`
        const bad = [
          "",
          "@",
          "a@b",
          "a b@c.co",
          "a@b..co",
          "a@-b.co",
          "a@b.co\u0000",
          "a@b.co\n@c.co",
          "ü@b.co",
          "a@b.c",
          long
        ]
        for (const each of bad) assert.isFalse(yield* decodes(Email, each), each)
      })
    )

    it.effect("refuses a registration or an update that the database could not hold", () =>
      Effect.gen(function* () {
        const base = { email: "a@b.co", password: "x" }
        assert.isTrue(yield* decodes(Registration, base))
        for (const change of [
          { password: "" },
          { password: "x".repeat(129) },
          { password: "\ud800" },
          { password: null },
          { name: "\u0000" },
          { name: "x".repeat(101) },
          { locale: "fr" },
          { email: 42 }
        ]) {
          assert.isFalse(yield* decodes(Registration, { ...base, ...change }), JSON.stringify(change))
        }
        assert.isFalse(yield* decodes(UserUpdate, { avatarUrl: "javascript:alert(1)" }))
      })
    )
  }
)
