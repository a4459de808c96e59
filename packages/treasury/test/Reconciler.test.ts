import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { CorrectionId } from "@mall/domain/treasury/Difference"
import { BillUnavailable } from "@mall/domain/treasury/ReconciliationError"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { RunId } from "@mall/domain/treasury/Run"
import { Deferred, Effect, Exit, Fiber, Option, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { Differences } from "../src/reconciliation/Differences.ts"
import { ReconciliationReads } from "../src/reconciliation/ReconciliationReads.ts"
import { Reconciler } from "../src/reconciliation/Reconciler.ts"
import { Runs } from "../src/reconciliation/Runs.ts"
import { ask, differencesOf, lay, movement, noon, run, shown } from "./reconciledDays.ts"
import { billOf, monday, TestReconciliation, tuesday, wechat, World } from "./TestBills.ts"

const newRunId = generator(RunId)
const newCorrectionId = generator(CorrectionId)

layer(TestReconciliation, { excludeTestServices: true, timeout: "60 seconds" })("A run", (it) => {
  it.effect("finds every difference there is, and nothing else", () =>
    Effect.gen(function* () {
      const same = yield* movement(noon, 1000)
      const sameRefund = yield* movement(noon, 300, "refund")
      const changed = yield* movement(noon, 500)
      const here = yield* movement(noon, 700)
      const there = yield* movement(noon, 800, "refund")
      const twice = yield* movement(noon, 900)
      const pending = yield* movement(noon, 400)
      const under = yield* movement(noon, 200, "refund")
      const lastMinute = yield* movement("2026-11-16 23:59:30", 600)
      yield* lay(
        {
          [monday]: [
            ...[same.trade, sameRefund.trade, { ...changed.trade, amount: 501 }, here.trade, twice.trade, twice.trade],
            ...[pending.trade, { ...under.trade, state: "PROCESSING" }]
          ]
        },
        [
          ...[same.record, sameRefund.record, changed.record, there.record, twice.record],
          ...[{ ...pending.record, state: "pending" as const }, under.record, lastMinute.record]
        ]
      )
      const done = yield* run(monday)
      assert.deepStrictEqual(done.counts, {
        ...{ matched: 4, amountDiffers: 1, missingHere: 1, missingThere: 1, duplicate: 1, stateDiffers: 1, timing: 1 },
        feeDiffers: 0
      })
      assert.deepStrictEqual([done.lines, done.records, done.status], [8, 8, "completed"])
      assert.deepStrictEqual(done.totals, [
        {
          ...{ currency: "CNY", payments: MinorUnits.make(1000 + 501 + 700 + 1800 + 400) },
          ...{ refunds: MinorUnits.make(300), fees: MinorUnits.make(0), others: MinorUnits.make(0) }
        }
      ])
      const found = (yield* differencesOf(monday)).map(shown)
      assert.sameDeepMembers(found, [
        ["amount_differs", "payment", changed.trade.reference, 1, "open"],
        ["missing_here", "payment", here.trade.reference, 700, "open"],
        ["missing_there", "refund", there.trade.reference, 800, "open"],
        ["duplicate", "payment", twice.trade.reference, 900, "open"],
        ["state_differs", "payment", pending.trade.reference, 400, "open"],
        ["timing", "payment", lastMinute.trade.reference, -600, "carried"]
      ])
      const sql = yield* SqlClient.SqlClient
      assert.strictEqual((yield* sql`SELECT FROM treasury.bill_lines`).length, 0)
    })
  )

  it.effect("rolls what crosses midnight over to the next day, both ways", () =>
    Effect.gen(function* () {
      const late = yield* movement("2026-11-16 23:59:30", 600)
      const early = yield* movement("2026-11-16 23:59:59", 700)
      const never = yield* movement("2026-11-16 23:59:58", 800)
      yield* lay({ [monday]: [early.trade], [tuesday]: [{ ...late.trade, time: "2026-11-17 00:00:02" }] }, [
        ...[late.record, never.record, { ...early.record, at: new Date("2026-11-16T16:00:01Z") }]
      ])
      assert.deepInclude((yield* run(monday)).counts, { matched: 0, timing: 3, missingThere: 0 })
      assert.deepInclude((yield* run(tuesday)).counts, { matched: 1, timing: 0, missingThere: 0, missingHere: 0 })
      assert.sameDeepMembers((yield* differencesOf(monday)).map(shown), [
        ["timing", "payment", late.trade.reference, -600, "resolved"],
        ["timing", "payment", early.trade.reference, 0, "resolved"],
        ["missing_there", "payment", never.trade.reference, -800, "open"]
      ])
      assert.strictEqual((yield* differencesOf(tuesday)).length, 0)
      // the same again finds the same
      assert.deepInclude((yield* run(tuesday)).counts, { matched: 1, timing: 0 })
      assert.strictEqual((yield* differencesOf(tuesday)).length, 0)
    })
  )

  it.effect("finds what the bill of another day has again", () =>
    Effect.gen(function* () {
      const [pay, refund] = [yield* movement(noon, 900), yield* movement(noon, 300, "refund")]
      const early = yield* movement("2026-11-16 23:59:59", 700)
      const late = yield* movement("2026-11-16 23:59:30", 600)
      const again = { time: "2026-11-17 12:00:00" }
      yield* lay(
        {
          [monday]: [pay.trade, refund.trade, early.trade],
          [tuesday]: [
            ...[pay.trade, refund.trade, early.trade].map((trade) => ({ ...trade, ...again })),
            { ...late.trade, time: "2026-11-17 00:00:02" }
          ]
        },
        [pay.record, refund.record, late.record, { ...early.record, at: new Date("2026-11-16T16:00:01Z") }]
      )
      assert.deepInclude((yield* run(monday)).counts, { matched: 2, timing: 2, duplicate: 0 })
      // the same again finds the same
      for (const _ of [1, 2]) {
        assert.deepInclude((yield* run(tuesday)).counts, { matched: 1, timing: 0, duplicate: 3 })
        assert.sameDeepMembers((yield* differencesOf(tuesday)).map(shown), [
          ["duplicate", "payment", pay.trade.reference, 900, "open"],
          ["duplicate", "refund", refund.trade.reference, -300, "open"],
          ["duplicate", "payment", early.trade.reference, 700, "open"]
        ])
        assert.deepInclude((yield* run(monday)).counts, { matched: 2, timing: 2, duplicate: 0 })
      }
    })
  )

  it.effect("forgets what the bill of another day had, once a newer one does not have it", () =>
    Effect.gen(function* () {
      const world = yield* World
      const { record, trade } = yield* movement("2026-11-16 23:59:59", 700)
      yield* lay({ [monday]: [trade], [tuesday]: [] }, [{ ...record, at: new Date("2026-11-16T16:00:01Z") }])
      assert.deepInclude((yield* run(monday)).counts, { timing: 1 })
      world.bills.set(monday, billOf([]))
      world.bills.set(tuesday, billOf([{ ...trade, time: "2026-11-17 00:00:02" }]))
      yield* run(monday)
      assert.deepInclude((yield* run(tuesday)).counts, { matched: 1, duplicate: 0 })
      assert.strictEqual((yield* differencesOf(tuesday)).length, 0)
    })
  )

  it.effect("takes a newer bill in the place of the former, and keeps what people did", () =>
    Effect.gen(function* () {
      const world = yield* World
      const differences = yield* Differences
      const reads = yield* ReconciliationReads
      const [gone, kept, changing] = [
        yield* movement(noon, 100),
        yield* movement(noon, 200),
        yield* movement(noon, 300)
      ]
      yield* lay({ [monday]: [gone.trade, kept.trade, changing.trade] }, [])
      const first = yield* run(monday)
      const before = yield* differencesOf(monday)
      const idOf = (reference: string) => before.find((one) => one.reference === reference)!.id
      yield* differences.assign(idOf(kept.trade.reference), { assignee: "olga", note: "asked" }, "operator:olga")
      const draftId = yield* newCorrectionId
      yield* differences.draft(idOf(changing.trade.reference), { reason: "paid" }, "operator:olga", draftId)
      world.bills.set(monday, billOf([kept.trade, { ...changing.trade, amount: 301 }]))
      const second = yield* run(monday)
      assert.strictEqual((yield* reads.run(first.id)).status, "superseded")
      assert.strictEqual(second.counts?.missingHere, 2)
      const details = yield* differences.details(idOf(kept.trade.reference))
      assert.deepInclude(details.difference, { status: "open", assignee: "olga", note: "asked", runId: second.id })
      assert.strictEqual((yield* differences.details(idOf(gone.trade.reference))).difference.status, "superseded")
      const changed = yield* differences.details(idOf(changing.trade.reference))
      assert.deepStrictEqual([changed.difference.status, Number(changed.difference.excess)], ["open", 301])
      assert.deepStrictEqual(
        changed.corrections.map(({ status }) => status),
        ["superseded"]
      )
      assert.deepStrictEqual(
        changed.history.map(({ toStatus }) => toStatus),
        ["open", "drafted", "open"]
      )
      const late = yield* Effect.flip(
        differences.approve(idOf(changing.trade.reference), { reason: "ok" }, "operator:bob")
      )
      assert.strictEqual(late._tag, "DifferenceNotOpen")
      assert.strictEqual(world.postings.length, 0)
    })
  )

  it.effect("fails and is tried again where the database lost what was laid down in it", () =>
    Effect.gen(function* () {
      const world = yield* World
      const sql = yield* SqlClient.SqlClient
      const movements = yield* Effect.forEach(Array.from({ length: 2_500 }), () => movement(noon, 100))
      yield* lay(
        {},
        movements.map(({ record }) => record)
      )
      const bill = billOf(movements.map(({ trade }) => trade))
      const bytes = new TextEncoder().encode(bill)
      // tables that are not logged are empty once PostgreSQL was killed
      const killed = sql`TRUNCATE treasury.bill_lines, treasury.compared_records`.pipe(
        Effect.delay("1 second"),
        Effect.orDie,
        Effect.as(bytes.slice(-100_000))
      )
      world.bills.set(monday, Stream.concat(Stream.make(bytes.slice(0, -100_000)), Stream.fromEffect(killed)))
      const failed = yield* run(monday)
      assert.deepInclude(failed, { status: "failed", failure: "an internal error, which the log has" })
      assert.lengthOf(yield* differencesOf(monday), 0)
      world.bills.set(monday, bill)
      const done = yield* run(monday)
      assert.deepStrictEqual([done.status, done.lines, done.counts?.matched], ["completed", 2_500, 2_500])
    })
  )

  it.effect("keeps nothing of a bill that breaks off, and says where", () =>
    Effect.gen(function* () {
      const world = yield* World
      const sql = yield* SqlClient.SqlClient
      const { trade } = yield* movement(noon, 100)
      yield* lay({}, [])
      const whole = billOf(Array.from({ length: 20 }, () => trade))
      world.bills.set(monday, whole.slice(0, whole.length - 200))
      const broken = yield* run(monday)
      assert.deepInclude(broken, { status: "failed", attempt: 1 })
      assert.match(broken.failure ?? "", /^line \d+ of the bill: /)
      const bytes = new TextEncoder().encode(whole.slice(0, 3000))
      world.bills.set(
        monday,
        Stream.concat(
          Stream.make(bytes),
          Stream.fail(new BillUnavailable({ channel: wechat, day: monday, reason: "FILE_BROKEN_OFF" }))
        )
      )
      const again = yield* run(monday)
      assert.deepInclude(again, { id: broken.id, status: "failed", attempt: 2, counts: null })
      assert.include(again.failure, "FILE_BROKEN_OFF")
      assert.strictEqual((yield* differencesOf(monday)).length, 0)
      assert.strictEqual((yield* sql`SELECT FROM treasury.bill_lines`).length, 0)
      world.bills.set(monday, "")
      const done = yield* run(monday)
      assert.deepInclude(done, { id: broken.id, status: "completed", lines: 0, sha256: null, failure: null })
      const { history } = yield* ReconciliationReads.use((reads) => reads.run(done.id))
      assert.deepStrictEqual(
        history.map(({ attempt, toStatus }) => `${attempt} ${toStatus}`),
        [
          "0 queued",
          "1 running",
          "1 failed",
          "1 queued",
          "2 running",
          "2 failed",
          "2 queued",
          "3 running",
          "3 completed"
        ]
      )
    })
  )

  it.effect("is one worker's, and another's after that one has died", () =>
    Effect.gen(function* () {
      const world = yield* World
      const sql = yield* SqlClient.SqlClient
      const { trade } = yield* movement(noon, 100)
      yield* lay({}, [])
      const begun = yield* Deferred.make<void>()
      const bytes = new TextEncoder().encode(billOf([trade]).slice(0, 500))
      const stuck = Stream.concat(
        Stream.make(bytes),
        Stream.fromEffect(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never))
      )
      world.bills.set(monday, stuck)
      const reconciler = yield* Reconciler
      const first = yield* Effect.forkChild(run(monday))
      yield* Deferred.await(begun)
      const asked = yield* ask(monday)
      assert.strictEqual(asked.status, "running")
      assert.isTrue(Option.isNone(yield* reconciler.work(asked.id, "worker:other")))
      // a worker that was killed leaves its row and what it had staged, and is not heard of any more
      const claim = yield* sql`SELECT claim_id FROM treasury.reconciliation_runs`
      yield* sql`
        INSERT INTO treasury.bill_lines (claim_id, line, kind, reference, channel_reference, amount, fee, currency, state, at)
        SELECT claim_id, 1, 'payment', 'left behind', 'x', 1, 0, 'CNY', 'succeeded', now() FROM treasury.reconciliation_runs`
      yield* sql`UPDATE treasury.reconciliation_runs SET lease_until = timestamptz '2020-01-01'`
      world.bills.set(monday, billOf([trade]))
      const workers = yield* Effect.all(
        Array.from({ length: 4 }, (_, index) => reconciler.work(asked.id, `worker:${index}`)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(workers.filter(Option.isSome).length, 1)
      const done = Option.getOrThrow(Option.firstSomeOf(workers))
      assert.deepInclude(done, { id: asked.id, status: "completed", attempt: 2, lines: 1 })
      assert.strictEqual((yield* differencesOf(monday)).length, 1)
      const staged = yield* sql`SELECT FROM treasury.bill_lines WHERE claim_id <> ${String(claim[0]?.["claimId"])}`
      assert.strictEqual(staged.length, 0)
      // the first comes to itself: the run is not its own any more, and nothing of it counts
      yield* Fiber.interrupt(first)
      const after = yield* ReconciliationReads.use((reads) => reads.run(asked.id))
      assert.deepStrictEqual([after.status, after.attempt], ["completed", 2])
      assert.strictEqual((yield* sql`SELECT FROM treasury.bill_lines`).length, 0)
    })
  )

  it.effect("that a worker is at is given back when that worker is stopped", () =>
    Effect.gen(function* () {
      const world = yield* World
      const { record, trade } = yield* movement(noon, 100)
      yield* lay({}, [record])
      const begun = yield* Deferred.make<void>()
      world.bills.set(monday, Stream.fromEffect(Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)))
      const first = yield* Effect.forkChild(run(monday))
      yield* Deferred.await(begun)
      const { id } = yield* ask(monday)
      yield* Fiber.interrupt(first)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(first)))
      const reads = yield* ReconciliationReads
      assert.strictEqual((yield* reads.run(id)).status, "queued")
      world.bills.set(monday, billOf([trade]))
      assert.deepInclude(yield* run(monday), { id, status: "completed", matched: 1 })
    })
  )

  it.effect("of a day is one run, however many ask for it at once", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const sql = yield* SqlClient.SqlClient
      const { record, trade } = yield* movement(noon, 100)
      yield* lay({ [monday]: [{ ...trade, amount: 101 }] }, [record])
      const asked = yield* Effect.all(
        Array.from({ length: 8 }, (_, index) => ask(monday, `operator:${index}`)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(asked.map(({ id }) => id)).size, 1)
      const workers = yield* Effect.forEach(asked, ({ id }) => reconciler.work(id, "worker:test"), {
        concurrency: "unbounded"
      })
      assert.strictEqual(workers.filter(Option.isSome).length, 1)
      assert.strictEqual((yield* sql`SELECT FROM treasury.reconciliation_runs`).length, 1)
      assert.strictEqual((yield* sql`SELECT FROM treasury.differences`).length, 1)
      assert.strictEqual((yield* sql`SELECT FROM treasury.difference_history`).length, 1)
    })
  )

  it.effect("tells how far it is while it runs", () =>
    Effect.gen(function* () {
      const world = yield* World
      const reads = yield* ReconciliationReads
      const { record, trade } = yield* movement(noon, 100)
      yield* lay({}, [record])
      const begun = yield* Deferred.make<void>()
      const released = yield* Deferred.make<void>()
      const text = new TextEncoder().encode(billOf(Array.from({ length: 2_500 }, () => trade)))
      world.bills.set(
        monday,
        Stream.make(text.slice(0, 600_000)).pipe(
          Stream.concat(
            Stream.fromEffect(
              Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(released)).pipe(
                Effect.as(text.slice(600_000))
              )
            )
          ),
          Stream.rechunk(1)
        )
      )
      const working = yield* Effect.forkChild(run(monday))
      yield* Deferred.await(begun)
      const { id } = yield* ask(monday)
      const now = yield* reads.run(id)
      assert.deepInclude(now, { status: "running", stage: "fetching", attempt: 1, counts: null, finishedAt: null })
      assert.isAtLeast(now.lines, 2_000)
      yield* Deferred.succeed(released, undefined)
      const done = yield* Fiber.join(working)
      assert.deepInclude(done, { status: "completed", stage: null, lines: 2_500, matched: 1 })
    })
  )

  it.effect("is tried again, later each time, and given up at last", () =>
    Effect.gen(function* () {
      const reads = yield* ReconciliationReads
      const reconciler = yield* Reconciler
      const sql = yield* SqlClient.SqlClient
      const world = yield* World
      yield* lay({}, [])
      const { id } = yield* ask(monday)
      const waits: Array<number> = []
      for (const attempt of [1, 2, 3]) {
        const failed = Option.getOrThrow(yield* reconciler.work(id, "worker:test"))
        assert.deepInclude(failed, { id, status: "failed", attempt })
        assert.include(failed.failure, "not made yet")
        const wait = (failed.nextAttemptAt?.getTime() ?? 0) - (failed.finishedAt?.getTime() ?? 0)
        waits.push(Math.round(wait / 60_000))
        assert.isTrue(Option.isNone(yield* reconciler.work(id, "worker:test")), "before its time")
        yield* sql`UPDATE treasury.reconciliation_runs SET next_attempt_at = timestamptz '2020-01-01'`
      }
      assert.deepStrictEqual(waits, [1, 2, 4])
      const queued =
        yield* sql`SELECT FROM outbox WHERE queue_name = 'reconciliation.queued.treasury' AND element LIKE ${`%${id}%`}`
      assert.strictEqual(queued.length, 4, "the first message, and one for each next try")
      yield* sql`UPDATE treasury.reconciliation_runs SET asked_at = asked_at - interval '3 days'`
      const last = Option.getOrThrow(yield* reconciler.work(id, "worker:test"))
      assert.deepInclude(last, { status: "failed", nextAttemptAt: null, attempt: 4 })
      world.bills.set(monday, "")
      const next = yield* run(monday)
      assert.notStrictEqual(next.id, id)
      assert.strictEqual(next.status, "completed")
      assert.strictEqual((yield* reads.run(id)).status, "failed")
    })
  )

  it.effect("is refused for a channel without a bill, and for a day that is not over", () =>
    Effect.gen(function* () {
      const runs = yield* Runs
      const refused = (channel: string, day: string) =>
        Effect.flatMap(newRunId, (id) =>
          Effect.flip(runs.ask({ channel: ChannelId.make(channel), day: BillDay.make(day) }, "operator:olga", id))
        )
      assert.strictEqual((yield* refused("alipay", monday))._tag, "NoChannelBill")
      assert.strictEqual((yield* refused("paypal", monday))._tag, "NoChannelBill")
      assert.strictEqual((yield* refused("wechatpay", "2098-01-01"))._tag, "DayNotOver")
    })
  )
})
