import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * What staff did, and the chain that shows whether it is still what was written. Rows are added and never changed: the
 * triggers refuse it to everybody, and the grants to whoever owns the tables without being a superuser.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE platform.audit_entries (
      id uuid NOT NULL,
      action text NOT NULL,
      resource_type text NOT NULL,
      resource_id text NOT NULL,
      merchant_id uuid,
      actor_kind text NOT NULL,
      actor_id text NOT NULL,
      actor_roles text[] NOT NULL,
      network text,
      user_agent text,
      request_id text,
      trace_id text,
      reason text,
      before jsonb,
      after jsonb,
      at timestamptz(3) NOT NULL,
      CONSTRAINT audit_entries_pkey PRIMARY KEY (id),
      CONSTRAINT audit_entries_actor_kind_check CHECK (actor_kind IN ('user', 'api_key', 'operator', 'system'))
    )`
  yield* sql`CREATE INDEX audit_entries_resource_idx ON platform.audit_entries (resource_type, resource_id, id)`
  yield* sql`CREATE INDEX audit_entries_actor_idx ON platform.audit_entries (actor_id, id)`
  yield* sql`CREATE INDEX audit_entries_action_idx ON platform.audit_entries (action, id)`
  yield* sql`
    CREATE INDEX audit_entries_merchant_idx ON platform.audit_entries (merchant_id, id) WHERE merchant_id IS NOT NULL`
  yield* sql`CREATE INDEX audit_entries_at_idx ON platform.audit_entries (at)`

  // Without a foreign key: that would lock the entry, which takes the right to change it.
  yield* sql`
    CREATE TABLE platform.audit_chain (
      position bigint NOT NULL,
      entry_id uuid NOT NULL,
      hash bytea NOT NULL,
      sealed_at timestamptz NOT NULL,
      CONSTRAINT audit_chain_pkey PRIMARY KEY (position),
      CONSTRAINT audit_chain_entry_key UNIQUE (entry_id),
      CONSTRAINT audit_chain_position_check CHECK (position > 0),
      CONSTRAINT audit_chain_hash_check CHECK (octet_length(hash) = 32)
    )`
  // Written with the entry and taken away with its link: what is here and nowhere else was taken away.
  yield* sql`
    CREATE TABLE platform.audit_unsealed (
      entry_id uuid NOT NULL,
      CONSTRAINT audit_unsealed_pkey PRIMARY KEY (entry_id)
    )`

  // Whose account is gone, until nothing that tells who they are is needed for their orders any more.
  yield* sql`
    CREATE TABLE trade.erased_buyers (
      user_id uuid NOT NULL,
      due_at timestamptz NOT NULL,
      CONSTRAINT erased_buyers_pkey PRIMARY KEY (user_id)
    )`
  yield* sql`CREATE INDEX erased_buyers_due_at_idx ON trade.erased_buyers (due_at)`

  yield* sql`
    CREATE FUNCTION platform.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END $$`
  for (const table of ["audit_entries", "audit_chain"]) {
    const name = sql.literal(table)
    yield* sql`
      CREATE TRIGGER ${name}_append_only BEFORE UPDATE OR DELETE ON platform.${name}
      FOR EACH ROW EXECUTE FUNCTION platform.refuse_change()`
    yield* sql`
      CREATE TRIGGER ${name}_not_truncated BEFORE TRUNCATE ON platform.${name}
      FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change()`
    // also where a session calls itself a replica
    yield* sql`ALTER TABLE platform.${name} ENABLE ALWAYS TRIGGER ${name}_append_only`
    yield* sql`ALTER TABLE platform.${name} ENABLE ALWAYS TRIGGER ${name}_not_truncated`
    yield* sql`REVOKE UPDATE, DELETE, TRUNCATE ON platform.${name} FROM PUBLIC, CURRENT_USER`
  }
})
