import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Tokens by which our services call each other. What was done to them by whom, and why, is in the audit trail. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Of a token only its SHA-256: it is 256 random bits and needs no salt.
  yield* sql`
    CREATE TABLE identity.service_tokens (
      id uuid CONSTRAINT service_tokens_pkey PRIMARY KEY,
      calling_service text NOT NULL,
      called_service text NOT NULL,
      hash bytea NOT NULL CONSTRAINT service_tokens_hash_key UNIQUE,
      created_at timestamptz NOT NULL,
      created_by text NOT NULL,
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      CONSTRAINT service_tokens_hash_length CHECK (octet_length(hash) = 32)
    )
  `
  yield* sql`
    CREATE INDEX service_tokens_services_idx ON identity.service_tokens (calling_service, called_service, id)
  `

  // The listener of identity reads: "t <token id>".
  yield* sql`
    CREATE FUNCTION identity.tell_service_token() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('identity_changes', 't ' || NEW.id);
      RETURN NULL;
    END
    $$
  `
  yield* sql`
    CREATE TRIGGER service_tokens_tell AFTER INSERT OR UPDATE ON identity.service_tokens
    FOR EACH ROW EXECUTE FUNCTION identity.tell_service_token()
  `
})
