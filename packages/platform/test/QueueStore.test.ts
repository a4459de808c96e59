import * as Topic from "@mall/domain/kernel/Topic"
import { Outbox } from "@mall/platform/Outbox"
import * as Subscription from "@mall/platform/Subscription"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Queue, Schedule, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const topic = Topic.make("planned", {
  schema: Schema.Struct({ id: Schema.String }),
  subscribers: ["it"],
  id: ({ id }) => id
})

const rows = 20_000
const messages = Array.from({ length: 50 }, (_, index) => ({ id: `m${index}` }))

const polling = ConfigProvider.layerAdd(ConfigProvider.fromUnknown({ QUEUE_POLL_INTERVAL: "10 millis" }), {
  asPrimary: true
})

layer(Outbox.layer.pipe(Layer.provideMerge(TestDatabase)), { excludeTestServices: true })(
  "the store of queues",
  (it) => {
    it.effect("reads no more than it takes, though it planned that while there was nothing", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const outbox = yield* Outbox
        const seen = yield* Queue.unbounded<string>()
        const read = SqlSchema.findOne({
          Request: Schema.Void,
          Result: Schema.Struct({ polls: Schema.Int, read: Schema.Int }),
          execute: () => sql`
            SELECT (SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'idx_outbox_take') AS polls,
              seq_tup_read + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'outbox')::int8 AS read
            FROM pg_stat_user_tables WHERE relname = 'outbox'`
        })()
        const subscription = Subscription.layer({
          topic,
          subscriber: "it",
          handler: ({ id }) => Queue.offer(seen, id)
        })
        yield* Layer.build(Layer.fresh(subscription).pipe(Layer.provide(polling)))
        // a session tells of what it did once a second
        const planned = yield* read.pipe(
          Effect.repeat({ until: ({ polls }) => polls > 50, schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("20 seconds")
        )
        yield* sql`
        INSERT INTO outbox (id, queue_name, element, state, attempts, visible_at, created_at, updated_at)
        SELECT n, q.name, '{}', q.state, 0, NOW() + q.delay, NOW(), NOW()
        FROM generate_series(1, ${rows}) AS n,
          (VALUES ('planned.it', 'pending', interval '1 day'), ('other.it', 'pending', interval '0'),
            ('old.it', 'completed', interval '0')) AS q (name, state, delay)`
        const inserted = yield* read
        yield* outbox.publishAll(topic, messages)
        yield* Queue.takeN(seen, messages.length)
        const done = yield* read.pipe(
          Effect.repeat({
            until: ({ polls }) => polls > planned.polls + 100,
            schedule: Schedule.spaced("50 millis")
          }),
          Effect.timeout("20 seconds")
        )
        assert.isBelow(done.read - inserted.read, rows)
      })
    )
  }
)
