import { assert, layer } from "@effect/vitest"
import { BlockId } from "@mall/domain/identity/Block"
import { SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { PolicyChangeId } from "@mall/domain/identity/Policy"
import { generator } from "@mall/domain/kernel/Id"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import type { AccessTokens } from "../src/tokens/AccessTokens.ts"
import { Accounts } from "../src/users/Accounts.ts"
import { Blocks } from "../src/blocks/Blocks.ts"
import { IdentityCommandLayer, IdentityLayer } from "../src/Identity.ts"
import { Keys } from "../src/tokens/Keys.ts"
import { Policies } from "../src/policy/Policies.ts"
import { PolicyAdministration } from "../src/policy/PolicyAdministration.ts"
import { Revocations } from "../src/tokens/Revocations.ts"
import { Sessions } from "../src/tokens/Sessions.ts"
import { UserAdministration } from "../src/users/UserAdministration.ts"
import {
  eventually,
  login,
  otherPassword,
  principalOf,
  registerUser,
  strongPassword,
  verify,
  withConfiguration
} from "./fixture.ts"

const build = Effect.fnUntraced(function* (overrides: Record<string, string> = {}) {
  const url = yield* acquireDatabase
  const start = (own: Record<string, string> = {}) =>
    Layer.build(
      Layer.fresh(
        withConfiguration(IdentityLayer, { ...overrides, ...own }).pipe(Layer.provideMerge(Sql.layerUrl(url)))
      )
    )
  return { url, start }
})

const newChangeId = generator(PolicyChangeId)
const newBlockId = generator(BlockId)
const act = { actorId: null, reason: "test" }

const makeProcesses = Effect.gen(function* () {
  const { start, url } = yield* build()
  const first = yield* start()
  const second = yield* start()
  yield* connected(first)
  yield* connected(second)
  return { first, second, start, url }
})

/** Two processes on one database: what the first does, the second must know. */
class Processes extends Context.Service<Processes, Effect.Success<typeof makeProcesses>>()(
  "@mall/identity/test/Processes"
) {
  static readonly layer = Layer.effect(Processes, makeProcesses)
}

const nobody = {
  userId: UserId.make("01980000-0000-7000-8000-000000000000"),
  sessionId: SessionId.make("01980000-0000-7000-8000-000000000001"),
  version: 0
}

/** Waits until the process hears of changes. */
const connected = (process: Context.Context<Revocations>) =>
  eventually(
    Effect.suspend(() =>
      Context.get(process, Revocations).status(nobody) === "good" ? Effect.void : Effect.fail("not yet")
    )
  )

const refusedBy = (process: Context.Context<AccessTokens>, token: string) =>
  eventually(Effect.flip(verify(token))).pipe(
    Effect.map((error) => assert.strictEqual(error._tag, "Unauthorized")),
    Effect.provideContext(process)
  )

layer(Processes.layer, { excludeTestServices: true })("two processes on one database", (it) => {
  it.effect("a logout is heard of", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Processes
      const { pair, principal } = yield* Effect.gen(function* () {
        const pair = yield* login(yield* registerUser)
        return { pair, principal: yield* principalOf(pair) }
      }).pipe(Effect.provideContext(first))
      yield* verify(pair.accessToken).pipe(Effect.provideContext(second))
      yield* Context.get(first, Sessions).end(principal)
      yield* refusedBy(second, pair.accessToken)
    })
  )

  it.effect("so are a ban, a change of role, a logout everywhere and a deletion", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Processes
      const administration = Context.get(first, UserAdministration)
      const accounts = Context.get(first, Accounts)
      const ways = [
        (id: UserId) => Effect.orDie(administration.ban(id, act)),
        (id: UserId) => Effect.orDie(administration.grant(id, "admin", null, act)),
        (id: UserId) => Effect.orDie(administration.logout(id, act))
      ]
      for (const way of ways) {
        const user = yield* registerUser.pipe(Effect.provideContext(first))
        const pair = yield* login(user).pipe(Effect.provideContext(first))
        yield* verify(pair.accessToken).pipe(Effect.provideContext(second))
        yield* way(user.id)
        yield* refusedBy(second, pair.accessToken)
      }
      const pair = yield* Effect.flatMap(registerUser, (user) => login(user)).pipe(Effect.provideContext(first))
      const principal = yield* principalOf(pair).pipe(Effect.provideContext(second))
      yield* accounts.delete(principal)
      yield* refusedBy(second, pair.accessToken)
    })
  )

  it.effect("a password change ends the other sessions and not the one that made it", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Processes
      const user = yield* registerUser.pipe(Effect.provideContext(first))
      const here = yield* login(user).pipe(Effect.provideContext(first))
      const there = yield* login(user).pipe(Effect.provideContext(second))
      const principal = yield* principalOf(here).pipe(Effect.provideContext(first))
      yield* verify(here.accessToken).pipe(Effect.provideContext(second))
      yield* Context.get(first, Accounts).changePassword(principal, {
        currentPassword: strongPassword,
        newPassword: otherPassword
      })
      yield* refusedBy(second, there.accessToken)
      yield* verify(here.accessToken).pipe(Effect.provideContext(second))
      yield* verify(here.accessToken).pipe(Effect.provideContext(first))
    })
  )

  it.effect("a rotated key signs tokens that the other process takes, and the old ones stay good", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Processes
      const user = yield* registerUser.pipe(Effect.provideContext(first))
      const before = yield* login(user).pipe(Effect.provideContext(first))
      const made = yield* Context.get(first, Keys).rotate("operator:test")
      const after = yield* login(user).pipe(Effect.provideContext(first))
      yield* verify(after.accessToken).pipe(Effect.provideContext(second))
      yield* verify(before.accessToken).pipe(Effect.provideContext(second))
      const current = Effect.flatMap(Context.get(second, Keys).current, ({ kid }) =>
        kid === made.kid ? Effect.void : Effect.fail("not yet")
      )
      yield* eventually(current)
    })
  )

  it.effect("a process with another secret signs with a key of its own, and each takes the other's tokens", () =>
    Effect.gen(function* () {
      const { start } = yield* build({ PERSONAL_DATA_KEYS: `{"p1":"${Buffer.alloc(32, 1).toString("base64")}"}` })
      const first = yield* start()
      const user = yield* registerUser.pipe(Effect.provideContext(first))
      const mine = yield* login(user).pipe(Effect.provideContext(first))
      const second = yield* start({ MALL_SECRET_KEY: "another-secret-of-32-characters!" })
      const theirs = yield* login(user).pipe(Effect.provideContext(second))
      yield* verify(mine.accessToken).pipe(Effect.provideContext(second))
      yield* verify(theirs.accessToken).pipe(Effect.provideContext(first))
    })
  )

  it.effect("ten processes that start at once share one key", () =>
    Effect.gen(function* () {
      const { start } = yield* build({ PG_MAX_CONNECTIONS: "2" })
      const processes = yield* Effect.all(
        Array.from({ length: 10 }, () => start()),
        { concurrency: "unbounded" }
      )
      const kids = yield* Effect.forEach(processes, (process) => Context.get(process, Keys).current)
      assert.strictEqual(new Set(kids.map(({ kid }) => kid)).size, 1)
    })
  )

  it.effect("what was ended before a process started is known to it", () =>
    Effect.gen(function* () {
      const { first, start } = yield* Processes
      const user = yield* registerUser.pipe(Effect.provideContext(first))
      const loggedOut = yield* login(user).pipe(Effect.provideContext(first))
      yield* Context.get(first, Sessions).end(yield* principalOf(loggedOut).pipe(Effect.provideContext(first)))
      const banned = yield* login(user).pipe(Effect.provideContext(first))
      yield* Context.get(first, UserAdministration).ban(user.id, act)
      const second = yield* start()
      yield* connected(second)
      for (const { accessToken } of [loggedOut, banned]) {
        const error = yield* Effect.flip(verify(accessToken)).pipe(Effect.provideContext(second))
        assert.strictEqual(error._tag, "Unauthorized")
      }
    })
  )

  it.effect("a process whose listening connection is killed misses nothing", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Processes
      const user = yield* registerUser.pipe(Effect.provideContext(first))
      const pairs = yield* Effect.all(Array.from({ length: 10 }, () => login(user))).pipe(Effect.provideContext(first))
      const good = yield* login(user).pipe(Effect.provideContext(first))
      for (const { accessToken } of pairs) yield* verify(accessToken).pipe(Effect.provideContext(second))
      const sql = Context.get(first, SqlClient.SqlClient)
      const killListeners = sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ILIKE 'listen%'
      `
      for (const pair of pairs) {
        yield* killListeners
        yield* Context.get(first, Sessions).end(yield* principalOf(pair).pipe(Effect.provideContext(first)))
        yield* refusedBy(second, pair.accessToken)
      }
      yield* connected(second)
      yield* verify(good.accessToken).pipe(Effect.provideContext(second))
    })
  )

  it.effect("a policy and a block that one makes count in the other, also after its connection was killed", () =>
    Effect.gen(function* () {
      const { first, second } = yield* Processes
      const killListeners = Context.get(first, SqlClient.SqlClient)`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ILIKE 'listen%'
      `
      const administration = Context.get(first, PolicyAdministration)
      for (const before of [Effect.void, killListeners]) {
        yield* before
        const { version } = yield* administration.current
        const rules = [{ effect: "allow", kind: "glob", resource: "orders", action: "*" }] as const
        const document = { roles: [{ name: `role-${version}`, description: "", inherits: [], rules }] }
        yield* administration.apply(yield* newChangeId, { version, document, reason: "test" }, { operator: "olga" })
        const known = Effect.suspend(() =>
          Context.get(second, Policies).current().version === version + 1 ? Effect.void : Effect.fail("not yet")
        )
        yield* eventually(known)

        const subject = `198.51.100.${version}/32`
        const isLetIn = () => Context.get(second, Blocks).isLetIn(`198.51.100.${version}`, undefined)
        assert.isTrue(isLetIn())
        const blocks = Context.get(first, Blocks)
        const { id } = yield* blocks.add(
          yield* newBlockId,
          { kind: "network", subject, reason: "test" },
          { author: "operator:olga", ip: undefined }
        )
        yield* eventually(Effect.suspend(() => (isLetIn() ? Effect.fail("not yet") : Effect.void)))
        yield* blocks.remove(id, "test", { author: "operator:olga", ip: undefined })
        yield* eventually(Effect.suspend(() => (isLetIn() ? Effect.void : Effect.fail("not yet"))))
      }
    })
  )

  it.effect("a process that hears nothing asks the database, unless it is told to trust", () =>
    Effect.gen(function* () {
      const { url } = yield* Processes
      const deaf = (overrides: Record<string, string>) =>
        Layer.build(
          Layer.fresh(withConfiguration(IdentityCommandLayer, overrides).pipe(Layer.provideMerge(Sql.layerUrl(url))))
        )
      const first = yield* deaf({})
      const asking = yield* deaf({})
      const trusting = yield* deaf({ REVOCATION_FALLBACK: "trust" })
      const pair = yield* Effect.flatMap(registerUser, (user) => login(user)).pipe(Effect.provideContext(first))
      const principal = yield* principalOf(pair).pipe(Effect.provideContext(asking))
      yield* verify(pair.accessToken).pipe(Effect.provideContext(trusting))
      yield* Context.get(first, Sessions).end(principal)
      const error = yield* Effect.flip(verify(pair.accessToken)).pipe(Effect.provideContext(asking))
      assert.strictEqual(error._tag, "Unauthorized")
      yield* verify(pair.accessToken).pipe(Effect.provideContext(trusting))
    })
  )
})
