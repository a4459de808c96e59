import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { BillDay } from "@mall/domain/treasury/Bill"
import { RunId } from "@mall/domain/treasury/Run"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startProgram } from "@mall/testing/TestProcess"
import { ReconciliationReads } from "@mall/treasury/reconciliation/ReconciliationReads"
import { Runs } from "@mall/treasury/reconciliation/Runs"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as path from "node:path"
import { eventually } from "../shoppers.ts"
import { differing, lines, reconciliation, wechat } from "./workers.ts"
import type { StuckAt } from "./workers.ts"

class Address extends Context.Service<Address, { readonly url: string }>()(
  "@mall/server/test/reconciliation/Address"
) {}

const Test = Layer.unwrap(
  Effect.map(acquireDatabase, (url) =>
    reconciliation("nothing").pipe(
      Layer.provideMerge(Sql.layerUrl(url)),
      Layer.provideMerge(Layer.succeed(Address, { url: Redacted.value(url) }))
    )
  )
)

const newRunId = generator(RunId)
const program = path.join(import.meta.dirname, "runner.ts")

/** A worker in a process of its own, until it is killed or the scope ends. */
const startWorker = Effect.fnUntraced(function* (stuckAt: StuckAt) {
  const { url } = yield* Address
  return yield* startProgram(program, {
    ...{ DATABASE_URL: url, STUCK_AT: stuckAt },
    ...{ QUEUE_LOCK_EXPIRATION: "3 seconds", RECONCILIATION_LEASE: "2 seconds" }
  })
})

const ask = Effect.fnUntraced(function* (day: string) {
  const runs = yield* Runs
  return yield* runs.ask({ channel: wechat, day: BillDay.make(day) }, "operator:olga", yield* newRunId)
})

const shown = (id: RunId) => ReconciliationReads.use((reads) => reads.run(id))

/** Each difference of the day once, and of each one story; nothing that was staged is left. */
const assertOnce = Effect.fnUntraced(function* (id: RunId) {
  const sql = yield* SqlClient.SqlClient
  const { counts, history, ...run } = yield* shown(id)
  assert.deepInclude(run, { status: "completed", lines, matched: lines - differing, failure: null })
  assert.deepInclude(counts, { matched: lines - differing, amountDiffers: differing, missingHere: 0, missingThere: 0 })
  const found = yield* sql`SELECT id FROM treasury.differences WHERE run_id = ${id}`
  assert.strictEqual(found.length, differing)
  const told = yield* sql`
    SELECT FROM treasury.difference_history AS h JOIN treasury.differences AS d ON d.id = h.difference_id WHERE d.run_id = ${id}`
  assert.strictEqual(told.length, differing)
  assert.strictEqual((yield* sql`SELECT FROM treasury.bill_lines`).length, 0)
  assert.strictEqual((yield* sql`SELECT FROM treasury.compared_records`).length, 0)
  return history
})

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("Workers of the reconciliation", (it) => {
  for (const [day, stuckAt] of [
    ["2026-11-02", "bill"],
    ["2026-11-03", "records"]
  ] as const) {
    it.effect(
      `that are killed in the middle of the ${stuckAt} leave the run to the next, which begins it anew`,
      () =>
        Effect.gen(function* () {
          const { id } = yield* ask(day)
          yield* Effect.scoped(
            Effect.gen(function* () {
              const worker = yield* startWorker(stuckAt)
              yield* eventually(
                shown(id),
                (run) => (stuckAt === "bill" ? run.lines > 0 : run.stage === "matching" && run.records > 0),
                "the worker to be in the middle"
              )
              yield* worker.kill
            })
          )
          const left = yield* shown(id)
          assert.deepInclude(left, { status: "running", attempt: 1, counts: null })
          yield* startWorker("nothing")
          yield* eventually(shown(id), ({ status }) => status === "completed", "the run to be completed")
          const history = yield* assertOnce(id)
          assert.deepStrictEqual(
            history.map(({ attempt, reason, toStatus }) => `${attempt} ${toStatus}: ${reason}`),
            [
              "0 queued: asked for",
              "1 running: a worker began",
              "2 running: its worker stopped in the middle",
              "2 completed: compared"
            ]
          )
        }),
      90_000
    )
  }

  it.effect(
    "that are killed while they compare have compared nothing",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`
          CREATE FUNCTION treasury.slowly() RETURNS trigger LANGUAGE plpgsql
          AS $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$`
        yield* sql`
          CREATE TRIGGER slowly BEFORE INSERT ON treasury.differences FOR EACH ROW EXECUTE FUNCTION treasury.slowly()`
        const { id } = yield* ask("2026-11-04")
        yield* Effect.scoped(
          Effect.gen(function* () {
            const worker = yield* startWorker("nothing")
            yield* eventually(
              sql`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
              ({ length }) => length > 0,
              "the comparison to be under way"
            )
            yield* worker.kill
          })
        )
        yield* sql`DROP TRIGGER slowly ON treasury.differences`
        assert.strictEqual((yield* sql`SELECT FROM treasury.differences WHERE run_id = ${id}`).length, 0)
        assert.strictEqual((yield* shown(id)).status, "running")
        yield* startWorker("nothing")
        yield* eventually(shown(id), ({ status }) => status === "completed", "the run to be completed")
        yield* assertOnce(id)
      }),
    90_000
  )

  it.effect(
    "do each run once, though two run and many ask",
    () =>
      Effect.gen(function* () {
        const days = ["2026-11-05", "2026-11-06", "2026-11-07", "2026-11-08"]
        yield* startWorker("nothing")
        yield* startWorker("nothing")
        const asked = yield* Effect.forEach(
          [...days, ...days, ...days],
          (day) => Effect.map(ask(day), ({ id }) => id),
          { concurrency: "unbounded" }
        )
        const ids = [...new Set(asked)]
        assert.strictEqual(ids.length, days.length)
        for (const id of ids) {
          yield* eventually(shown(id), ({ status }) => status === "completed", "the run to be completed")
        }
        for (const id of ids) {
          const history = yield* assertOnce(id)
          assert.deepStrictEqual(
            history.map(({ toStatus }) => toStatus),
            ["queued", "running", "completed"]
          )
        }
      }),
    90_000
  )
})
