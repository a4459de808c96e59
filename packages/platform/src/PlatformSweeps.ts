import { Config, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { IdempotencyRepo } from "./IdempotencyRepo.ts"
import * as Sweep from "./Sweep.ts"

const batchLimit = 1_000

const idempotencyKeys = Sweep.layer({
  name: "idempotency_keys",
  every: "10 minutes",
  limit: batchLimit,
  batch: Effect.fnUntraced(function* (limit) {
    const repo = yield* IdempotencyRepo
    return yield* repo.purge(DateTime.toDateUtc(yield* DateTime.now), limit)
  })
}).pipe(Layer.provide(IdempotencyRepo.layer))

/** Completed messages are kept so that a repeated id is known; dead ones stay until an operator decides. */
const completedMessages = Layer.unwrap(
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const keep = yield* Config.Duration("QUEUE_KEEP_COMPLETED").pipe(Config.withDefault(Duration.days(1)))
    const deleteCompleted = SqlSchema.findOne({
      Request: Schema.Struct({ before: Schema.Date, limit: Schema.Int }),
      Result: Schema.Struct({ count: Schema.Int }),
      execute: ({ before, limit }) => sql`
        WITH old AS (
          SELECT sequence FROM outbox WHERE state = 'completed' AND updated_at <= ${before}
          ORDER BY updated_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
        ), deleted AS (
          DELETE FROM outbox USING old WHERE outbox.sequence = old.sequence RETURNING 1
        )
        SELECT count(*) AS count FROM deleted`
    })
    return Sweep.layer({
      name: "completed_messages",
      every: "10 minutes",
      limit: batchLimit,
      batch: Effect.fnUntraced(function* (limit) {
        const before = DateTime.toDateUtc(DateTime.subtractDuration(yield* DateTime.now, keep))
        return (yield* deleteCompleted({ before, limit })).count
      })
    })
  })
)

/** What the platform itself cleans up: expired idempotency keys, and messages older than `QUEUE_KEEP_COMPLETED` (1 day). */
export const layer = Layer.mergeAll(idempotencyKeys, completedMessages)
