import * as Topic from "@mall/domain/kernel/Topic"
import { Outbox } from "@mall/platform/Outbox"
import * as OutboxTable from "@mall/platform/OutboxTable"
import * as Subscription from "@mall/platform/Subscription"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Exit, Layer, Queue, Schedule, Schema, Scope } from "effect"
import { SqlClient } from "effect/sql"

const topicOf = (name: string) =>
  Topic.make(name, { schema: Schema.Struct({ id: Schema.String }), subscribers: ["it"], id: ({ id }) => id })

type Message = ReturnType<typeof topicOf> extends Topic.Topic<infer A> ? A : never

const polling = (interval: string) =>
  ConfigProvider.layerAdd(ConfigProvider.fromUnknown({ QUEUE_POLL_INTERVAL: interval }), { asPrimary: true })

/** Runs a subscription until the scope closes, as a process of its own: it shares no layer with the test. */
const start = <A, I, E>(options: Subscription.Options<A, I, E, never>, interval = "20 millis") =>
  Layer.build(Layer.fresh(Subscription.layer(options)).pipe(Layer.provide(polling(interval))))

const atOnce = Schedule.spaced(0)

const rowOf = Effect.fnUntraced(function* (queue: string, id: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ state: string; attempts: number; lastFailure: string | null }>`
    SELECT state, attempts, last_failure FROM outbox WHERE queue_name = ${queue} AND id = ${id}`
  return rows[0]
})

/** The row once it has come to `state`; the store settles a message only after its handler is done. */
const settled = (queue: string, id: string, state: string) =>
  rowOf(queue, id).pipe(
    Effect.repeat({ until: (row) => row?.state === state, schedule: Schedule.spaced("5 millis") }),
    Effect.timeout("10 seconds")
  )

layer(Outbox.layer.pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })("Subscription", (it) => {
  it.effect("delivers what was committed, oldest first, and wakes without waiting for the poll", () =>
    Effect.gen(function* () {
      const topic = topicOf("woken")
      const outbox = yield* Outbox
      const sql = yield* SqlClient.SqlClient
      const seen = yield* Queue.unbounded<string>()
      yield* start({ topic, subscriber: "it", concurrency: 1, handler: ({ id }) => Queue.offer(seen, id) }, "1 hour")
      yield* outbox.publish(topic, { id: "first" })
      assert.strictEqual(yield* Queue.take(seen), "first")
      yield* outbox.publishAll(topic, [{ id: "second" }, { id: "third" }]).pipe(sql.withTransaction)
      assert.strictEqual(yield* Queue.take(seen), "second")
      assert.strictEqual(yield* Queue.take(seen), "third")
      yield* settled("woken.it", "third", "completed")
    })
  )

  it.effect("handles each message once when several processes subscribe", () =>
    Effect.gen(function* () {
      const topic = topicOf("shared")
      const outbox = yield* Outbox
      const seen = yield* Queue.unbounded<string>()
      const options = { topic, subscriber: "it", handler: ({ id }: Message) => Queue.offer(seen, id) }
      yield* Effect.all([start(options), start(options), start(options)], { concurrency: "unbounded" })
      const ids = Array.from({ length: 200 }, (_, index) => `m${String(index).padStart(3, "0")}`)
      yield* outbox.publishAll(
        topic,
        ids.map((id) => ({ id }))
      )
      const got = yield* Queue.takeN(seen, ids.length)
      assert.deepStrictEqual(got.toSorted(), ids)
      assert.strictEqual(yield* Queue.size(seen), 0)
    })
  )

  it.effect("tries a failure again, a defect and a self-interruption too, and parks what fails for good", () =>
    Effect.gen(function* () {
      const topic = topicOf("failing")
      const outbox = yield* Outbox
      const attempts = yield* Queue.unbounded<readonly [string, number]>()
      const ends = [Effect.fail("refused"), Effect.die(new Error("broken")), Effect.interrupt]
      yield* start({
        topic,
        subscriber: "it",
        concurrency: 1,
        maxAttempts: 4,
        schedule: atOnce,
        handler: ({ id }, { attempt }) => {
          const last = id === "well" ? Effect.void : Effect.fail("again")
          return Effect.andThen(Queue.offer(attempts, [id, attempt] as const), ends[attempt - 1] ?? last)
        }
      })
      yield* outbox.publish(topic, { id: "well" })
      assert.deepStrictEqual(yield* Queue.takeN(attempts, 4), [
        ["well", 1],
        ["well", 2],
        ["well", 3],
        ["well", 4]
      ])
      assert.strictEqual((yield* settled("failing.it", "well", "completed"))?.attempts, 4)

      yield* outbox.publish(topic, { id: "ill" })
      const dead = yield* settled("failing.it", "ill", "failed")
      assert.strictEqual(dead?.attempts, 4)
      assert.include(dead?.lastFailure, "again")
    })
  )

  it.effect("parks a message that does not decode at once, and goes on", () =>
    Effect.gen(function* () {
      const topic = topicOf("unreadable")
      const other = Topic.make("unreadable", {
        schema: Schema.Struct({ key: Schema.Finite }),
        subscribers: ["it"],
        id: ({ key }) => String(key)
      })
      const outbox = yield* Outbox
      const seen = yield* Queue.unbounded<string>()
      yield* outbox.publish(other, { key: 1 })
      yield* outbox.publish(topic, { id: "good" })
      yield* start({ topic, subscriber: "it", concurrency: 1, handler: ({ id }) => Queue.offer(seen, id) })
      assert.strictEqual(yield* Queue.take(seen), "good")
      const dead = yield* rowOf("unreadable.it", "1")
      assert.strictEqual(dead?.state, "failed")
      assert.strictEqual(dead?.attempts, 1)
    })
  )

  it.effect("gives a message back, uncounted, when the process ends while handling it", () =>
    Effect.gen(function* () {
      const topic = topicOf("ended")
      const outbox = yield* Outbox
      const isHandling = yield* Deferred.make<void>()
      const process = yield* Scope.make()
      yield* start({
        topic,
        subscriber: "it",
        handler: () => Effect.andThen(Deferred.succeed(isHandling, undefined), Effect.never)
      }).pipe(Scope.provide(process))
      yield* outbox.publish(topic, { id: "once" })
      yield* Deferred.await(isHandling)
      yield* Scope.close(process, Exit.void)

      const again = yield* Deferred.make<number>()
      yield* start({ topic, subscriber: "it", handler: (_, { attempt }) => Deferred.succeed(again, attempt) })
      assert.strictEqual(yield* Deferred.await(again), 1)
    })
  )

  it.effect("takes what no ring told of, and what a process held that is gone", () =>
    Effect.gen(function* () {
      const topic = topicOf("quiet")
      const sql = yield* SqlClient.SqlClient
      const seen = yield* Queue.unbounded<readonly [string, number]>()
      yield* start({
        topic,
        subscriber: "it",
        handler: ({ id }, { attempt }) => Queue.offer(seen, [id, attempt] as const)
      })
      const { elements } = yield* OutboxTable.encode(topic, [{ id: "x" }])
      const insert = (id: string, acquiredSecondsAgo: number | null) => sql`
        INSERT INTO outbox (id, queue_name, element, state, attempts, visible_at, created_at, updated_at, acquired_at, acquired_by)
        SELECT ${id}, 'quiet.it', ${elements[0]}, 'pending', held, NOW(), NOW(), NOW(),
          NOW() - make_interval(secs => ${acquiredSecondsAgo}::float8), CASE WHEN held = 1 THEN gen_random_uuid() END
        FROM (SELECT CASE WHEN ${acquiredSecondsAgo}::float8 IS NULL THEN 0 ELSE 1 END AS held) AS who`
      yield* insert("held by another", 1)
      yield* insert("unheard", null)
      assert.deepStrictEqual(yield* Queue.take(seen), ["x", 1])
      yield* settled("quiet.it", "unheard", "completed")
      yield* insert("held by one that is gone", 31)
      assert.deepStrictEqual(yield* Queue.take(seen), ["x", 2])
      yield* settled("quiet.it", "held by one that is gone", "completed")
      assert.strictEqual((yield* rowOf("quiet.it", "held by another"))?.state, "pending")
    })
  )

  it.effect("continues the trace in which the message was published", () =>
    Effect.gen(function* () {
      const topic = topicOf("traced")
      const outbox = yield* Outbox
      const traces = yield* Queue.unbounded<string>()
      yield* start({
        topic,
        subscriber: "it",
        handler: () => Effect.flatMap(Effect.orDie(Effect.currentSpan), (span) => Queue.offer(traces, span.traceId))
      })
      const published = yield* Effect.gen(function* () {
        yield* outbox.publish(topic, { id: "t" })
        return (yield* Effect.currentSpan).traceId
      }).pipe(Effect.withSpan("callback", { root: true }))
      assert.strictEqual(yield* Queue.take(traces), published)
    })
  )

  it.effect("does not start for a subscriber that the topic does not name", () =>
    Effect.gen(function* () {
      const error = yield* start({
        topic: topicOf("named"),
        subscriber: "stranger",
        handler: () => Effect.void
      }).pipe(Effect.flip)
      assert.instanceOf(error, Subscription.UnknownSubscriber)
    })
  )

  it.effect("does not deliver a delayed message before its time", () =>
    Effect.gen(function* () {
      const topic = topicOf("delayed")
      const outbox = yield* Outbox
      const sql = yield* SqlClient.SqlClient
      const seen = yield* Queue.unbounded<string>()
      yield* start({ topic, subscriber: "it", concurrency: 1, handler: ({ id }) => Queue.offer(seen, id) })
      yield* outbox.publish(topic, { id: "in an hour" }, { delay: "1 hour" })
      yield* outbox.publish(topic, { id: "now" })
      assert.strictEqual(yield* Queue.take(seen), "now")
      yield* sql`UPDATE outbox SET visible_at = NOW() WHERE queue_name = ${OutboxTable.queueOf(topic, "it")}`
      assert.strictEqual(yield* Queue.take(seen), "in an hour")
    })
  )
})
