import { Cause, Config, Context, Duration, Effect, Latch, Layer, Predicate, Schedule, Schema, Scope } from "effect"
import { SqlSchema } from "effect/sql"
import * as OutboxTable from "./OutboxTable.ts"
import { lockExpiration, QueueClient } from "./QueueClient.ts"

const LookInterval = Config.Duration("QUEUE_POLL_INTERVAL").pipe(Config.withDefault(Duration.millis(200)))

/**
 * Wakes the takers of queues in which something has become due by time alone: delayed messages, those that are to be tried again,
 * what a process held that is gone, and what a ring was lost for. One statement each `QUEUE_POLL_INTERVAL` (200 ms) looks
 * at all queues that this process takes from.
 */
export class DueMessages extends Context.Service<
  DueMessages,
  {
    /** Calls `wake` whenever `queue` has something to take, until the scope closes. */
    watch(queue: string, wake: () => void): Effect.Effect<void, never, Scope.Scope>
  }
>()("@mall/platform/DueMessages") {
  static readonly layerNoDeps = Layer.effect(
    DueMessages,
    Effect.gen(function* () {
      const sql = yield* QueueClient
      const interval = yield* LookInterval
      const heldFor = Duration.toSeconds(yield* lockExpiration)
      const watched = new Map<string, Set<() => void>>()
      const isWatching = yield* Latch.make()

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

      yield* isWatching.await.pipe(
        Effect.andThen(Effect.suspend(() => selectDue(Array.from(watched.keys())))),
        Effect.map((due) => {
          for (const { name } of due) for (const wake of watched.get(name) ?? []) wake()
        }),
        Effect.catchCauseIf(Predicate.not(Cause.hasInterruptsOnly), (cause) =>
          Effect.logDebug("Could not look for messages", cause)
        ),
        Effect.repeat(Schedule.spaced(interval)),
        Effect.withTracerEnabled(false),
        Effect.forkScoped
      )

      return DueMessages.of({
        watch: (queue, wake) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              watched.set(queue, (watched.get(queue) ?? new Set()).add(wake))
              isWatching.openUnsafe()
            }),
            () =>
              Effect.sync(() => {
                const others = watched.get(queue)
                others?.delete(wake)
                if (others?.size === 0) watched.delete(queue)
                if (watched.size === 0) isWatching.closeUnsafe()
              })
          )
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(QueueClient.layer))
}
