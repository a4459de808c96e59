import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { assert, layer } from "@effect/vitest"
import { startSqlTap } from "@mall/testing/SqlTap"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { Context, Effect, Layer, Option, Redacted, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { readFileSync } from "node:fs"
import { Idempotency } from "../src/Idempotency.ts"
import { gatherReads } from "../src/gatherReads.ts"
import { Notifications } from "../src/Notifications.ts"
import * as PushedCache from "../src/PushedCache.ts"
import { retryConflicts } from "../src/retryConflicts.ts"
import * as Sql from "../src/Sql.ts"

class Tap extends Context.Service<Tap, Effect.Success<ReturnType<typeof startSqlTap>>>()("test/Tap") {}

const Tapped = Layer.unwrap(
  Effect.gen(function* () {
    const tap = yield* startSqlTap(yield* acquireDatabase)
    return Layer.merge(Idempotency.layer, Layer.succeed(Tap, Tap.of(tap))).pipe(
      Layer.provideMerge(Sql.layerUrl(tap.database))
    )
  })
).pipe(Layer.orDie)

const newId = generator(Uuid7.pipe(Schema.brand("Id")))

const rowsOf = (sql: SqlClient.SqlClient, note: string) =>
  Effect.map(sql`SELECT note FROM public.notes WHERE note = ${note}`, (rows) => rows.length)

layer(Tapped, { excludeTestServices: true })("A connection that is lost", (it) => {
  it.effect("while its transaction commits leaves it to who asks what has happened", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { breakAt } = yield* Tap
      yield* sql`CREATE TABLE IF NOT EXISTS public.notes (note text NOT NULL)`
      const write = sql`INSERT INTO public.notes VALUES ('committed')`.pipe(
        Effect.andThen(breakAt("answer")),
        sql.withTransaction,
        retryConflicts
      )
      const error = yield* Effect.flip(write)
      assert.isFalse(error.isRetryable)
      assert.include(error.message, "not known")
      assert.strictEqual(yield* rowsOf(sql, "committed"), 1)
    })
  )

  it.effect("before its transaction commits has the transaction run again", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { breakAt } = yield* Tap
      yield* sql`CREATE TABLE IF NOT EXISTS public.notes (note text NOT NULL)`
      for (const at of ["question", "answer"] as const) {
        let runs = 0
        yield* Effect.suspend(() => (runs++ === 0 ? breakAt(at) : Effect.void)).pipe(
          Effect.andThen(sql`INSERT INTO public.notes VALUES (${at})`),
          sql.withTransaction,
          retryConflicts
        )
        assert.strictEqual(runs, 2)
        assert.strictEqual(yield* rowsOf(sql, at), 1)
      }
    })
  )

  it.effect("during a statement of its own has the statement run once", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { breakAt } = yield* Tap
      yield* sql`CREATE TABLE IF NOT EXISTS public.notes (note text NOT NULL)`
      yield* breakAt("answer")
      const error = yield* Effect.flip(retryConflicts(sql`INSERT INTO public.notes VALUES ('alone')`))
      assert.isFalse(error.isRetryable)
      assert.strictEqual(yield* rowsOf(sql, "alone"), 1)
    })
  )

  it.effect("during the claim of a key, its completion or its release has that done again", () =>
    Effect.gen(function* () {
      const { breakAt } = yield* Tap
      const idempotency = yield* Idempotency
      const wanted = { scope: "user 1 desk.work", key: "k", requestHash: "h", operationId: yield* newId }
      const claimed = Effect.filterOrFail(idempotency.claim(wanted), (outcome) => outcome._tag === "Claimed")
      yield* breakAt("answer")
      const { claim } = yield* claimed
      yield* breakAt("answer")
      yield* idempotency.release(claim)
      yield* breakAt("answer")
      const again = yield* claimed
      assert.strictEqual(again.claim.operationId, claim.operationId)
      yield* breakAt("answer")
      yield* idempotency.complete(again.claim, { status: 201, headers: {}, body: new Uint8Array([7]) })
      assert.strictEqual((yield* idempotency.claim({ ...wanted, operationId: yield* newId }))._tag, "Completed")
    })
  )

  it.effect("during a read has it read again", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { breakAt } = yield* Tap
      const read = gatherReads(sql, (keys: ReadonlyArray<string>) =>
        Effect.map(
          sql<{ readonly key: string }>`SELECT key FROM unnest(${keys}::text[]) AS given (key)`,
          (rows) => new Map(rows.map(({ key }) => [key, key.length]))
        )
      )
      for (const at of ["question", "answer"] as const) {
        yield* breakAt(at)
        assert.deepStrictEqual(
          yield* read(["one", "three"]),
          new Map([
            ["one", 3],
            ["three", 5]
          ])
        )
      }
    })
  )

  it.effect.skipIf(process.platform !== "linux")(
    "without a word, by a host that is gone, is found out by the kernel",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { database } = yield* Tap
        yield* sql`SELECT 1`
        const port = Number(new URL(Redacted.value(database)).port)
          .toString(16)
          .toUpperCase()
          .padStart(4, "0")
        const timers = readFileSync("/proc/net/tcp", "utf8")
          .split("\n")
          .map((line) => line.trim().split(/\s+/))
          .filter(([, , remote, state]) => remote?.endsWith(`:${port}`) === true && state === "01")
          .map(([, , , , , timer]) => timer?.slice(0, 2))
        // 02: the kernel asks whether the other side is still there
        assert.include(timers, "02")
        assert.notInclude(timers, "00")
      })
  )

  it.effect("while a change of what is cached commits leaves no process with what was before", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { breakAt } = yield* Tap
      yield* sql`CREATE TABLE IF NOT EXISTS public.cached (id text PRIMARY KEY, label text NOT NULL)`
      yield* sql`INSERT INTO public.cached VALUES ('a', 'old')`
      const cache = yield* PushedCache.make({
        channel: "cached",
        capacity: 10,
        timeToLive: "1 hour",
        lookup: (ids: ReadonlyArray<string>) =>
          Effect.map(
            sql<{ readonly id: string; readonly label: string }>`SELECT * FROM public.cached WHERE id = ANY(${ids})`,
            (rows) => new Map(rows.map(({ id, label }) => [id, label]))
          )
      })
      assert.deepStrictEqual(yield* cache.get("a"), Option.some("old"))
      yield* sql`UPDATE public.cached SET label = 'new'`.pipe(
        Effect.andThen(cache.invalidate(["a"])),
        Effect.andThen(breakAt("answer", "COMMIT")),
        sql.withTransaction,
        Effect.flip
      )
      const label = yield* cache
        .get("a")
        .pipe(
          Effect.repeat({ until: Option.contains("new"), schedule: Schedule.spaced("5 millis") }),
          Effect.timeout("10 seconds")
        )
      assert.deepStrictEqual(label, Option.some("new"))
    }).pipe(Effect.provide(Notifications.layer))
  )
})
