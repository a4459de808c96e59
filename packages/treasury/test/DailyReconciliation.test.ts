import { assert, layer } from "@effect/vitest"
import { BillDay } from "@mall/domain/treasury/Bill"
import { Effect, Metric, Option } from "effect"
import { SqlClient } from "effect/sql"
import { DailyReconciliation } from "../src/reconciliation/DailyReconciliation.ts"
import { ReconciliationReads } from "../src/reconciliation/ReconciliationReads.ts"
import { Reconciler } from "../src/reconciliation/Reconciler.ts"
import { UnaskedDays } from "../src/reconciliation/UnaskedDays.ts"
import { ask, lay, movement, noon, run } from "./reconciledDays.ts"
import { billOf, monday, TestReconciliation, tuesday, wechat, World } from "./TestBills.ts"

/** What is shown of a channel. */
const gauge = (id: string, channel: string) =>
  Effect.map(
    Metric.snapshot,
    (all) => all.find((one) => one.id === id && one.attributes?.["channel"] === channel)?.state
  ).pipe(Effect.map((state) => (state !== undefined && "value" in state ? Number(state.value) : undefined)))

const watched = Effect.gen(function* () {
  const { watch } = yield* DailyReconciliation
  yield* watch
  return [yield* gauge("reconciliation_late_days", wechat), yield* gauge("reconciliation_failed_days", wechat)]
})

const pretend = (what: string) =>
  SqlClient.SqlClient.use((sql) => sql`UPDATE treasury.reconciliation_runs SET ${sql.literal(what)}`)

layer(TestReconciliation, { excludeTestServices: true, timeout: "60 seconds" })("Each day", (it) => {
  it.effect("asks for the days that nobody asked for, and once", () =>
    Effect.gen(function* () {
      const daily = yield* DailyReconciliation
      const reads = yield* ReconciliationReads
      yield* lay({}, [])
      const first = yield* daily.run
      assert.isAtLeast(first, 2)
      assert.strictEqual(yield* daily.run, 0)
      const { data } = yield* reads.runs({ limit: 100 })
      assert.strictEqual(new Set(data.map(({ day }) => day)).size, first)
      assert.isTrue(data.every(({ channel, status }) => channel === wechat && status === "queued"))
      // what failed is tried again by itself, and no second run is asked for
      yield* pretend(
        "status = 'failed', failure = 'no', failure_kind = 'unavailable', next_attempt_at = now() + interval '1 hour'"
      )
      assert.strictEqual(yield* daily.run, 0)
    })
  )

  it.effect("sees to runs whose message was lost, whose time has come, or whose worker died", () =>
    Effect.gen(function* () {
      const daily = yield* DailyReconciliation
      const reads = yield* ReconciliationReads
      const world = yield* World
      const { record, trade } = yield* movement(noon, 100)
      yield* lay({ [monday]: [trade] }, [record])
      const { id } = yield* ask(monday)
      assert.strictEqual(yield* daily.recover(10), 1)
      assert.deepInclude(yield* reads.run(id), { status: "completed", matched: 1 })
      assert.strictEqual(yield* daily.recover(10), 0)

      world.bills.delete(monday)
      const failed = yield* run(monday)
      assert.strictEqual(yield* daily.recover(10), 0, "not yet")
      yield* pretend("next_attempt_at = timestamptz '2020-01-01' WHERE status = 'failed'")
      world.bills.set(monday, billOf([trade]))
      assert.strictEqual(yield* daily.recover(10), 1)
      assert.deepInclude(yield* reads.run(failed.id), { status: "completed", attempt: 2 })
    })
  )

  it.effect("shows what fails and what is late, until it is compared", () =>
    Effect.gen(function* () {
      const world = yield* World
      const { record, trade } = yield* movement(noon, 100)
      yield* lay({}, [record])
      assert.deepStrictEqual(yield* watched, [0, 0])
      // so that no other day is missed
      yield* DailyReconciliation.use((daily) => daily.run)
      const failed = yield* run(monday)
      assert.strictEqual(failed.status, "failed")
      assert.deepStrictEqual(yield* watched, [0, 1], "it has an hour")
      yield* pretend(`late_at = timestamptz '2020-01-01' WHERE day = '${monday}'`)
      assert.deepStrictEqual(yield* watched, [1, 1])
      world.bills.set(monday, billOf([trade]))
      assert.strictEqual((yield* run(monday)).status, "completed")
      assert.deepStrictEqual(yield* watched, [0, 0])
    })
  )

  it.effect(
    "misses a day that nobody asked for from the hour on at which it is late, and once it is asked for no more",
    () =>
      Effect.gen(function* () {
        const days = yield* UnaskedDays
        const at = (hour: string) => days.list(new Date(`2026-11-18T${hour}Z`), 3)
        const missed = { channel: wechat, account: "1900000001", merchantId: null }
        yield* lay({}, [])
        assert.deepStrictEqual(yield* at("08:00:00"), [], "an account that was never used owes no bill")
        yield* lay({}, [(yield* movement(noon, 100)).record])
        assert.deepStrictEqual(yield* at("08:00:00"), [{ ...missed, day: monday }])
        yield* ask(monday)
        // from then on each day is expected, also one on which nothing happened here
        assert.deepStrictEqual(yield* at("08:00:00"), [{ ...missed, day: tuesday }])
        assert.deepStrictEqual(yield* at("05:59:59"), [], "14 o'clock in Beijing is 6 in UTC")
        yield* ask(tuesday)
        assert.deepStrictEqual(yield* at("08:00:00"), [])
      })
  )

  it.effect("lets a day that is over be late at the hour of the day after, by the channel's clock", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* lay({}, [])
      const now = new Date()
      const yesterday = BillDay.make(new Date(now.getTime() + 480 * 60_000 - 86_400_000).toISOString().slice(0, 10))
      yield* ask(yesterday)
      const [row] = yield* sql<{ readonly lateAt: Date }>`SELECT late_at FROM treasury.reconciliation_runs`
      const due = Date.parse(`${yesterday}T16:00:00Z`) + 14 * 3_600_000
      const lateAt = row?.lateAt.getTime() ?? 0
      assert.isAtLeast(lateAt, due)
      assert.isAtMost(Math.abs(lateAt - Math.max(due, now.getTime() + 3_600_000)), 60_000)
      const reconciler = yield* Reconciler
      assert.isTrue(Option.isNone(yield* reconciler.work((yield* run(monday)).id, "worker:test")))
    })
  )
})
