import * as OutboxTable from "@mall/platform/OutboxTable"
import { Effect, Layer } from "effect"
import { PersistedQueue, Persistence } from "effect/persistence"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA platform`

  // The queue's own code makes its table, here, where one process at a time migrates: at start there is nothing left to make.
  yield* Effect.scoped(PersistedQueue.makeStoreSql({ tableName: OutboxTable.name }))
  // The same for the caches' table.
  yield* Effect.scoped(Layer.build(Persistence.layerBackingSql))
  yield* sql`CREATE INDEX idx_outbox_completed ON outbox (updated_at) WHERE state = 'completed'`
  yield* sql`CREATE INDEX idx_outbox_failed ON outbox (queue_name, sequence) WHERE state = 'failed'`
  // Each row is inserted, claimed and completed: dead versions gather fast in a table that holds few live rows.
  yield* sql`ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05)`

  yield* sql`
    CREATE TABLE platform.idempotency_keys (
      scope text NOT NULL,
      key text NOT NULL,
      request_hash text NOT NULL,
      operation_id uuid NOT NULL,
      holder uuid NOT NULL,
      state text NOT NULL,
      lease_until timestamptz NOT NULL,
      status int,
      headers jsonb,
      body bytea,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, key),
      CONSTRAINT idempotency_keys_state_check CHECK (state IN ('running', 'completed')),
      CONSTRAINT idempotency_keys_response_check
        CHECK (state = 'running' OR (status IS NOT NULL AND headers IS NOT NULL AND body IS NOT NULL))
    ) WITH (fillfactor = 70)`
  yield* sql`CREATE INDEX idx_idempotency_keys_expires_at ON platform.idempotency_keys (expires_at)`

  // One row per sweep, of its latest run anywhere: what an operator reads in a process that runs none.
  yield* sql`
    CREATE TABLE platform.sweep_runs (
      name text NOT NULL,
      started_at timestamptz NOT NULL,
      finished_at timestamptz NOT NULL,
      outcome text NOT NULL,
      items bigint NOT NULL,
      error text,
      last_success_at timestamptz,
      next_run_at timestamptz,
      total_runs bigint NOT NULL,
      total_failures bigint NOT NULL,
      total_items bigint NOT NULL,
      CONSTRAINT sweep_runs_pkey PRIMARY KEY (name),
      CONSTRAINT sweep_runs_outcome_check CHECK (outcome IN ('ok', 'failed'))
    )`
})
