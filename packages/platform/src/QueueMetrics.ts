import { Config, Duration, Effect, Layer, Metric, Schedule, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import * as OutboxTable from "./OutboxTable.ts"

const Backlog = Schema.Struct({
  queue: Schema.String,
  depth: Schema.Int,
  ageSeconds: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  dead: Schema.Int
})

const gauges = (queue: string) => ({
  depth: Metric.gauge("queue_depth", { attributes: { queue } }),
  oldestAge: Metric.gauge("queue_oldest_age_seconds", { attributes: { queue } }),
  dead: Metric.gauge("queue_dead", { attributes: { queue } })
})

/**
 * Measures every queue that anyone subscribes to, each `QUEUE_METRICS_INTERVAL` (15 s): `queue_depth` counts messages that
 * are due and not done, `queue_oldest_age_seconds` is how long the oldest of them has been due, `queue_dead` counts dead
 * letters. Reads indexes only, so delayed and completed messages cost nothing. For the worker role.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const interval = yield* Config.Duration("QUEUE_METRICS_INTERVAL").pipe(Config.withDefault(Duration.seconds(15)))
    const selectBacklogs = SqlSchema.findAll({
      Request: Schema.Void,
      Result: Backlog,
      // Each queue with a subscriber has the row that its doorbell is offered under.
      execute: () => sql`
        SELECT bell.queue_name AS queue, due.depth, dead.count AS dead,
          GREATEST(0, COALESCE(extract(epoch FROM NOW() - due.since), 0))::float8 AS age_seconds
        FROM outbox AS bell
        CROSS JOIN LATERAL (
          SELECT count(*) AS depth, min(visible_at) AS since FROM outbox
          WHERE queue_name = bell.queue_name AND state = 'pending' AND visible_at <= NOW()
        ) AS due
        CROSS JOIN LATERAL (
          SELECT count(*) AS count FROM outbox WHERE queue_name = bell.queue_name AND state = 'failed'
        ) AS dead
        WHERE bell.id = ${OutboxTable.bell.id} AND bell.state = ${OutboxTable.bell.state}`
    })
    yield* selectBacklogs().pipe(
      Effect.flatMap(
        Effect.forEach(
          ({ ageSeconds, dead, depth, queue }) => {
            const of = gauges(queue)
            return Effect.all([
              Metric.update(of.depth, depth),
              Metric.update(of.oldestAge, ageSeconds),
              Metric.update(of.dead, dead)
            ])
          },
          { discard: true }
        )
      ),
      Effect.catchTags({
        SqlError: (error) => Effect.logWarning("The queues could not be measured", error.message),
        SchemaError: Effect.die
      }),
      Effect.repeat(Schedule.spaced(interval)),
      Effect.forkScoped
    )
  })
)
