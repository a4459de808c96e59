import * as Topic from "@mall/domain/kernel/Topic"
import { Outbox } from "@mall/platform/Outbox"
import * as OutboxTable from "@mall/platform/OutboxTable"
import * as QueueStore from "@mall/platform/QueueStore"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { PersistedQueue } from "effect/persistence"
import { SqlClient } from "effect/sql"

const Shipped = Schema.Struct({ orderId: Schema.String, at: Schema.DateFromString })
const shipped = Topic.make("shipped", {
  schema: Shipped,
  subscribers: ["mail", "insight"],
  id: ({ orderId }) => orderId
})
const message = (orderId: string) => ({ orderId, at: new Date(0) })

const idsIn = Effect.fnUntraced(function* (queue: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ id: string }>`SELECT id FROM outbox WHERE queue_name = ${queue} ORDER BY sequence`
  return rows.map(({ id }) => id)
})

layer(Outbox.layer.pipe(Layer.provideMerge(QueueStore.layer), Layer.provideMerge(TestDatabase)), {
  excludeTestServices: true
})("Outbox", (it) => {
  it.effect("writes the rows that PersistedQueue's own offer writes", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* Outbox
      const factory = yield* PersistedQueue.PersistedQueueFactory
      const queue = yield* factory.make({ name: "own", schema: OutboxTable.envelopeOf(Shipped) })
      const told = Topic.make("told", { schema: Shipped, subscribers: ["it"], id: ({ orderId }) => orderId })
      const rowsOf = (name: string) =>
        sql<Record<string, unknown>>`
          SELECT to_jsonb(outbox) - 'sequence' - 'queue_name' - 'element' - 'created_at' - 'updated_at' - 'visible_at' AS row,
            element::jsonb - 'publishedAt' - 'traceparent' AS element,
            updated_at = created_at AS same_times,
            round(extract(epoch FROM visible_at - created_at))::int AS delay
          FROM outbox WHERE queue_name = ${name} ORDER BY sequence`

      const [atOnce] = (yield* OutboxTable.encode(told, [message("now")])).elements
      const envelope = yield* Schema.decodeUnknownEffect(
        Schema.fromJsonString(Schema.toCodecJson(OutboxTable.envelopeOf(Shipped)))
      )(atOnce)
      yield* queue.offer(envelope, { id: "now" })
      yield* queue.offer({ ...envelope, message: message("later") }, { id: "later", delay: "90500 millis" })
      yield* outbox.publish(told, message("now"))
      yield* outbox.publish(told, message("later"), { delay: "90500 millis" })

      const [own, ours] = yield* Effect.all([rowsOf("own"), rowsOf("told.it")])
      assert.strictEqual(own.length, 2)
      assert.deepStrictEqual(ours, own)
    })
  )

  it.effect("puts every message into every subscriber's queue, in order and once per id", () =>
    Effect.gen(function* () {
      const outbox = yield* Outbox
      yield* outbox.publishAll(shipped, ["c", "a", "b", "a"].map(message))
      yield* outbox.publish(shipped, message("b"))
      assert.deepStrictEqual(yield* idsIn("shipped.mail"), ["c", "a", "b"])
      assert.deepStrictEqual(yield* idsIn("shipped.insight"), ["c", "a", "b"])
    })
  )

  it.effect("forgets what was published in a transaction that rolled back", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const outbox = yield* Outbox
      const before = yield* idsIn("shipped.mail")
      yield* outbox
        .publish(shipped, message("lost"))
        .pipe(Effect.andThen(Effect.fail("rolled back")), sql.withTransaction, Effect.flip)
      assert.deepStrictEqual(yield* idsIn("shipped.mail"), before)
    })
  )

  it.effect("takes its rows from a larger statement, each with a delay of its own", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const closed = Topic.make("closed", { schema: Shipped, subscribers: ["trade"], id: ({ orderId }) => orderId })
      const encoded = yield* OutboxTable.encode(closed, ["x", "y", "z"].map(message))
      const insert = OutboxTable.insertInto(sql, {
        queues: encoded.queues,
        source: sql`SELECT given.id, given.element, accepted.seconds FROM (${OutboxTable.sourceOf(sql, encoded)}) AS given
          JOIN accepted USING (id)`,
        delaySeconds: sql`message.seconds`
      })
      yield* sql`WITH accepted (id, seconds) AS (VALUES ('x', 60), ('z', 120)), told AS (${insert} RETURNING 1)
        SELECT count(*) FROM told`
      const rows = yield* sql`SELECT id, round(extract(epoch FROM visible_at - created_at))::int AS delay
        FROM outbox WHERE queue_name = 'closed.trade' ORDER BY id`
      assert.deepStrictEqual(rows, [
        { id: "x", delay: 60 },
        { id: "z", delay: 120 }
      ])
    })
  )

  it.effect("refuses a message that is not of the topic's type", () =>
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const broken = yield* outbox.publish(shipped, { orderId: "q", at: new Date(Number.NaN) }).pipe(Effect.exit)
      assert.strictEqual(broken._tag, "Failure")
      assert.notInclude(yield* idsIn("shipped.mail"), "q")
    })
  )
})
