import * as Topic from "@mall/domain/kernel/Topic"
import { QueueMessageNotFound } from "@mall/domain/operations/Queue"
import { Outbox } from "@mall/platform/Outbox"
import * as QueueMetrics from "@mall/platform/QueueMetrics"
import { Queues } from "@mall/platform/Queues"
import * as Subscription from "@mall/platform/Subscription"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Layer, Metric, Queue, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"

const topicOf = (name: string) => Topic.make(name, { schema: Schema.String, subscribers: ["it"], id: (id) => id })

/** Waits for what happens in other fibers. */
const eventually = <A, E, R>(look: Effect.Effect<A, E, R>, is: (value: A) => boolean) =>
  look.pipe(Effect.repeat({ until: is, schedule: Schedule.spaced("5 millis") }), Effect.timeout("10 seconds"))

const statusOf = Effect.fnUntraced(function* (queue: string) {
  const queues = yield* Queues
  return (yield* queues.list).find((status) => status.queue === queue)
})

layer(Layer.mergeAll(Outbox.layer, Queues.layer).pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "Queues",
  (it) => {
    it.effect("counts messages by state, and shows one", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const queues = yield* Queues
        const isHandling = yield* Deferred.make<void>()
        const topic = topicOf("counted")
        yield* Layer.build(
          Subscription.layer({
            topic,
            subscriber: "it",
            concurrency: 1,
            maxAttempts: 1,
            handler: (id) => {
              if (id === "dies") return Effect.fail("refused")
              return id === "stays"
                ? Effect.andThen(Deferred.succeed(isHandling, undefined), Effect.never)
                : Effect.void
            }
          })
        )
        yield* outbox.publishAll(topic, ["done", "dies", "stays", "waits"])
        yield* outbox.publish(topic, "later", { delay: "1 hour" })
        yield* Deferred.await(isHandling)
        const status = yield* eventually(statusOf("counted.it"), (found) => found?.dead === 1)
        assert.deepInclude(status, { delayed: 1, waiting: 1, running: 1, completed: 1, dead: 1 })
        assert.isNotNull(status?.oldestWaitingSince)

        const dead = yield* queues.show("counted.it", "dies")
        assert.deepInclude(dead, { state: "dead", attempts: 1 })
        assert.include(dead.lastFailure, "refused")
        assert.include(dead.content, '"dies"')
        assert.instanceOf(yield* Effect.flip(queues.show("counted.it", "doorbell")), QueueMessageNotFound)
      })
    )

    it.effect("pages through the dead, retries one or all of them, and drops one", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const queues = yield* Queues
        const topic = topicOf("dead")
        const queue = "dead.it"
        const ids = ["a", "b", "c", "d", "e"]
        const handled = yield* Queue.unbounded<string>()
        let isDown = true
        yield* Layer.build(
          Subscription.layer({
            topic,
            subscriber: "it",
            maxAttempts: 1,
            handler: (id) => (isDown ? Effect.fail("down") : Queue.offer(handled, id))
          })
        )
        yield* outbox.publishAll(topic, ids)
        yield* eventually(statusOf(queue), (found) => found?.dead === 5)

        const first = yield* queues.dead(queue, { limit: 3 })
        const second = yield* queues.dead(queue, { limit: 3, after: first.nextCursor ?? "" })
        assert.deepStrictEqual([...first.data, ...second.data].map(({ id }) => id).toSorted(), ids)
        assert.isNull(second.nextCursor)

        yield* queues.drop(queue, "e", "tester")
        assert.instanceOf(yield* Effect.flip(queues.drop(queue, "e", "tester")), QueueMessageNotFound)
        assert.instanceOf(yield* Effect.flip(queues.retry(queue, "e", "tester")), QueueMessageNotFound)

        isDown = false
        yield* queues.retry(queue, "a", "tester")
        assert.strictEqual(yield* Queue.take(handled), "a")
        assert.strictEqual(yield* queues.retryAll(queue, "tester"), 3)
        assert.deepStrictEqual((yield* Queue.takeN(handled, 3)).toSorted(), ["b", "c", "d"])
        // A dropped id is known still: it is not delivered again.
        yield* outbox.publishAll(topic, ["e", "f"])
        assert.strictEqual(yield* Queue.take(handled), "f")
      })
    )

    it.effect("measures depth, age and the dead of subscribed queues", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const sql = yield* SqlClient.SqlClient
        const topic = topicOf("measured")
        yield* Layer.build(Subscription.layer({ topic, subscriber: "it", handler: () => Effect.never, concurrency: 1 }))
        yield* outbox.publishAll(topic, ["a", "b", "c"])
        yield* outbox.publish(topic, "later", { delay: "1 hour" })
        yield* sql`UPDATE outbox SET visible_at = NOW() - INTERVAL '1 minute' WHERE queue_name = 'measured.it' AND id = 'b'`
        yield* sql`UPDATE outbox SET state = 'failed' WHERE queue_name = 'measured.it' AND id = 'c'`
        yield* Layer.build(QueueMetrics.layer)
        const gauge = (id: string) =>
          Effect.map(Metric.snapshot, (all) => {
            const found = all.find((each) => each.id === id && each.attributes?.["queue"] === "measured.it")
            return found !== undefined && found.type === "Gauge" ? Number(found.state.value) : -1
          })
        assert.strictEqual(yield* eventually(gauge("queue_depth"), (value) => value >= 0), 2)
        assert.isAtLeast(yield* gauge("queue_oldest_age_seconds"), 60)
        assert.strictEqual(yield* gauge("queue_dead"), 1)
      })
    )
  }
)
