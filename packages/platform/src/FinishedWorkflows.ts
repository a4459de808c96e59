import { Config, Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { Snowflake } from "effect/cluster"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** The engine keeps what it did for ever, so that a workflow that is asked for again answers as before. */
export class FinishedWorkflows extends Context.Service<
  FinishedWorkflows,
  {
    /**
     * Removes all that is kept of up to `limit` workflows that came to their end `WORKFLOW_KEEP_FINISHED` (30 days) ago; answers
     * with how many. What waits for something, or has a message that nobody took, stays however old it is. One that is asked for
     * again after that runs again: its steps have to know by themselves what is done.
     */
    remove(limit: number): Effect.Effect<number, SqlError>
  }
>()("@mall/platform/FinishedWorkflows") {
  static readonly layer = Layer.effect(
    FinishedWorkflows,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keep = yield* Config.Duration("WORKFLOW_KEEP_FINISHED").pipe(Config.withDefault(Duration.days(30)))

      // The engine notes no times; its ids are made of them.
      const deleteBefore = SqlSchema.findOne({
        Request: Schema.Struct({ id: Schema.String, limit: Schema.Int }),
        Result: Schema.Struct({ count: Schema.Int }),
        execute: ({ id, limit }) => sql`
          WITH finished AS (
            SELECT m.id, m.entity_id FROM workflows.cluster_messages AS m
            JOIN workflows.cluster_replies AS r ON r.id = m.last_reply_id
            WHERE m.tag = 'run' AND m.entity_type LIKE 'Workflow/%' AND m.processed
              AND m.id < ${id}::bigint AND r.id < ${id}::bigint
              AND r.payload::jsonb #>> '{value,_tag}' = 'Complete'
              AND NOT EXISTS (
                SELECT FROM workflows.cluster_messages AS waiting
                WHERE waiting.entity_id = m.entity_id AND NOT waiting.processed
              )
            ORDER BY m.id LIMIT ${limit} FOR UPDATE OF m SKIP LOCKED
          ), messages AS (
            DELETE FROM workflows.cluster_messages AS m USING finished
            WHERE m.entity_id = finished.entity_id RETURNING m.request_id
          ), replies AS (
            DELETE FROM workflows.cluster_replies AS r USING messages WHERE r.request_id = messages.request_id
          )
          SELECT count(*) AS count FROM finished`
      })

      return FinishedWorkflows.of({
        remove: Effect.fn("FinishedWorkflows.remove")(
          function* (limit) {
            const before = DateTime.subtractDuration(yield* DateTime.now, keep)
            // what is older than the first id there can be has no number
            const timestamp = Math.max(before.epochMilliseconds, Snowflake.constEpochMillis)
            const machineId = Snowflake.machineId(Snowflake.Snowflake(0))
            const id = Snowflake.make({ machineId, sequence: 0, timestamp })
            return (yield* deleteBefore({ id: String(id), limit })).count
          },
          Effect.catchTags({ SchemaError: Effect.die, NoSuchElementError: Effect.die })
        )
      })
    })
  )
}
