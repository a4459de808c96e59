import { assert, layer } from "@effect/vitest"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Duration, Effect, Exit, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { AccountEvents } from "../../src/users/AccountEvents.ts"
import { IdentityLayer } from "../../src/Identity.ts"
import * as refreshToken from "../../src/tokens/refreshToken.ts"
import { Sessions } from "../../src/tokens/Sessions.ts"
import { UserAdministration } from "../../src/users/UserAdministration.ts"
import { Logins } from "../../src/signin/Logins.ts"
import { login, origin, principalOf, registerUser, strongPassword, verify, withConfiguration } from "../fixture.ts"
import { ShiftedClock } from "../ShiftedClock.ts"

const refresh = (token: string) =>
  Effect.flatMap(Sessions, (sessions) => sessions.refresh(Redacted.make(token), origin))

const failure = (token: string) => Effect.map(Effect.flip(refresh(token)), ({ _tag }) => _tag)

layer(withConfiguration(IdentityLayer).pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "Sessions",
  (it) => {
    it.effect("gives a new pair for a refresh token, of the same session", () =>
      Effect.gen(function* () {
        const first = yield* login(yield* registerUser)
        const second = yield* refresh(first.refreshToken)
        assert.notStrictEqual(second.refreshToken, first.refreshToken)
        assert.strictEqual((yield* principalOf(second)).sessionId, (yield* principalOf(first)).sessionId)
        yield* refresh(second.refreshToken)
      })
    )

    it.effect("ends the session when a refresh token is used twice (13.01 token theft)", () =>
      Effect.gen(function* () {
        const user = yield* registerUser
        const stolen = yield* login(user)
        const other = yield* login(user)
        const fresh = yield* refresh(stolen.refreshToken)
        assert.strictEqual(yield* failure(stolen.refreshToken), "RefreshTokenReused")
        assert.strictEqual(yield* failure(fresh.refreshToken), "RefreshTokenInvalid")
        assert.strictEqual((yield* Effect.flip(verify(fresh.accessToken)))._tag, "Unauthorized")
        yield* verify(other.accessToken)
        const events = yield* AccountEvents
        const { data } = yield* events.list(user.id, {})
        assert.strictEqual(data[0]?.type, "refresh_token_reused")
      })
    )

    it.effect("tells them by device: its name, when it was used last, and which one asks", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const user = yield* registerUser
        const on = Effect.fnUntraced(function* (deviceId: string | null, userAgent: string) {
          const logins = yield* Logins
          const credentials = { email: user.email, password: strongPassword }
          const device = deviceId === null ? {} : { deviceId }
          return yield* principalOf(yield* logins.login({ ...credentials, ...device }, { ...origin, userAgent }))
        })
        const chrome = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130 Safari/537.36"
        const phone = [yield* on("phone-1", "MallApp/1.0 (iPhone)"), yield* on("phone-1", "MallApp/2.0 (iPhone)")]
        const browser = [yield* on(null, chrome), yield* on(null, chrome)]
        const other = yield* on(null, "curl/8.5.0")
        yield* login(yield* registerUser)
        const [me] = browser
        const told = yield* sessions.devices(me ?? other)
        assert.deepStrictEqual(
          told.map(({ current, deviceId, name, sessionIds }) => [name, deviceId, current, sessionIds]),
          [
            ["curl", null, false, [other.sessionId]],
            ["Chrome on Windows", null, true, browser.map(({ sessionId }) => sessionId).toReversed()],
            ["MallApp on iPhone", "phone-1", false, phone.map(({ sessionId }) => sessionId).toReversed()]
          ]
        )
        yield* Effect.forEach(phone, ({ sessionId }) => sessions.revoke(other, sessionId))
        assert.lengthOf(yield* sessions.devices(other), 2)
      })
    )

    it.effect(
      "keeps the device over a refresh, and the address and program of the last use, and none of them in the clear",
      () =>
        Effect.gen(function* () {
          const sessions = yield* Sessions
          const logins = yield* Logins
          const sql = yield* SqlClient.SqlClient
          const user = yield* registerUser
          const credentials = { email: user.email, password: strongPassword, deviceId: "Ann's telephone" }
          const first = yield* logins.login(credentials, { ...origin, userAgent: "AnnApp/1" })
          const last = { ...origin, ip: "203.0.113.99", userAgent: "AnnApp/2" }
          const principal = yield* principalOf(yield* sessions.refresh(Redacted.make(first.refreshToken), last))
          const { data } = yield* sessions.list(principal, {})
          assert.deepStrictEqual(
            data.map(({ deviceId, ip, userAgent }) => [deviceId, ip, userAgent]),
            [["Ann's telephone", "203.0.113.99", "AnnApp/2"]]
          )
          const rows = yield* sql`
          SELECT to_jsonb(s)::text AS row FROM identity.sessions AS s WHERE user_id = ${user.id}
          UNION ALL SELECT to_jsonb(l)::text FROM identity.logins AS l WHERE user_id = ${user.id}`
          assert.isAbove(rows.length, 1)
          assert.notMatch(JSON.stringify(rows), /Ann|203\.0\.113/)
        })
    )

    it.effect("also when the token is an old one, some uses ago", () =>
      Effect.gen(function* () {
        const first = yield* login(yield* registerUser)
        const second = yield* refresh(first.refreshToken)
        const third = yield* refresh(second.refreshToken)
        assert.strictEqual(yield* failure(first.refreshToken), "RefreshTokenReused")
        assert.strictEqual(yield* failure(third.refreshToken), "RefreshTokenInvalid")
      })
    )

    it.effect("of many uses at the same moment at most one succeeds, and the session ends", () =>
      Effect.gen(function* () {
        const pair = yield* login(yield* registerUser)
        const exits = yield* Effect.all(
          Array.from({ length: 10 }, () => Effect.exit(refresh(pair.refreshToken))),
          { concurrency: "unbounded" }
        )
        const won = exits.filter(Exit.isSuccess)
        assert.strictEqual(won.length, 1)
        for (const { value } of won) {
          assert.strictEqual(yield* failure(value.refreshToken), "RefreshTokenInvalid")
        }
      })
    )

    it.effect("a made-up token of a known session is refused and ends nothing", () =>
      Effect.gen(function* () {
        const pair = yield* login(yield* registerUser)
        const { sessionId } = yield* principalOf(pair)
        const forged = refreshToken.encode({ sessionId, family: new Uint8Array(16), secret: new Uint8Array(32) })
        assert.strictEqual(yield* failure(forged), "RefreshTokenInvalid")
        for (const garbage of ["", "rt_", "rt_AAAA", pair.accessToken, pair.refreshToken.slice(3), "rt_💥"]) {
          assert.strictEqual(yield* failure(garbage), "RefreshTokenInvalid")
        }
        yield* refresh(pair.refreshToken)
      })
    )

    it.effect("lasts as long without use as its client kind says, counted from the last use", () =>
      Effect.gen(function* () {
        const clock = yield* ShiftedClock
        const user = yield* registerUser
        const web = yield* login(user, "web")
        const app = yield* login(user, "app")
        const secure = yield* login(user, "high_security")
        yield* clock.advance(Duration.hours(25))
        assert.strictEqual(yield* failure(secure.refreshToken), "RefreshTokenInvalid")
        const later = yield* refresh(web.refreshToken)
        yield* clock.advance(Duration.days(6.5))
        const latest = yield* refresh(later.refreshToken)
        yield* clock.advance(Duration.days(7.1))
        assert.strictEqual(yield* failure(latest.refreshToken), "RefreshTokenInvalid")
        yield* refresh(app.refreshToken)
      })
    )

    it.effect("gives no tokens to a banned user, nor to one who was logged out", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const sql = yield* SqlClient.SqlClient
        const user = yield* registerUser
        const pair = yield* login(user)
        // a ban that, for whatever reason, left the session open
        yield* sql`UPDATE identity.users SET banned_at = now(), ban_reason = '' WHERE id = ${user.id}`
        assert.strictEqual(yield* failure(pair.refreshToken), "AccountBanned")
        yield* administration.logout(user.id, { actorId: null, reason: "" })
        assert.strictEqual(yield* failure(pair.refreshToken), "RefreshTokenInvalid")
      })
    )

    it.effect("carries the roles of now, not those of login", () =>
      Effect.gen(function* () {
        const administration = yield* UserAdministration
        const user = yield* registerUser
        const pair = yield* login(user)
        yield* administration.grant(user.id, "admin", null, { actorId: null, reason: "" })
        assert.strictEqual((yield* Effect.flip(verify(pair.accessToken)))._tag, "Unauthorized")
        const principal = yield* principalOf(yield* refresh(pair.refreshToken))
        assert.deepStrictEqual(principal.roles, ["customer", "admin"])
      })
    )

    it.effect("lists open sessions newest first, page by page, and marks the one that asks", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const user = yield* registerUser
        const pairs = [yield* login(user), yield* login(user, "app"), yield* login(user)]
        const ids = yield* Effect.forEach(pairs, (pair) => Effect.map(principalOf(pair), ({ sessionId }) => sessionId))
        const me = yield* principalOf(pairs[1] ?? assert.fail())
        const first = yield* sessions.list(me, { limit: 2 })
        assert.deepStrictEqual(
          first.data.map(({ id, current }) => ({ id, current })),
          [
            { id: ids[2], current: false },
            { id: ids[1], current: true }
          ]
        )
        assert.strictEqual(first.data[1]?.client, "app")
        assert.strictEqual(first.data[1]?.ip, origin.ip)
        const second = yield* sessions.list(me, { limit: 2, after: first.nextCursor ?? "" })
        assert.deepStrictEqual(
          second.data.map(({ id }) => id),
          [ids[0]]
        )
        assert.isNull(second.nextCursor)
      })
    )

    it.effect("ends one's own sessions, not another's, and each once", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const user = yield* registerUser
        const mine = yield* principalOf(yield* login(user))
        const lost = yield* login(user)
        const { sessionId } = yield* principalOf(lost)
        const stranger = yield* principalOf(yield* login(yield* registerUser))
        assert.strictEqual((yield* Effect.flip(sessions.revoke(stranger, sessionId)))._tag, "SessionNotFound")
        yield* verify(lost.accessToken)
        yield* sessions.revoke(mine, sessionId)
        assert.strictEqual((yield* Effect.flip(verify(lost.accessToken)))._tag, "Unauthorized")
        assert.strictEqual(yield* failure(lost.refreshToken), "RefreshTokenInvalid")
        assert.strictEqual((yield* Effect.flip(sessions.revoke(mine, sessionId)))._tag, "SessionNotFound")
      })
    )

    it.effect("logout ends this session at once and no other; twice is no error", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const user = yield* registerUser
        const here = yield* login(user)
        const there = yield* login(user)
        const principal = yield* principalOf(here)
        yield* sessions.end(principal)
        yield* sessions.end(principal)
        assert.strictEqual((yield* Effect.flip(verify(here.accessToken)))._tag, "Unauthorized")
        assert.strictEqual(yield* failure(here.refreshToken), "RefreshTokenInvalid")
        yield* verify(there.accessToken)
      })
    )

    it.effect("keeps only hashes of refresh tokens", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const pair = yield* login(yield* registerUser)
        const { sessionId } = yield* principalOf(pair)
        const [row] =
          yield* sql`SELECT encode(family_hash || token_hash, 'hex') AS kept FROM identity.sessions WHERE id = ${sessionId}`
        const sent = Buffer.from(pair.refreshToken.slice(3), "base64url").subarray(16)
        assert.notInclude(String(row?.["kept"]), sent.subarray(0, 16).toString("hex"))
        assert.notInclude(String(row?.["kept"]), sent.subarray(16).toString("hex"))
      })
    )

    it.effect("purges what ended long ago, and nothing that is open", () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions
        const clock = yield* ShiftedClock
        const sql = yield* SqlClient.SqlClient
        yield* login(yield* registerUser)
        yield* clock.advance(Duration.days(70))
        const open = yield* login(yield* registerUser)
        assert.strictEqual(yield* sessions.purge(2), 2)
        yield* sessions.purge(1000)
        const { sessionId } = yield* principalOf(open)
        assert.deepStrictEqual(yield* sql`SELECT id FROM identity.sessions`, [{ id: sessionId }])
      })
    )

    it.effect("with a grace, the later of two tabs is refused and the session stays", () => {
      const graceful = Layer.fresh(withConfiguration(IdentityLayer, { REFRESH_TOKEN_REUSE_GRACE: "5 seconds" }))
      return Effect.gen(function* () {
        const clock = yield* ShiftedClock
        const first = yield* login(yield* registerUser)
        const second = yield* refresh(first.refreshToken)
        assert.strictEqual(yield* failure(first.refreshToken), "RefreshTokenReused")
        const third = yield* refresh(second.refreshToken)
        yield* clock.advance(Duration.seconds(6))
        assert.strictEqual(yield* failure(second.refreshToken), "RefreshTokenReused")
        assert.strictEqual(yield* failure(third.refreshToken), "RefreshTokenInvalid")
      }).pipe(Effect.provide(graceful))
    })
  }
)
