import { assert, layer } from "@effect/vitest"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startProgram } from "@mall/testing/TestProcess"
import { SettlementReads } from "@mall/treasury/settlement/SettlementReads"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as path from "node:path"
import { eventually } from "../shoppers.ts"
import {
  balanceOf,
  begin,
  bookAll,
  imbalance,
  itemsOf,
  movementsOf,
  newMerchant,
  setClosed,
  SettlementLayer
} from "./SettlementTest.ts"

class Address extends Context.Service<Address, { readonly url: string }>()("@mall/server/test/settlement/Address") {}

const Test = Layer.unwrap(
  Effect.map(acquireDatabase, (url) =>
    SettlementLayer.pipe(
      Layer.provideMerge(Sql.layerUrl(url)),
      Layer.provideMerge(Layer.succeed(Address, { url: Redacted.value(url) }))
    )
  )
)

const program = path.join(import.meta.dirname, "runner.ts")

/** A process that carries out settlements, until the scope ends. */
const startRunner = Effect.fnUntraced(function* (dieAfter?: string) {
  const { url } = yield* Address
  return yield* startProgram(program, {
    ...{ DATABASE_URL: url, QUEUE_LOCK_EXPIRATION: "2 seconds", CLUSTER_POLL_INTERVAL: "500 millis" },
    ...(dieAfter === undefined ? {} : { DIE_AFTER: dieAfter })
  })
})

const shown = (id: Effect.Success<ReturnType<typeof begin>>["id"]) =>
  SettlementReads.use((reads) => reads.show("all", id))

/** Settlements of which others were told, which is their last step. */
const told = SqlClient.SqlClient.use(
  (sql) => sql`SELECT id FROM treasury.settlements WHERE notified_at IS NOT NULL`
).pipe(Effect.map(({ length }) => length))

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("Runners of settlement", (it) => {
  it.effect(
    "free the items of what the books refuse, and say why",
    () =>
      Effect.gen(function* () {
        const merchant = yield* newMerchant
        yield* bookAll(merchant, [1_000])
        yield* setClosed(merchant, true)
        const { id } = yield* begin(merchant)
        yield* startRunner()
        const { settlement } = yield* eventually(
          shown(id),
          ({ settlement }) => settlement.status === "failed",
          "the settlement to fail"
        )
        assert.include(settlement.failure, "closed")
        assert.strictEqual(yield* movementsOf(id), 0)
        assert.strictEqual(yield* itemsOf(merchant), 0)
      }),
    90_000
  )

  it.effect(
    "that are killed after each step leave one settlement, each step of it done once",
    () =>
      Effect.gen(function* () {
        const merchant = yield* newMerchant
        yield* bookAll(merchant, [1_000, 2_000, -500])
        const { id } = yield* begin(merchant)
        for (const step of ["gather", "state", "post", "payOut", "notify"]) {
          const signal = yield* Effect.scoped(Effect.flatMap(startRunner(step), ({ ended }) => ended))
          assert.strictEqual(signal, "SIGKILL", step)
        }
        yield* startRunner()
        yield* eventually(told, (count) => count === 1, "the settlement to be told of")
        const { history, settlement } = yield* shown(id)
        assert.deepStrictEqual(
          history.map(({ to }) => to),
          ["requested", "gathered", "stated", "settled"]
        )
        assert.strictEqual(settlement.settled, 2_500)
        assert.strictEqual(yield* movementsOf(id), 1)
        assert.strictEqual(yield* balanceOf(merchant, "settlement"), 2_500)
        assert.strictEqual(yield* balanceOf(merchant, "payable"), 0)
        assert.strictEqual(yield* imbalance, 0)
      }),
    180_000
  )

  it.effect(
    "two at once settle each once, and one goes on when the other is killed",
    () =>
      Effect.gen(function* () {
        const before = yield* told
        const settleSome = Effect.forEach([1, 2, 3, 4, 5], () =>
          Effect.gen(function* () {
            const merchant = yield* newMerchant
            yield* bookAll(merchant, [1_000, -100])
            return { merchant, id: (yield* begin(merchant)).id }
          })
        )
        const second = yield* Effect.scoped(
          Effect.gen(function* () {
            yield* startRunner()
            const other = yield* startRunner().pipe(Effect.as(yield* settleSome))
            yield* eventually(told, (count) => count === before + 5, "five settlements to be told of")
            return other
          })
        )
        const third = yield* settleSome
        yield* startRunner()
        yield* eventually(told, (count) => count === before + 10, "all settlements to be told of")
        for (const { id, merchant } of [...second, ...third]) {
          assert.strictEqual(yield* movementsOf(id), 1)
          assert.strictEqual(yield* balanceOf(merchant, "settlement"), 900)
        }
        assert.strictEqual(yield* imbalance, 0)
      }),
    180_000
  )
})
