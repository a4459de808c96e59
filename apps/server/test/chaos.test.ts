import { assert, describe, it } from "@effect/vitest"
import * as Sql from "@mall/platform/Sql"
import { startSqlTap } from "@mall/testing/SqlTap"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { mallFolder } from "@mall/testing/mallFolder"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Config, Console, Context, Effect, Fiber, Layer, Random, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { alternately } from "./alternately.ts"
import { randomOperations } from "./randomOperations.ts"

const operations = Config.Int("CHAOS_OPERATIONS").pipe(Config.withDefault(160))
const seed = Config.Int("CHAOS_SEED").pipe(Config.withDefault(9))

/** So little that much is sold out, and times so short that orders expire while they are paid. */
const largestStock = 12
const environment = {
  ORDER_EXPIRY: "6 seconds",
  ORDER_EXPIRY_LEASE: "2 seconds",
  PAYMENT_EXPIRY: "9 seconds",
  IDEMPOTENCY_LEASE: "1 second",
  QUEUE_LOCK_EXPIRATION: "2 seconds",
  CLUSTER_POLL_INTERVAL: "300 millis",
  CLUSTER_LOCK_EXPIRATION: "3 seconds",
  SANDBOX_REFUND_DELAY: "0 seconds",
  SANDBOX_RETRY_SCALE: "0.02",
  MERCHANT_TERMS_LEAD: "0 seconds",
  PAYOUT_COOLING_OFF: "0 seconds",
  ACCESS_LOG: "false",
  LOG_LEVEL: "Fatal"
}

/** What there is in the tables of that which clients are told of. */
const Made = Schema.Struct({ checkouts: Schema.Int, payments: Schema.Int, refunds: Schema.Int })
const madeIn = (sql: SqlClient.SqlClient) =>
  SqlSchema.findOne({
    Request: Schema.Void,
    Result: Made,
    execute: () => sql`
      SELECT
        (SELECT count(*) FROM trade.checkouts) AS checkouts,
        (SELECT count(*) FROM payments.intents WHERE description = 'a table' AND currency = 'CNY') AS payments,
        (SELECT count(*) FROM payments.refunds WHERE reason = 'worn') AS refunds`
  })(undefined)

/** Kills one of the servers, or both, and starts them again; `urls` are those that may be asked. */
const kill = Effect.fnUntraced(function* (servers: ReadonlyArray<TestServer>, urls: Set<string>) {
  const first = yield* Random.nextIntBetween(0, servers.length)
  const victims = (yield* Random.nextBoolean) ? servers.slice(first, first + 1) : servers
  for (const { url } of victims) urls.delete(url)
  yield* Effect.forEach(victims, ({ kill9 }) => kill9, { concurrency: "unbounded" })
  yield* Effect.forEach(victims, ({ restart }) => restart, { concurrency: "unbounded" })
  for (const { url } of victims) urls.add(url)
})

describe("Two servers that are killed, and whose connections to the database break,", () => {
  it.live(
    "do once what they were asked for, and leave nothing that is not as it has to be",
    () =>
      Effect.gen(function* () {
        const database = yield* acquireDatabase
        const sql = Context.get(yield* Layer.build(Layer.fresh(Sql.layerUrl(database))), SqlClient.SqlClient)
        const tap = yield* startSqlTap(database)
        const dataFolder = yield* mallFolder
        const urls = new Set<string>()
        const proxy = yield* alternately(() => [...urls])
        const sandbox = yield* startServer({ database, dataFolder, roles: "sandbox", environment })
        const { sandboxPort, sandboxUrl } = sandbox
        const start = startServer({
          database: tap.database,
          dataFolder,
          sandboxPort,
          roles: "api,worker",
          environment: {
            ...environment,
            PUBLIC_URL: proxy.url,
            FX_ECB_URL: `${sandboxUrl}/ecb/stats/eurofxref/eurofxref-daily.xml`
          }
        })
        const servers = [yield* start, yield* start]
        for (const { url } of servers) urls.add(url)

        const mall = yield* randomOperations(proxy.url, sandboxUrl, yield* seed, { largestStock })
        yield* mall.prepare
        const killer = yield* Effect.sleep("1500 millis").pipe(
          Effect.andThen(tap.breakAt(undefined)),
          Effect.andThen(Effect.uninterruptible(kill(servers, urls))),
          Effect.forever,
          Effect.forkChild
        )
        const breaker = yield* Effect.sleep("100 millis").pipe(
          Effect.andThen(Random.nextBoolean),
          // who loses its connection while it starts says so and ends
          Effect.flatMap((isQuestion) =>
            tap.breakAt(urls.size < servers.length ? undefined : isQuestion ? "question" : "answer")
          ),
          Effect.forever,
          Effect.forkChild
        )
        yield* mall.run(yield* operations)
        yield* Fiber.interrupt(breaker)
        yield* tap.breakAt(undefined)
        yield* Fiber.interrupt(killer)
        yield* mall.clearFaults

        const starts = servers.flatMap(({ lines }) => lines().filter((line) => line === "Mall is ready.")).length
        assert.isAbove(starts, servers.length)
        assert.deepStrictEqual(yield* madeIn(sql), mall.told)
        const report = yield* mall.admin.admin["admin.doctor.run"]({ isFull: true })
        const wrong = report.results.filter(({ failure, found }) => found > 0 || failure !== null)
        assert.deepStrictEqual(wrong, [])
        yield* Console.debug(JSON.stringify({ starts, told: mall.told, done: Object.fromEntries(mall.done) }))
      }),
    3_600_000
  )
})
