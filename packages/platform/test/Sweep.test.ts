import { Idempotency } from "@mall/platform/Idempotency"
import { Outbox } from "@mall/platform/Outbox"
import * as PlatformSweeps from "@mall/platform/PlatformSweeps"
import * as Sweep from "@mall/platform/Sweep"
import { SweepFailed, UnknownSweep } from "@mall/domain/operations/Sweep"
import { Sweeps } from "@mall/platform/Sweeps"
import { TestDatabase } from "@mall/testing/TestDatabase"
import * as Topic from "@mall/domain/kernel/Topic"
import { assert, layer } from "@effect/vitest"
import { Array as Arr, Context, Deferred, Duration, Effect, Layer, Metric, Option, Queue, Schema } from "effect"
import { SqlClient } from "effect/sql"

const valueOf = (id: string, attributes: Record<string, string>) =>
  Effect.map(
    Metric.snapshot,
    (all) =>
      all.find(
        (each) => each.id === id && Object.entries(attributes).every(([key, value]) => each.attributes?.[key] === value)
      )?.state
  )

/** Two thousand rows of work, done by whoever comes. */
const makeWork = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE work (id int PRIMARY KEY, done_by text)`
  yield* sql`INSERT INTO work SELECT n, NULL FROM generate_series(1, 2000) AS n`
})

const doWork = (by: string) =>
  Effect.fnUntraced(function* (limit: number) {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql`
      WITH due AS (SELECT id FROM work WHERE done_by IS NULL ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      UPDATE work SET done_by = ${by} FROM due WHERE work.id = due.id RETURNING work.id`
    return rows.length
  })

layer(Sweeps.layer.pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })("Sweep", (it) => {
  it.effect("repeats until a batch is not full, and shares the items with others without doing one twice", () =>
    Effect.gen(function* () {
      const sweeps = yield* Sweeps
      const sql = yield* SqlClient.SqlClient
      yield* makeWork
      const names = ["first", "second", "third"]
      yield* Effect.forEach(names, (name) =>
        Layer.build(Sweep.layer({ name, every: "1 hour", limit: 100, batch: doWork(name) }))
      )
      const done = yield* Effect.forEach(names, (name) => sweeps.run(name, "test"), { concurrency: "unbounded" })
      assert.strictEqual(
        done.reduce((a, b) => a + b),
        2000
      )
      assert.deepStrictEqual(yield* sql`SELECT count(*) FROM work WHERE done_by IS NULL`, [{ count: 0 }])
    })
  )

  it.effect("runs by itself on a worker, and goes on after a failure and a defect", () =>
    Effect.gen(function* () {
      const ends = [Effect.fail("refused"), Effect.die(new Error("broken")), Effect.succeed(3), Effect.succeed(0)]
      let runs = 0
      const counts = yield* Queue.unbounded<number>()
      yield* Layer.build(
        Sweep.layer({
          name: "scheduled",
          every: "10 millis",
          batch: () => Effect.tap(ends[runs++] ?? Effect.succeed(0), (count) => Queue.offer(counts, count))
        }).pipe(Layer.provide(Layer.fresh(Sweeps.layerScheduled)))
      )
      assert.deepStrictEqual(yield* Queue.takeN(counts, 2), [3, 0])
    })
  )

  it.effect("leaves a process alone for as many times as long as a run took", () =>
    Effect.gen(function* () {
      const began = yield* Deferred.make<void>()
      const service = yield* Layer.build(
        Sweep.layer({
          name: "long",
          every: "1 second",
          rests: 100,
          batch: () => Effect.as(Effect.andThen(Deferred.succeed(began, undefined), Effect.sleep("50 millis")), 0)
        }).pipe(Layer.provideMerge(Layer.fresh(Sweeps.layerScheduled)))
      )
      yield* Deferred.await(began)
      const scheduled = Context.get(service, Sweeps)
      const lastRun = yield* scheduled.list.pipe(
        Effect.flatMap((all) => Effect.fromOption(Option.fromNullOr(all[0]?.lastRun ?? null))),
        Effect.eventually
      )
      const { finishedAt, nextRunAt, startedAt } = lastRun
      assert.isNotNull(nextRunAt)
      const took = finishedAt.getTime() - startedAt.getTime()
      assert.isAtLeast(nextRunAt.getTime() - finishedAt.getTime(), 100 * took)
      assert.isAbove(took, 0)
      const shown = yield* valueOf("sweep_interval_seconds", { sweep: "long" })
      assert.deepInclude(shown, { value: took / 10 })
    })
  )

  it.effect("shows every process what the latest run did, and counts it", () =>
    Effect.gen(function* () {
      const sweeps = yield* Sweeps
      let outcome: Effect.Effect<number, string> = Effect.succeed(7)
      yield* Layer.build(
        Sweep.layer({
          name: "shown",
          every: "1 minute",
          batch: () => outcome,
          oldestDue: Effect.succeedNone
        })
      )
      assert.strictEqual(yield* sweeps.run("shown", "test"), 7)
      outcome = Effect.fail("no more")
      const failed = yield* Effect.flip(sweeps.run("shown", "test"))
      assert.instanceOf(failed, SweepFailed)

      const cli = Context.get(yield* Layer.build(Layer.fresh(Sweeps.layer)), Sweeps)
      yield* cli.register({
        name: "shown",
        every: Duration.minutes(1),
        limit: 1,
        rests: 0,
        batch: () => Effect.succeed(0),
        oldestDue: undefined
      })
      const lastRun = yield* Effect.fromOption(
        Option.flatMap(Arr.head(yield* cli.list), (status) => Option.fromNullOr(status.lastRun))
      )
      assert.deepStrictEqual(
        [lastRun.outcome, lastRun.items, lastRun.totalRuns, lastRun.totalFailures, lastRun.totalItems],
        ["failed", 0, 2, 1, 7]
      )
      assert.include(lastRun.error, "no more")
      assert.isNotNull(lastRun.lastSuccessAt)
      assert.deepInclude(yield* valueOf("sweep_items_total", { sweep: "shown" }), { count: 7 })
      assert.deepInclude(yield* valueOf("sweep_runs_total", { sweep: "shown", outcome: "failed" }), { count: 1 })
      assert.deepInclude(yield* valueOf("sweep_lag_seconds", { sweep: "shown" }), { value: 0 })
      assert.deepInclude(yield* valueOf("sweep_interval_seconds", { sweep: "shown" }), { value: 60 })
    })
  )

  it.effect("names the sweeps there are when asked for another", () =>
    Effect.gen(function* () {
      const sweeps = yield* Sweeps
      yield* Layer.build(Sweep.layer({ name: "known", every: "1 hour", batch: () => Effect.succeed(0) }))
      const error = yield* Effect.flip(sweeps.run("unknown", "test"))
      assert.instanceOf(error, UnknownSweep)
      assert.include(error.message, "known")
    })
  )

  it.effect("stops with its layer, in the middle of a run", () =>
    Effect.gen(function* () {
      const isRunning = yield* Deferred.make<void>()
      const wasInterrupted = yield* Deferred.make<void>()
      const scheduled = Sweep.layer({
        name: "stopped",
        every: "1 milli",
        batch: () =>
          Deferred.succeed(isRunning, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() => Deferred.succeed(wasInterrupted, undefined))
          )
      }).pipe(Layer.provide(Layer.fresh(Sweeps.layerScheduled)))
      yield* Effect.scoped(Effect.andThen(Layer.build(scheduled), Deferred.await(isRunning)))
      yield* Deferred.await(wasInterrupted)
    })
  )

  it.effect("purges old completed messages and expired keys, and leaves dead and waiting ones", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const sweeps = yield* Sweeps
      const context = yield* Layer.build(Layer.mergeAll(PlatformSweeps.layer, Outbox.layer, Idempotency.layer))
      const outbox = Context.get(context, Outbox)
      const topic = Topic.make("old", { schema: Schema.String, subscribers: ["it"], id: (id) => id })
      yield* outbox.publishAll(topic, ["done long ago", "done lately", "dead", "waiting"])
      yield* sql`UPDATE outbox SET state = 'completed' WHERE id LIKE 'done%'`
      yield* sql`UPDATE outbox SET state = 'failed' WHERE id = 'dead'`
      yield* sql`UPDATE outbox SET updated_at = NOW() - INTERVAL '25 hours' WHERE id <> 'done lately'`
      yield* Context.get(context, Idempotency).claim({
        scope: "s",
        key: "k",
        requestHash: "h",
        operationId: "01890a5d-ac96-774b-bcce-b302099a8057"
      })
      yield* sql`UPDATE platform.idempotency_keys SET expires_at = 'epoch'`
      assert.strictEqual(yield* sweeps.run("completed_messages", "test"), 1)
      assert.strictEqual(yield* sweeps.run("idempotency_keys", "test"), 1)
      assert.deepStrictEqual(yield* sql`SELECT id FROM outbox WHERE queue_name = 'old.it' ORDER BY id`, [
        { id: "dead" },
        { id: "done lately" },
        { id: "waiting" }
      ])
    })
  )
})
