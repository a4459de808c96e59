import * as PgClient from "@effect/sql-pg/PgClient"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer, Metric, Queue, Schedule, Stream } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { SqlClient } from "effect/sql"
import * as Sql from "../src/Sql.ts"

const TwoConnections = Layer.unwrap(Effect.map(acquireDatabase, Sql.layerUrl)).pipe(
  Layer.orDie,
  Layer.provide(
    ConfigProvider.layer(
      ConfigProvider.orElse(
        ConfigProvider.fromUnknown({ PG_MAX_CONNECTIONS: "2", PG_STATEMENT_TIMEOUT: "2 seconds" }),
        ConfigProvider.fromEnv()
      )
    )
  ),
  Layer.provideMerge(Layer.succeed(Metric.MetricRegistry, new Map()))
)

/** What a scrape reads: of connections in use, idle, and how many wait for one. */
const figures = Effect.gen(function* () {
  const text = yield* PrometheusMetrics.format()
  const of = (series: string) => {
    const line = text.split("\n").find((line) => line.startsWith(`${series} `))
    assert.isDefined(line, series)
    return Number(line?.split(" ")[1])
  }
  return {
    used: of('db_client_connection_count{state="used"}'),
    idle: of('db_client_connection_count{state="idle"}'),
    waiting: of('db_client_connection_pending_requests{pool="main"}'),
    max: of('db_client_connection_max{pool="main"}'),
    served: of('db_client_connection_wait_time_seconds_count{pool="main"}'),
    waited: of('db_client_connection_wait_time_seconds_sum{pool="main"}')
  }
})

const awaitFigures = (wanted: Partial<Effect.Success<typeof figures>>) =>
  figures.pipe(
    Effect.repeat({
      until: (found) =>
        Object.entries({ ...found, ...wanted }).every(([name, value]) => Reflect.get(found, name) === value),
      schedule: Schedule.spaced("5 millis")
    }),
    Effect.timeoutOrElse({
      duration: "5 seconds",
      orElse: () => Effect.tap(figures, (found) => Effect.sync(() => assert.deepInclude(found, wanted)))
    })
  )

layer(TwoConnections, { excludeTestServices: true })("The pool's client", (it) => {
  it.effect("shows who holds a connection, who waits for one, and for how long", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* Effect.all([sql`SELECT 1`, sql`SELECT 1`], { concurrency: "unbounded" })
      yield* awaitFigures({ used: 0, waiting: 0, max: 2 })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* sql.reserve
          yield* sql.reserve
          yield* awaitFigures({ used: 2, idle: 0, waiting: 0 })
          const waiter = yield* Effect.forkChild(sql`SELECT 1`)
          const leaver = yield* Effect.forkChild(Effect.scoped(sql.reserve))
          yield* awaitFigures({ used: 2, waiting: 2 })
          yield* Fiber.interrupt(leaver)
          yield* awaitFigures({ used: 2, waiting: 1 })
          yield* Fiber.interrupt(waiter)
          yield* awaitFigures({ used: 2, waiting: 0 })
        })
      )
      const { served, waited } = yield* awaitFigures({ used: 0, idle: 2, waiting: 0 })
      const slow = [sql`SELECT pg_sleep(0.2)`, sql`SELECT pg_sleep(0.2)`, sql`SELECT 1`]
      yield* Effect.all(slow, { concurrency: "unbounded" })
      const after = yield* awaitFigures({ used: 0, waiting: 0, served: served + 3 })
      assert.isAbove(after.waited - waited, 0.1)
    })
  )

  it.effect("counts another pool under its own name", () =>
    Effect.gen(function* () {
      const pools = yield* Sql.Pools
      const other = yield* pools.makePlatform("other", { applicationName: "mall other", maxConnections: 1 })
      const rows = yield* other`SELECT current_setting('application_name') AS app, current_setting('TimeZone') AS zone`
      assert.deepStrictEqual(rows, [{ app: "mall other", zone: "UTC" }])
      const text = yield* PrometheusMetrics.format()
      assert.include(text, 'db_client_connection_max{pool="other"} 1')
      assert.include(text, 'db_client_connection_wait_time_seconds_count{pool="other"} 1')
    }).pipe(Effect.scoped)
  )

  it.effect("gives its connection back after a failure, a timeout and an interruption", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      for (const statement of [sql`SELECT 1 / 0`, sql`SELECT nothing FROM nowhere`, sql`SELECT pg_sleep(5)`]) {
        assert.strictEqual((yield* Effect.flip(statement))._tag, "SqlError")
      }
      const sleeper = yield* Effect.forkChild(sql.withTransaction(sql`SELECT pg_sleep(5)`))
      yield* awaitFigures({ used: 1 })
      yield* Fiber.interrupt(sleeper)
      yield* awaitFigures({ used: 0, waiting: 0 })
      assert.deepStrictEqual(yield* sql`SELECT 2 AS n`, [{ n: 2 }])
    })
  )

  it.effect("commits, rolls back, nests, and says that a failed transaction was not committed", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE public.pooled (some_number int)`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`INSERT INTO public.pooled VALUES (1)`
          const inner = sql.withTransaction(
            Effect.andThen(sql`INSERT INTO public.pooled VALUES (2)`, Effect.fail("no"))
          )
          yield* Effect.flip(inner)
        })
      )
      yield* Effect.flip(
        sql.withTransaction(Effect.andThen(sql`INSERT INTO public.pooled VALUES (3)`, Effect.fail("no")))
      )
      const swallowed = yield* Effect.flip(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`INSERT INTO public.pooled VALUES (4)`
            yield* Effect.ignore(sql`SELECT 1 / 0`)
          })
        )
      )
      assert.strictEqual(swallowed._tag, "SqlError")
      const select = sql`SELECT some_number FROM public.pooled`
      assert.deepStrictEqual(yield* select, [{ someNumber: 1 }])
      assert.deepStrictEqual(yield* select.values, [[1]])
      assert.deepStrictEqual(yield* select.unprepared, [{ someNumber: 1 }])
      assert.deepStrictEqual(yield* Stream.runCollect(select.stream), [{ someNumber: 1 }])
      yield* awaitFigures({ used: 0, waiting: 0 })
    })
  )

  it.effect("hears what it notifies, on a connection of its own", () =>
    Effect.gen(function* () {
      const pg = yield* PgClient.PgClient
      const heard = yield* pg.listen("pooled")
      yield* awaitFigures({ used: 1 })
      yield* pg.notify("pooled", "hello")
      assert.strictEqual((yield* Queue.take(heard)).payload, "hello")
      assert.deepStrictEqual(yield* pg`SELECT ${pg.json({ some_key: 1 })}::jsonb AS value`, [
        { value: { some_key: 1 } }
      ])
    }).pipe(Effect.scoped)
  )
})
