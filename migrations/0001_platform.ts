import * as OutboxTable from "@mall/platform/OutboxTable"
import { Effect } from "effect"
import { PersistedQueue } from "effect/persistence"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA platform`

  // The queue's own code makes its table, here, where one process at a time migrates: at start there is nothing left to make.
  yield* Effect.scoped(PersistedQueue.makeStoreSql({ tableName: OutboxTable.name }))
  yield* sql`CREATE INDEX idx_outbox_completed ON outbox (updated_at) WHERE state = 'completed'`
  yield* sql`CREATE INDEX idx_outbox_failed ON outbox (queue_name, sequence) WHERE state = 'failed'`
  // Each row is inserted, claimed and completed: dead versions gather fast in a table that holds few live rows.
  yield* sql`ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05)`
})
