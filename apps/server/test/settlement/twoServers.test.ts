import { assert, layer } from "@effect/vitest"
import * as Sql from "@mall/platform/Sql"
import { freePort } from "@mall/testing/freePort"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { SettlementReads } from "@mall/treasury/settlement/SettlementReads"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { eventually, signIn } from "../shoppers.ts"
import {
  balanceOf,
  begin,
  bookAll,
  imbalance,
  itemsOf,
  movementsOf,
  newMerchant,
  SettlementLayer
} from "./SettlementTest.ts"

class Pair extends Context.Service<Pair, { readonly first: TestServer; readonly second: TestServer }>()(
  "@mall/server/test/settlement/Pair"
) {
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const database = yield* acquireDatabase
      const shared = {
        ...{ ACCESS_LOG: "false", CLUSTER_HOST: "127.0.0.1", CLUSTER_POLL_INTERVAL: "500 millis" },
        CLUSTER_LOCK_EXPIRATION: "6 seconds",
        ...{ QUEUE_LOCK_EXPIRATION: "2 seconds", WORKFLOW_KEEP_FINISHED: "0 seconds" }
      }
      const start = Effect.gen(function* () {
        const environment = { ...shared, CLUSTER_PORT: String(yield* freePort) }
        return yield* startServer({ database, environment })
      })
      const [first, second] = [yield* start, yield* start]
      return Layer.succeed(Pair, Pair.of({ first, second })).pipe(
        Layer.merge(SettlementLayer),
        Layer.provideMerge(Sql.layerUrl(database))
      )
    })
  ).pipe(Layer.orDie)
}

const amounts = [1_000, 2_500, -400, 900]
const sum = 4_000

/** So many settlements of merchants of their own, begun. */
const beginMany = (count: number) =>
  Effect.forEach(
    Array.from({ length: count }),
    Effect.fnUntraced(function* () {
      const merchant = yield* newMerchant
      yield* bookAll(merchant, amounts)
      return { merchant, id: (yield* begin(merchant)).id }
    }),
    { concurrency: 4 }
  )

const told = SqlClient.SqlClient.use(
  (sql) => sql`SELECT id FROM treasury.settlements WHERE notified_at IS NOT NULL`
).pipe(Effect.map(({ length }) => length))

/** What the engine keeps of all that it did. */
const keptByEngine = SqlClient.SqlClient.use((sql) => sql`SELECT FROM workflows.cluster_messages`).pipe(
  Effect.map(({ length }) => length)
)

const assertOnce = Effect.fnUntraced(function* (begun: Effect.Success<ReturnType<typeof beginMany>>) {
  const reads = yield* SettlementReads
  for (const { id, merchant } of begun) {
    const { history, settlement } = yield* reads.show("all", id)
    assert.deepStrictEqual(
      history.map(({ to }) => to),
      ["requested", "gathered", "stated", "settled"]
    )
    assert.deepStrictEqual([settlement.attempt, Number(settlement.settled)], [1, sum])
    assert.strictEqual(yield* movementsOf(id), 1)
    assert.strictEqual(yield* itemsOf(merchant), sum)
    assert.strictEqual(yield* balanceOf(merchant, "settlement"), sum)
    assert.strictEqual(yield* balanceOf(merchant, "payable"), 0)
  }
  assert.strictEqual(yield* imbalance, 0)
})

const suite = layer(Pair.layer, { excludeTestServices: true, timeout: "5 minutes" })

suite("two servers that share the settlements", (it) => {
  it.effect(
    "carry out each once, also where one is killed in the middle of them",
    () =>
      Effect.gen(function* () {
        const { first, second } = yield* Pair
        const calm = yield* beginMany(10)
        yield* eventually(told, (count) => count === 10, "ten settlements to be told of")
        yield* assertOnce(calm)

        const begun = yield* beginMany(40)
        yield* eventually(told, (count) => count > 12, "some to be done")
        yield* first.kill9
        assert.isBelow(yield* told, 50)
        // it is taken for dead when it said nothing for six seconds
        yield* Effect.retry(
          eventually(told, (count) => count === 50, "all fifty to be told of"),
          { times: 2 }
        )
        assert.isFalse(second.current().hasEnded())
        yield* assertOnce(begun)

        const admin = yield* signIn(second.url, "admin@demo.mall")
        yield* admin.admin["admin.sweeps.run"]({ name: "finished_workflows" })
        assert.strictEqual(yield* keptByEngine, 0)
        yield* assertOnce(begun)
      }),
    180_000
  )
})
