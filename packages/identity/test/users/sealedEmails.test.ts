import { assert, layer } from "@effect/vitest"
import type { Email } from "@mall/domain/identity/User"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { PersonalDataSealing } from "@mall/platform/sealing/PersonalDataSealing"
import { SealedData } from "@mall/platform/sealing/SealedData"
import * as SealedTables from "@mall/platform/sealing/SealedTables"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Cause, ConfigProvider, Context, Effect, Exit, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { randomBytes } from "node:crypto"
import { sealedUsers } from "../../src/users/StoredUser.ts"
import { UserRepo } from "../../src/users/UserRepo.ts"
import { email, newUserId } from "../fixture.ts"

/** A process that has these keys, the first of which seals. */
const aProcess = (keys: Record<string, string>) =>
  Layer.build(
    SealedTables.layer([sealedUsers]).pipe(
      Layer.provideMerge(Layer.mergeAll(PersonalDataSealing.layer, PersonalDataKeys.layer, UserRepo.layer)),
      Layer.provide(SealedData.layer),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ PERSONAL_DATA_KEYS: JSON.stringify(keys) }))),
      Layer.fresh
    )
  )
type Process = Effect.Success<ReturnType<typeof aProcess>>

const aKey = () => randomBytes(32).toString("base64")
const usersOf = (process: Process) => Context.get(process, UserRepo)
const sealingOf = (process: Process) => Context.get(process, PersonalDataSealing)

let count = 0
const newAddress = () => email(`sealed${++count}@mall.test`)

const open = Effect.fnUntraced(function* (process: Process, address: Email) {
  const sql = yield* SqlClient.SqlClient
  const id = yield* newUserId
  const user = { id, email: address, passwordHash: "hash", name: "", locale: "en", merchantId: null } as const
  yield* sql.withTransaction(usersOf(process).insert({ ...user, roles: ["customer"], now: new Date(0) }))
  return id
})

/** As an account was stored before addresses were sealed. */
const openInTheClear = Effect.fnUntraced(function* (address: Email) {
  const sql = yield* SqlClient.SqlClient
  const id = yield* newUserId
  yield* sql`
    INSERT INTO identity.users
      (id, email, personal_data_key, password_hash, name, locale, roles, token_version_at, created_at, updated_at)
    VALUES (${id}, ${address}, '', 'hash', '', 'en', '{customer}', now(), now(), now())`
  return id
})

const idOf = (process: Process, address: Email) =>
  Effect.map(
    usersOf(process).findByEmail(address),
    Option.match({ onNone: () => null, onSome: ({ id, email }): ReadonlyArray<unknown> => [id, email] })
  )

const keysOf = (id: string) =>
  SqlClient.SqlClient.use((sql) =>
    Effect.map(
      sql<{ keyId: string }>`SELECT key_id FROM identity.email_indexes WHERE user_id = ${id} ORDER BY key_id`,
      (rows) => rows.map(({ keyId }) => keyId)
    )
  )

const tags = <E extends { readonly _tag: string }>(exits: ReadonlyArray<Exit.Exit<unknown, E>>) =>
  exits.map((exit) =>
    Exit.isSuccess(exit) ? "opened" : (Option.getOrNull(Cause.findErrorOption(exit.cause))?._tag ?? "defect")
  )

/** No test leaves rows to the next one's sweeps. */
const alone = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`TRUNCATE identity.users CASCADE`
})

layer(TestDatabase, { excludeTestServices: true })("emails at rest", (it) => {
  it.effect("are found by their digest, and stand nowhere in the clear", () =>
    Effect.gen(function* () {
      yield* alone
      const sql = yield* SqlClient.SqlClient
      const process = yield* aProcess({ p1: aKey() })
      const address = newAddress()
      const id = yield* open(process, address)
      assert.deepStrictEqual(yield* idOf(process, address), [id, address])
      assert.isNull(yield* idOf(process, newAddress()))
      const rows = yield* sql`SELECT row_to_json(u)::text || row_to_json(e)::text AS row
        FROM identity.users u JOIN identity.email_indexes e ON e.user_id = u.id`
      assert.strictEqual(rows.length, 1)
      assert.notInclude(JSON.stringify(rows), address.slice(0, 8))
      assert.notInclude(JSON.stringify(rows), Buffer.from(address).toString("hex"))
      assert.deepStrictEqual(tags([yield* Effect.exit(open(process, address))]), ["EmailTaken"])
    })
  )

  it.effect("of one digest under two keys have nothing in common", () =>
    Effect.gen(function* () {
      yield* alone
      const digests = Effect.fnUntraced(function* (keys: Record<string, string>) {
        const entries = Context.get(yield* aProcess(keys), PersonalDataKeys).indexOf("identity.users")("a@mall.test")
        return entries.map(({ digest }) => Buffer.from(digest).toString("hex"))
      })
      const [older, newer] = [aKey(), aKey()]
      const [one = "", two = ""] = yield* digests({ p1: older, p2: newer })
      assert.notStrictEqual(one, two)
      assert.deepStrictEqual(yield* digests({ p2: newer, p1: older }), [two, one])
      const other = Context.get(yield* aProcess({ p1: older }), PersonalDataKeys).indexOf("other.table")("a@mall.test")
      assert.notStrictEqual(Buffer.from(other[0]?.digest ?? []).toString("hex"), one)
    })
  )

  it.effect("collide in the middle of a rotation, whichever key each process has first", () =>
    Effect.gen(function* () {
      yield* alone
      const [older, newer] = [aKey(), aKey()]
      // the steps of a rotation, each with one process that is a step behind
      const rings = [
        { p1: older },
        { p1: older, p2: newer },
        { p2: newer, p1: older },
        { p2: newer }
      ] as const satisfies ReadonlyArray<Record<string, string>>
      const processes = yield* Effect.forEach(rings, (ring) => aProcess(ring))
      for (const [behind, ahead] of [
        [processes[0], processes[1]],
        [processes[1], processes[2]],
        [processes[2], processes[3]]
      ] as const) {
        if (behind === undefined || ahead === undefined) return assert.fail()
        // a step is taken when nothing is under what it takes away
        yield* alone
        for (let round = 0; round < 10; round++) {
          const address = newAddress()
          const racers = [behind, ahead, behind, ahead].map((process) => Effect.exit(open(process, address)))
          const ends = tags(yield* Effect.all(racers, { concurrency: "unbounded" }))
          assert.deepStrictEqual(ends.toSorted(), ["EmailTaken", "EmailTaken", "EmailTaken", "opened"])
          const found: ReadonlyArray<unknown> | null = yield* idOf(behind, address)
          assert.isNotNull(found)
          assert.deepStrictEqual(yield* idOf(ahead, address), found)
        }
      }
    })
  )

  it.effect("come under a new key while accounts are opened, and the former one is not needed then", () =>
    Effect.gen(function* () {
      yield* alone
      const [older, newer] = [aKey(), aKey()]
      const before = yield* aProcess({ p1: older })
      const addresses = Array.from({ length: 40 }, newAddress)
      const ids = yield* Effect.forEach(addresses, (address) => open(before, address))
      const both = yield* aProcess({ p2: newer, p1: older })
      const attempts = addresses.map((address) => Effect.exit(open(both, address)))
      const [ends] = yield* Effect.all(
        [
          Effect.all(attempts, { concurrency: 8 }),
          Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () => sealingOf(both).sweep(5)),
          Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () => sealingOf(both).sweep(5))
        ],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(tags(ends)), new Set(["EmailTaken"]))
      const after = yield* aProcess({ p2: newer })
      for (const [at, address] of addresses.entries()) {
        assert.deepStrictEqual(yield* idOf(after, address), [ids[at], address])
      }
    })
  )

  it.effect("lose their entries under a key that is gone, but never the one they are sealed under", () =>
    Effect.gen(function* () {
      yield* alone
      const [older, newer] = [aKey(), aKey()]
      const both = yield* aProcess({ p2: newer, p1: older })
      const id = yield* open(both, newAddress())
      assert.deepStrictEqual(yield* keysOf(id), ["p1", "p2"])
      // one that was not told of the new key seals nothing under it, and takes nothing from it
      yield* sealingOf(yield* aProcess({ p1: older })).sweep(100)
      assert.deepStrictEqual(yield* keysOf(id), ["p1", "p2"])
      yield* sealingOf(yield* aProcess({ p2: newer })).sweep(100)
      assert.deepStrictEqual(yield* keysOf(id), ["p2"])
    })
  )

  it.effect("of before are found, collide, and are sealed by any number of workers at once", () =>
    Effect.gen(function* () {
      yield* alone
      const sql = yield* SqlClient.SqlClient
      const process = yield* aProcess({ p1: aKey() })
      const addresses = Array.from({ length: 60 }, newAddress)
      const ids = yield* Effect.forEach(addresses, (address) => openInTheClear(address))
      const [first] = addresses
      if (first === undefined) return assert.fail()
      assert.deepStrictEqual(yield* idOf(process, first), [ids[0], first])
      const attempts = addresses.map((address) => Effect.exit(open(process, address)))
      const work = Effect.forEach(Array.from({ length: 10 }), () => sealingOf(process).sweep(7))
      const [ends] = yield* Effect.all([Effect.all(attempts, { concurrency: 4 }), work, work], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(new Set(tags(ends)), new Set(["EmailTaken"]))
      assert.deepStrictEqual(yield* sql`SELECT id FROM identity.users WHERE email IS NOT NULL`, [])
      for (const [at, address] of addresses.entries()) {
        assert.deepStrictEqual(yield* idOf(process, address), [ids[at], address])
      }
    })
  )

  it.effect("of before that another account has too are left to an operator, and hold nobody else up", () =>
    Effect.gen(function* () {
      yield* alone
      const process = yield* aProcess({ p1: aKey() })
      const [twice, other] = [newAddress(), newAddress()]
      const id = yield* open(process, twice)
      yield* openInTheClear(twice)
      yield* openInTheClear(other)
      const { status, sweep } = sealingOf(process)
      assert.strictEqual(yield* sweep(100), 1)
      assert.strictEqual(yield* sweep(100), 0)
      assert.deepStrictEqual(
        (yield* status).map(({ rows, state }) => [state, rows]),
        [
          ["clear", 1],
          ["current", 2]
        ]
      )
      assert.deepStrictEqual(yield* keysOf(id), ["p1"])
    })
  )

  it.effect("are given to nobody while other accounts are under a key that is not here", () =>
    Effect.gen(function* () {
      yield* alone
      const [older, newer] = [aKey(), aKey()]
      const address = newAddress()
      yield* open(yield* aProcess({ p1: older }), address)
      const stray = yield* aProcess({ p2: newer })
      assert.deepStrictEqual(tags([yield* Effect.exit(open(stray, address))]), ["defect"])
      assert.deepStrictEqual(tags([yield* Effect.exit(open(stray, newAddress()))]), ["defect"])
      const whole = yield* aProcess({ p2: newer, p1: older })
      assert.deepStrictEqual(tags([yield* Effect.exit(open(whole, newAddress()))]), ["opened"])
    })
  )

  it.effect("are not opened by an older server, which knows no digests", () =>
    Effect.gen(function* () {
      yield* alone
      const sql = yield* SqlClient.SqlClient
      const id = yield* newUserId
      const error = yield* Effect.flip(sql`
        INSERT INTO identity.users (id, email, password_hash, name, locale, roles, token_version_at, created_at, updated_at)
        VALUES (${id}, 'old@mall.test', 'hash', '', 'en', '{customer}', now(), now(), now())`)
      assert.strictEqual(error.reason._tag, "ConstraintError")
    })
  )

  it.effect(
    "find nobody where their digest was put to another account, and are free again once theirs is deleted",
    () =>
      Effect.gen(function* () {
        yield* alone
        const sql = yield* SqlClient.SqlClient
        const process = yield* aProcess({ p1: aKey() })
        const [victim, thief] = [newAddress(), newAddress()]
        const id = yield* open(process, victim)
        const thiefId = yield* open(process, thief)
        yield* sql`DELETE FROM identity.email_indexes WHERE user_id = ${thiefId}`
        yield* sql`UPDATE identity.email_indexes SET user_id = ${thiefId} WHERE user_id = ${id}`
        assert.isNull(yield* idOf(process, victim))
        yield* sql`UPDATE identity.email_indexes SET user_id = ${id}`
        yield* usersOf(process).erase(id, new Date(1))
        assert.deepStrictEqual(yield* keysOf(id), [])
        assert.isNull(yield* idOf(process, victim))
        assert.notStrictEqual(yield* open(process, victim), id)
      })
  )
})
