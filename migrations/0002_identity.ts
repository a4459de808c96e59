import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA identity`

  // A deleted account keeps its id, for orders and books, and nothing that names a person.
  yield* sql`
    CREATE TABLE identity.users (
      id uuid CONSTRAINT users_pkey PRIMARY KEY,
      email text CONSTRAINT users_email_key UNIQUE,
      password_hash text,
      name text NOT NULL,
      avatar_url text,
      locale text NOT NULL,
      roles text[] NOT NULL,
      merchant_id uuid,
      token_version integer NOT NULL DEFAULT 0,
      token_version_at timestamptz NOT NULL,
      banned_at timestamptz,
      ban_reason text,
      deleted_at timestamptz,
      last_login_at timestamptz,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT users_roles_check CHECK (roles <@ ARRAY['customer', 'merchant', 'admin'] AND 'customer' = ANY (roles)),
      CONSTRAINT users_merchant_check CHECK (('merchant' = ANY (roles)) = (merchant_id IS NOT NULL)),
      CONSTRAINT users_ban_check CHECK ((banned_at IS NULL) = (ban_reason IS NULL)),
      CONSTRAINT users_deleted_check CHECK (
        CASE WHEN deleted_at IS NULL
          THEN email IS NOT NULL AND password_hash IS NOT NULL
          ELSE email IS NULL AND password_hash IS NULL AND name = '' AND avatar_url IS NULL
        END
      )
    )
  `
  yield* sql`CREATE INDEX users_email_prefix_idx ON identity.users (email text_pattern_ops)`
  yield* sql`CREATE INDEX users_roles_idx ON identity.users USING gin (roles)`
  yield* sql`CREATE INDEX users_banned_idx ON identity.users (id) WHERE banned_at IS NOT NULL`
  yield* sql`CREATE INDEX users_token_version_at_idx ON identity.users (token_version_at) WHERE token_version > 0`

  // A refresh token names its session, proves it belongs to the family, and carries the one secret that is good now.
  // Of the two secrets only SHA-256 hashes are kept: they are 128 and 256 random bits, so they need no salt.
  yield* sql`
    CREATE TABLE identity.sessions (
      id uuid CONSTRAINT sessions_pkey PRIMARY KEY,
      user_id uuid NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES identity.users (id),
      client text NOT NULL,
      device_id text,
      user_agent text,
      ip text,
      family_hash bytea NOT NULL,
      token_hash bytea NOT NULL,
      previous_token_hash bytea,
      rotated_at timestamptz,
      created_at timestamptz NOT NULL,
      last_used_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      CONSTRAINT sessions_client_check CHECK (client IN ('web', 'app', 'high_security')),
      CONSTRAINT sessions_hashes_check CHECK (octet_length(family_hash) = 32 AND octet_length(token_hash) = 32)
    )
  `
  yield* sql`CREATE INDEX sessions_user_id_idx ON identity.sessions (user_id, id)`
  yield* sql`CREATE INDEX sessions_revoked_at_idx ON identity.sessions (revoked_at) WHERE revoked_at IS NOT NULL`
  yield* sql`CREATE INDEX sessions_expires_at_idx ON identity.sessions (expires_at)`

  yield* sql`
    CREATE TABLE identity.addresses (
      id uuid CONSTRAINT addresses_pkey PRIMARY KEY,
      user_id uuid NOT NULL CONSTRAINT addresses_user_id_fkey REFERENCES identity.users (id),
      recipient text NOT NULL,
      phone text NOT NULL,
      country_code text NOT NULL,
      region text NOT NULL,
      city text NOT NULL,
      street text NOT NULL,
      postal_code text NOT NULL,
      is_default boolean NOT NULL,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX addresses_user_id_idx ON identity.addresses (user_id, id)`
  yield* sql`CREATE UNIQUE INDEX addresses_default_key ON identity.addresses (user_id) WHERE is_default`

  // `key` is `account:<SHA-256 of the email>` or `ip:<address>`: nobody's email is kept for having been tried.
  yield* sql`
    CREATE TABLE identity.login_throttles (
      key text CONSTRAINT login_throttles_pkey PRIMARY KEY,
      failures integer NOT NULL,
      window_ends_at timestamptz NOT NULL,
      locked_until timestamptz
    )
  `
  yield* sql`CREATE INDEX login_throttles_window_ends_at_idx ON identity.login_throttles (window_ends_at)`

  // `sealed_private_key` is encrypted under a secret that is not in the database.
  yield* sql`
    CREATE TABLE identity.signing_keys (
      kid text CONSTRAINT signing_keys_pkey PRIMARY KEY,
      public_key text NOT NULL,
      sealed_private_key bytea NOT NULL,
      created_at timestamptz NOT NULL,
      retired_at timestamptz
    )
  `

  yield* sql`
    CREATE TABLE identity.account_events (
      id uuid CONSTRAINT account_events_pkey PRIMARY KEY,
      user_id uuid NOT NULL CONSTRAINT account_events_user_id_fkey REFERENCES identity.users (id),
      type text NOT NULL,
      actor_id uuid,
      reason text NOT NULL,
      trace_id text,
      created_at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX account_events_user_id_idx ON identity.account_events (user_id, id)`

  // What ends tokens tells every process of it when it commits, whoever made the change: a handler, the command line
  // or a hand on psql. The listener reads: "s <session id>", "u <user id> <token version>", "k <key id>".
  yield* sql`
    CREATE FUNCTION identity.tell_session_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('identity_changes', 's ' || NEW.id);
      RETURN NULL;
    END
    $$
  `
  yield* sql`
    CREATE TRIGGER sessions_tell_revoked AFTER UPDATE OF revoked_at ON identity.sessions
    FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION identity.tell_session_revoked()
  `
  yield* sql`
    CREATE FUNCTION identity.tell_token_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('identity_changes', 'u ' || NEW.id || ' ' || NEW.token_version);
      RETURN NULL;
    END
    $$
  `
  yield* sql`
    CREATE TRIGGER users_tell_token_version AFTER UPDATE OF token_version ON identity.users
    FOR EACH ROW WHEN (OLD.token_version <> NEW.token_version)
    EXECUTE FUNCTION identity.tell_token_version()
  `
  yield* sql`
    CREATE FUNCTION identity.tell_signing_key() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('identity_changes', 'k ' || NEW.kid);
      RETURN NULL;
    END
    $$
  `
  yield* sql`
    CREATE TRIGGER signing_keys_tell AFTER INSERT ON identity.signing_keys
    FOR EACH ROW EXECUTE FUNCTION identity.tell_signing_key()
  `
})
