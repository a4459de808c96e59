import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Keys with which merchants' servers call, the nonces of what they signed, and what was done to the keys by whom; and how people
 * sign in by identity providers.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    CREATE TABLE identity.api_keys (
      id uuid CONSTRAINT api_keys_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      name text NOT NULL,
      prefix text NOT NULL,
      method text NOT NULL,
      scopes text[] NOT NULL,
      allowed_networks text[] NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz,
      last_used_at timestamptz,
      revoked_at timestamptz,
      CONSTRAINT api_keys_method_known CHECK (method IN ('secret', 'signature')),
      CONSTRAINT api_keys_scopes_some CHECK (cardinality(scopes) > 0)
    )
  `
  yield* sql`CREATE INDEX api_keys_merchant_idx ON identity.api_keys (merchant_id, id)`

  // While a rotation overlaps a key has several. A secret that is sent is kept as its SHA-256: it is 256 random bits and needs
  // no salt. One that signs must be computed with, so it is encrypted under a secret that is not in the database.
  yield* sql`
    CREATE TABLE identity.api_key_secrets (
      id uuid CONSTRAINT api_key_secrets_pkey PRIMARY KEY,
      key_id uuid NOT NULL CONSTRAINT api_key_secrets_key_fkey REFERENCES identity.api_keys (id),
      hash bytea,
      sealed bytea,
      created_at timestamptz NOT NULL,
      ends_at timestamptz,
      CONSTRAINT api_key_secrets_hash_or_sealed CHECK (num_nonnulls(hash, sealed) = 1),
      CONSTRAINT api_key_secrets_hash_length CHECK (octet_length(hash) = 32)
    )
  `
  yield* sql`CREATE INDEX api_key_secrets_key_idx ON identity.api_key_secrets (key_id)`
  yield* sql`CREATE UNIQUE INDEX api_key_secrets_one_current_key ON identity.api_key_secrets (key_id) WHERE ends_at IS NULL`

  yield* sql`
    CREATE TABLE identity.api_key_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT api_key_history_pkey PRIMARY KEY,
      key_id uuid NOT NULL CONSTRAINT api_key_history_key_fkey REFERENCES identity.api_keys (id),
      change text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT api_key_history_change_known CHECK (change IN ('created', 'rotated', 'revoked'))
    )
  `
  yield* sql`CREATE INDEX api_key_history_key_idx ON identity.api_key_history (key_id, id)`

  // A signed request is good once: its nonce is kept as long as its timestamp would be taken.
  yield* sql`
    CREATE TABLE identity.request_nonces (
      key_id uuid NOT NULL,
      nonce text NOT NULL,
      ends_at timestamptz NOT NULL,
      CONSTRAINT request_nonces_pkey PRIMARY KEY (key_id, nonce)
    )
  `
  yield* sql`CREATE INDEX request_nonces_ends_idx ON identity.request_nonces (ends_at)`

  // The listener of identity reads: "a <key id>".
  yield* sql`
    CREATE FUNCTION identity.tell_api_key() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('identity_changes', 'a ' || NEW.id);
      RETURN NULL;
    END
    $$
  `
  yield* sql`
    CREATE TRIGGER api_keys_tell AFTER INSERT OR UPDATE OF revoked_at, expires_at, scopes, allowed_networks
    ON identity.api_keys FOR EACH ROW EXECUTE FUNCTION identity.tell_api_key()
  `
  yield* sql`
    CREATE FUNCTION identity.tell_api_key_secret() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('identity_changes', 'a ' || NEW.key_id);
      RETURN NULL;
    END
    $$
  `
  yield* sql`
    CREATE TRIGGER api_key_secrets_tell AFTER INSERT OR UPDATE ON identity.api_key_secrets
    FOR EACH ROW EXECUTE FUNCTION identity.tell_api_key_secret()
  `

  // Of a sign-in under way only hashes: of the state that travels through the provider, and of the secret that the browser keeps.
  yield* sql`
    CREATE TABLE identity.provider_sign_ins (
      state_hash bytea CONSTRAINT provider_sign_ins_pkey PRIMARY KEY,
      browser_hash bytea NOT NULL,
      provider text NOT NULL,
      user_id uuid CONSTRAINT provider_sign_ins_user_fkey REFERENCES identity.users (id),
      ends_at timestamptz NOT NULL,
      CONSTRAINT provider_sign_ins_hashes CHECK (octet_length(state_hash) = 32 AND octet_length(browser_hash) = 32)
    )
  `
  yield* sql`CREATE INDEX provider_sign_ins_ends_idx ON identity.provider_sign_ins (ends_at)`

  yield* sql`
    CREATE TABLE identity.provider_identities (
      issuer text NOT NULL,
      subject text NOT NULL,
      provider text NOT NULL,
      user_id uuid NOT NULL CONSTRAINT provider_identities_user_fkey REFERENCES identity.users (id),
      opened_account boolean NOT NULL,
      linked_at timestamptz NOT NULL,
      CONSTRAINT provider_identities_pkey PRIMARY KEY (issuer, subject),
      CONSTRAINT provider_identities_one_per_provider_key UNIQUE (user_id, provider)
    )
  `
})
