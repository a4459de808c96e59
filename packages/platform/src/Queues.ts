import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { QueueMessage, QueueMessageNotFound, QueueStatus } from "@mall/domain/operations/Queue"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { makeAuditRecorder } from "./audit/AuditRecorder.ts"
import { Doorbell } from "./Doorbell.ts"
import * as OutboxTable from "./OutboxTable.ts"

const Cursor = cursorOf(Schema.Struct({ sequence: Schema.Int }))

const DeadRow = Schema.Struct({ ...QueueMessage.fields, sequence: Schema.Int })

/**
 * The queues of the outbox, for operators. `by` names who acts and is logged with what was done. Times are the database's,
 * as everything in the queues is.
 */
export class Queues extends Context.Service<
  Queues,
  {
    /** Every queue that has messages or a subscriber, by name. Counts all its rows: not for a loop. */
    readonly list: Effect.Effect<ReadonlyArray<QueueStatus>, SqlError>
    /** Dead messages of a queue, the latest published first. */
    dead(
      queue: string,
      page: { readonly limit?: number | undefined; readonly after?: string | undefined }
    ): Effect.Effect<Page<QueueMessage>, InvalidCursor | SqlError>
    show(queue: string, id: string): Effect.Effect<QueueMessage, QueueMessageNotFound | SqlError>
    /** Gives a dead message all its attempts again, at once. */
    retry(queue: string, id: string, by: string): Effect.Effect<void, QueueMessageNotFound | SqlError>
    /** The same for every dead message of the queue; answers with how many there were. */
    retryAll(queue: string, by: string): Effect.Effect<number, SqlError>
    /** Gives a dead message up. Its id stays known for as long as that of a completed one. */
    drop(queue: string, id: string, by: string): Effect.Effect<void, QueueMessageNotFound | SqlError>
  }
>()("@mall/platform/Queues") {
  static readonly layerNoDeps = Layer.effect(
    Queues,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const doorbell = yield* Doorbell
      const audit = yield* makeAuditRecorder

      const state = sql`CASE WHEN state = 'failed' THEN 'dead' WHEN state = 'completed' THEN 'completed'
        WHEN acquired_at IS NOT NULL THEN 'running' WHEN visible_at > NOW() THEN 'delayed' ELSE 'waiting' END`
      const columns = sql`queue_name AS queue, id, ${state} AS state, attempts, element AS content, last_failure,
        created_at AS published_at, visible_at, updated_at`

      const selectStatuses = SqlSchema.findAll({
        Request: Schema.Void,
        Result: QueueStatus,
        execute: () => sql`
          SELECT message.queue_name AS queue,
            count(*) FILTER (WHERE message.stands = 'delayed') AS delayed,
            count(*) FILTER (WHERE message.stands = 'waiting') AS waiting,
            count(*) FILTER (WHERE message.stands = 'running') AS running,
            count(*) FILTER (WHERE message.stands = 'completed') AS completed,
            count(*) FILTER (WHERE message.stands = 'dead') AS dead,
            min(message.visible_at) FILTER (WHERE message.stands = 'waiting') AS oldest_waiting_since
          FROM (
            SELECT queue_name, visible_at,
              CASE WHEN state = ${OutboxTable.bell.state} THEN 'bell' ELSE ${state} END AS stands
            FROM outbox
          ) AS message
          GROUP BY message.queue_name ORDER BY message.queue_name`
      })

      const selectDead = SqlSchema.findAll({
        Request: Schema.Struct({ queue: Schema.String, before: Schema.NullOr(Schema.Int), limit: Schema.Int }),
        Result: DeadRow,
        execute: ({ before, limit, queue }) => sql`
          SELECT ${columns}, sequence FROM outbox
          WHERE queue_name = ${queue} AND outbox.state = 'failed'
            AND (${before}::bigint IS NULL OR sequence < ${before}::bigint)
          ORDER BY sequence DESC LIMIT ${limit}`
      })

      const selectOne = SqlSchema.findOneOption({
        Request: Schema.Struct({ queue: Schema.String, id: Schema.String }),
        Result: QueueMessage,
        execute: ({ id, queue }) =>
          sql`SELECT ${columns} FROM outbox WHERE id = ${id} AND queue_name = ${queue} AND outbox.state <> ${OutboxTable.bell.state}`
      })

      const revive = SqlSchema.findAll({
        Request: Schema.Struct({ queue: Schema.String, id: Schema.NullOr(Schema.String) }),
        Result: Schema.Struct({ id: Schema.String }),
        execute: ({ id, queue }) => sql`
          UPDATE outbox SET state = 'pending', attempts = 0, visible_at = NOW(), updated_at = NOW()
          WHERE queue_name = ${queue} AND state = 'failed' AND (${id}::text IS NULL OR id = ${id}::text)
          RETURNING id`
      })

      const giveUp = SqlSchema.findAll({
        Request: Schema.Struct({ queue: Schema.String, id: Schema.String }),
        Result: Schema.Struct({ id: Schema.String }),
        execute: ({ id, queue }) => sql`
          UPDATE outbox SET state = 'completed', updated_at = NOW()
          WHERE queue_name = ${queue} AND id = ${id} AND state = 'failed' RETURNING id`
      })

      const dead = Effect.fn("Queues.dead")(
        function* (queue: string, page: { readonly limit?: number | undefined; readonly after?: string | undefined }) {
          const limit = page.limit ?? defaultLimit
          const before = page.after === undefined ? null : (yield* Cursor.decode(page.after)).sequence
          const rows = yield* selectDead({ queue, before, limit: limit + 1 })
          const { data, nextCursor } = toPage(rows, limit, ({ sequence }) => Cursor.encode({ sequence }))
          // The class takes the message's own fields and leaves the sort key behind.
          return { data: data.map((row) => new QueueMessage(row)), nextCursor }
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      const show = Effect.fn("Queues.show")(
        function* (queue: string, id: string) {
          const found = yield* selectOne({ queue, id })
          return yield* Effect.fromOption(found).pipe(
            Effect.mapError(() => new QueueMessageNotFound({ queue, messageId: id }))
          )
        },
        Effect.catchTag("SchemaError", Effect.die)
      )

      const retryThose = Effect.fnUntraced(
        function* (queue: string, id: string | null, by: string) {
          const revived = yield* revive({ queue, id })
          const acts = yield* Effect.forEach(revived, (message) =>
            audit.prepare({ action: "queue_message.retry", resource: { type: "queue_message", id: message.id } })
          )
          yield* audit.insert(acts.flat())
          yield* sql.afterCommit(doorbell.ring([queue]))
          yield* Effect.logInfo("Dead messages are tried again", { queue, messageId: id, count: revived.length, by })
          return revived.length
        },
        sql.withTransaction,
        Effect.catchTag("SchemaError", Effect.die)
      )

      const retry = Effect.fn("Queues.retry")(function* (queue: string, id: string, by: string) {
        if ((yield* retryThose(queue, id, by)) === 0) return yield* new QueueMessageNotFound({ queue, messageId: id })
      })

      const drop = Effect.fn("Queues.drop")(
        function* (queue: string, id: string, by: string) {
          const dropped = yield* giveUp({ queue, id })
          if (dropped.length === 0) return yield* new QueueMessageNotFound({ queue, messageId: id })
          yield* audit.record({ action: "queue_message.drop", resource: { type: "queue_message", id } })
          yield* Effect.logInfo("A dead message is dropped", { queue, messageId: id, by })
        },
        sql.withTransaction,
        Effect.catchTag("SchemaError", Effect.die)
      )

      return Queues.of({
        list: selectStatuses().pipe(Effect.catchTag("SchemaError", Effect.die), Effect.withSpan("Queues.list")),
        dead,
        show,
        retry,
        retryAll: Effect.fn("Queues.retryAll")((queue: string, by: string) => retryThose(queue, null, by)),
        drop
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(Doorbell.layer))
}
