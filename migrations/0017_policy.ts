import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Roles that operators make, who has them, and who is kept out by where they come from. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // A change is a new row: the newest version counts, the others tell who changed what and why.
  yield* sql`
    CREATE TABLE identity.policy_versions (
      version integer CONSTRAINT policy_versions_pkey PRIMARY KEY,
      id uuid NOT NULL CONSTRAINT policy_versions_id_key UNIQUE,
      document jsonb NOT NULL,
      author text NOT NULL,
      reason text NOT NULL,
      restores integer,
      trace_id text,
      created_at timestamptz NOT NULL,
      CONSTRAINT policy_versions_version_positive CHECK (version > 0),
      CONSTRAINT policy_versions_restores_earlier CHECK (restores < version)
    )
  `
  yield* sql`
    CREATE FUNCTION identity.tell_policy() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('identity_changes', 'casbin_policy_updated ' || NEW.version);
      RETURN NULL;
    END
    $$
  `
  yield* sql`
    CREATE TRIGGER policy_versions_tell AFTER INSERT ON identity.policy_versions
    FOR EACH ROW EXECUTE FUNCTION identity.tell_policy()
  `

  // Which roles there are is for the policy to say. Those in shop_roles are held within merchant_id only.
  yield* sql`ALTER TABLE identity.users ADD COLUMN shop_roles text[] NOT NULL DEFAULT '{}'`
  yield* sql`ALTER TABLE identity.users DROP CONSTRAINT users_roles_check`
  yield* sql`ALTER TABLE identity.users ADD CONSTRAINT users_roles_check CHECK ('customer' = ANY (roles))`
  yield* sql`ALTER TABLE identity.users DROP CONSTRAINT users_merchant_check`
  yield* sql`
    ALTER TABLE identity.users ADD CONSTRAINT users_merchant_check
      CHECK (('merchant' = ANY (roles) OR cardinality(shop_roles) > 0) = (merchant_id IS NOT NULL))
  `
  yield* sql`CREATE INDEX users_shop_roles_idx ON identity.users USING gin (shop_roles)`
  yield* sql`CREATE INDEX users_merchant_id_idx ON identity.users (merchant_id, id) WHERE merchant_id IS NOT NULL`
  yield* sql`ALTER TABLE identity.account_events ADD COLUMN subject text`

  // What was removed stays, with who removed it and why.
  yield* sql`
    CREATE TABLE identity.blocks (
      id uuid CONSTRAINT blocks_pkey PRIMARY KEY,
      kind text NOT NULL,
      subject text NOT NULL,
      reason text NOT NULL,
      author text NOT NULL,
      trace_id text,
      created_at timestamptz NOT NULL,
      expires_at timestamptz,
      removed_at timestamptz,
      removed_by text,
      removal_reason text,
      removal_trace_id text,
      CONSTRAINT blocks_kind_check CHECK (kind IN ('network', 'device')),
      CONSTRAINT blocks_removed_check CHECK ((removed_at IS NULL) = (removed_by IS NULL))
    )
  `
  yield* sql`CREATE UNIQUE INDEX blocks_subject_key ON identity.blocks (kind, subject) WHERE removed_at IS NULL`
  yield* sql`CREATE INDEX sessions_device_id_idx ON identity.sessions (device_id) WHERE revoked_at IS NULL`
  yield* sql`
    CREATE FUNCTION identity.tell_block() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('identity_changes', 'b ' || NEW.id);
      RETURN NULL;
    END
    $$
  `
  yield* sql`
    CREATE TRIGGER blocks_tell AFTER INSERT OR UPDATE ON identity.blocks
    FOR EACH ROW EXECUTE FUNCTION identity.tell_block()
  `
})
