import { Notifications } from "@mall/platform/Notifications"
import * as PushedCache from "@mall/platform/PushedCache"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Option, Queue, Schedule } from "effect"
import { SqlClient } from "effect/sql"

const Thing = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const name = `thing_${Math.random().toString(36).slice(2)}`
  yield* sql`CREATE TABLE ${sql(name)} (id text PRIMARY KEY, label text NOT NULL)`
  const put = (id: string, label: string) =>
    sql`INSERT INTO ${sql(name)} (id, label) VALUES (${id}, ${label}) ON CONFLICT (id) DO UPDATE SET label = excluded.label`
  const loads: Array<ReadonlyArray<string>> = []
  const lookup = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
    loads.push(ids)
    const rows = yield* sql<{ id: string; label: string }>`SELECT * FROM ${sql(name)} WHERE id = ANY(${ids})`
    return new Map(rows.map((row) => [row.id, row.label]))
  })
  return { put, loads, options: { channel: name, capacity: 100, timeToLive: "1 hour", lookup } as const }
})

/** A cache as another process has it: with a listening connection of its own. */
const elsewhere = <K extends string, V, E, R>(options: PushedCache.Options<K, V, E, R>) =>
  Effect.flatMap(Layer.build(Layer.fresh(Notifications.layer)), (context) =>
    Effect.provideContext(PushedCache.make(options), context)
  )

/** What is pushed arrives by itself; how soon is not this test's matter. */
const eventually = <A>(look: () => A, expected: A) =>
  Effect.sync(look).pipe(
    Effect.repeat({ until: (value) => value === expected, schedule: Schedule.spaced("5 millis") }),
    Effect.timeout("10 seconds")
  )

layer(Notifications.layer.pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "PushedCache",
  (it) => {
    it.effect("drops a changed row in every process when the change commits, and not when it rolls back", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { options, put } = yield* Thing
        yield* put("a", "old")
        const here = yield* PushedCache.make(options)
        const there = yield* elsewhere(options)
        yield* Effect.all([here.get("a"), there.get("a")])

        const change = Effect.andThen(put("a", "new"), here.invalidate(["a"]))
        yield* change.pipe(Effect.andThen(Effect.fail("rolled back")), sql.withTransaction, Effect.flip)
        assert.deepStrictEqual([here.peek("a"), there.peek("a")], ["old", "old"])

        yield* sql.withTransaction(change)
        assert.deepStrictEqual(yield* here.get("a"), Option.some("new"))
        yield* eventually(() => there.peek("a"), undefined)
        assert.deepStrictEqual(yield* there.get("a"), Option.some("new"))
      })
    )

    it.effect("remembers that there is no row until one is announced", () =>
      Effect.gen(function* () {
        const { loads, options, put } = yield* Thing
        const cache = yield* PushedCache.make(options)
        assert.deepStrictEqual([yield* cache.get("a"), yield* cache.get("a")], [Option.none(), Option.none()])
        assert.strictEqual(loads.length, 1)
        yield* put("a", "here")
        yield* cache.invalidate(["a"])
        assert.deepStrictEqual(yield* cache.get("a"), Option.some("here"))
      })
    )

    it.effect("loads a key once however many ask, and the keys of one moment together", () =>
      Effect.gen(function* () {
        const { loads, options, put } = yield* Thing
        yield* put("a", "A")
        yield* put("b", "B")
        const cache = yield* PushedCache.make(options)
        const asked = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? "a" : "b"))
        yield* Effect.forEach(asked, (key) => cache.get(key), { concurrency: "unbounded" })
        const many = yield* cache.getMany(["a", "b", "c"])
        assert.deepStrictEqual(
          [...many],
          [
            ["a", "A"],
            ["b", "B"]
          ]
        )
        assert.deepStrictEqual(loads, [["a", "b"], ["c"]])
      })
    )

    it.effect("does not keep what a load read before the row changed", () =>
      Effect.gen(function* () {
        const { options } = yield* Thing
        const started = yield* Queue.unbounded<string>()
        const gate = yield* Latch.make()
        let label = "old"
        const cache = yield* PushedCache.make({
          ...options,
          lookup: Effect.fnUntraced(function* () {
            const read = label
            yield* Queue.offer(started, read)
            yield* gate.await
            return new Map([["a", read]])
          })
        })
        const before = yield* Effect.forkChild(cache.get("a"))
        assert.strictEqual(yield* Queue.take(started), "old")
        label = "new"
        yield* cache.invalidate(["a"])
        const after = yield* Effect.forkChild(cache.get("a"))
        assert.strictEqual(yield* Queue.take(started), "new")
        yield* gate.open
        assert.deepStrictEqual(yield* Fiber.join(before), Option.some("old"))
        assert.deepStrictEqual(yield* Fiber.join(after), Option.some("new"))
        assert.strictEqual(cache.peek("a"), "new")
      })
    )

    it.effect("is empty after its listening connection was lost, and listens again", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { options, put } = yield* Thing
        yield* put("a", "old")
        const here = yield* PushedCache.make(options)
        const there = yield* elsewhere(options)
        yield* Effect.all([here.get("a"), there.get("a")])
        yield* put("a", "missed")
        const [terminated] = yield* sql<{ count: number }>`
        SELECT count(pg_terminate_backend(pid))::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'`
        assert.strictEqual(terminated?.count, 2)
        yield* eventually(() => there.peek("a"), undefined)
        yield* eventually(() => here.peek("a"), undefined)
        yield* sql`SELECT 1 / (count(*) - 1) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'`.pipe(
          Effect.retry(Schedule.spaced("10 millis")),
          Effect.timeout("10 seconds")
        )
        assert.deepStrictEqual(yield* there.get("a"), Option.some("missed"))
        yield* put("a", "heard")
        yield* here.invalidate(["a"])
        yield* eventually(() => there.peek("a"), undefined)
      })
    )

    it.effect("lets what was not used for longest go, and what is too old", () =>
      Effect.gen(function* () {
        const { loads, options } = yield* Thing
        const lookup = (keys: ReadonlyArray<string>) => Effect.sync(() => new Map(keys.map((key) => [key, key])))
        const small = yield* PushedCache.make({ ...options, lookup, capacity: 2 })
        yield* small.getMany(["a", "b"])
        yield* small.get("a")
        yield* small.get("c")
        assert.deepStrictEqual([small.peek("a"), small.peek("b"), small.peek("c")], ["a", undefined, "c"])

        const old = yield* PushedCache.make({ ...options, timeToLive: 0 })
        yield* old.get("a")
        yield* old.get("a")
        assert.strictEqual(loads.length, 2)
      })
    )

    it.effect("announces changes of many rows and of long keys", () =>
      Effect.gen(function* () {
        const { options } = yield* Thing
        const lookup = (keys: ReadonlyArray<string>) => Effect.sync(() => new Map(keys.map((key) => [key, key])))
        const here = yield* PushedCache.make({ ...options, lookup, capacity: 10_000 })
        const there = yield* elsewhere({ ...options, lookup, capacity: 10_000 })
        for (const count of [1_500, 5_000]) {
          const keys = Array.from({ length: count }, (_, index) => `${index}-${"键".repeat(20)}`)
          yield* there.getMany([...keys, "other"])
          yield* here.invalidate(keys)
          yield* eventually(() => keys.filter((key) => there.peek(key) !== undefined).length, 0)
        }
      })
    )

    it.effect("loads for others although who asked first has left, and outside of its transaction", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { options, put } = yield* Thing
        const gate = yield* Latch.make()
        const started = yield* Queue.unbounded<void>()
        const cache = yield* PushedCache.make({
          ...options,
          lookup: (keys: ReadonlyArray<string>) =>
            Queue.offer(started, undefined).pipe(Effect.andThen(gate.await), Effect.andThen(options.lookup(keys)))
        })
        const first = yield* Effect.forkChild(cache.get("a"))
        yield* Queue.take(started)
        const second = yield* Effect.forkChild(cache.get("a"))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(first)
        yield* gate.open
        assert.deepStrictEqual(yield* Fiber.join(second), Option.none())

        const inside = yield* put("uncommitted", "x").pipe(
          Effect.andThen(cache.get("uncommitted")),
          sql.withTransaction
        )
        assert.deepStrictEqual(inside, Option.none())
      })
    )

    it.effect("fails those who wait when a load fails, and tries again for the next", () =>
      Effect.gen(function* () {
        const { options } = yield* Thing
        let isDown = true
        const cache = yield* PushedCache.make({
          ...options,
          lookup: () => (isDown ? Effect.fail("down") : Effect.succeed(new Map([["a", "up"]])))
        })
        assert.strictEqual(yield* Effect.flip(cache.get("a")), "down")
        isDown = false
        assert.deepStrictEqual(yield* cache.get("a"), Option.some("up"))
      })
    )
  }
)
