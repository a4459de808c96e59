import { Cause, Config, Duration, Effect, Layer, Predicate, Schedule, Schema } from "effect"
import { SqlSchema } from "effect/sql"
import { Doorbell } from "./Doorbell.ts"
import * as OutboxTable from "./OutboxTable.ts"
import { lockExpiration, QueueClient } from "./QueueClient.ts"

const LookInterval = Config.Duration("QUEUE_POLL_INTERVAL").pipe(Config.withDefault(Duration.millis(200)))

const run = Effect.gen(function* () {
  const sql = yield* QueueClient
  const doorbell = yield* Doorbell
  const interval = yield* LookInterval
  const heldFor = Duration.toSeconds(yield* lockExpiration)

  // One row of each queue in the order of its index, whatever else the table holds.
  const selectDue = SqlSchema.findAll({
    Request: Schema.Array(Schema.String),
    Result: Schema.Struct({ name: Schema.String }),
    execute: (names) => sql`
      SELECT queue.name
      FROM unnest(${names}::text[]) AS queue (name) CROSS JOIN LATERAL (
        SELECT FROM ${sql(OutboxTable.name)} AS message
        WHERE message.queue_name = queue.name AND message.state = 'pending' AND message.visible_at <= NOW()
          AND (message.acquired_at IS NULL OR message.acquired_at < NOW() - make_interval(secs => ${heldFor}))
        ORDER BY message.visible_at LIMIT 1
      ) AS due`
  })

  const look = Effect.gen(function* () {
    const queues = yield* doorbell.listened
    if (queues.length === 0) return
    const due = yield* selectDue(queues)
    yield* doorbell.ringHere(due.map(({ name }) => name))
  })

  yield* look.pipe(
    Effect.catchCauseIf(Predicate.not(Cause.hasInterruptsOnly), (cause) =>
      Effect.logDebug("Could not look for messages", cause)
    ),
    Effect.repeat(Schedule.spaced(interval)),
    Effect.withTracerEnabled(false),
    Effect.forkScoped
  )
})

/**
 * Rings for queues in which something has become due by time alone: delayed messages, those that are to be tried again,
 * what a process held that is gone, and what a ring was lost for. One statement each `QUEUE_POLL_INTERVAL` (200 ms) looks
 * at all queues that this process listens for.
 */
export const layer = Layer.effectDiscard(run).pipe(Layer.provide([Doorbell.layer, QueueClient.layer]))
