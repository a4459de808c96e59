import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Merchants' own accounts at the channels, and through whose account a try went. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // A version is never changed: a new one takes its place, it serves its own tries as a former one, and once it is retired
  // its secrets are gone and the row tells what there was.
  yield* sql`
    CREATE TABLE payments.channel_credentials (
      id uuid CONSTRAINT channel_credentials_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      channel text NOT NULL,
      version int NOT NULL,
      account text NOT NULL,
      masked jsonb NOT NULL,
      key_id text NOT NULL,
      sealed bytea,
      created_at timestamptz NOT NULL,
      superseded_at timestamptz,
      retired_at timestamptz,
      CONSTRAINT channel_credentials_version_key UNIQUE (merchant_id, channel, version),
      CONSTRAINT channel_credentials_version_positive CHECK (version > 0),
      CONSTRAINT channel_credentials_retired_when_superseded CHECK (retired_at IS NULL OR superseded_at IS NOT NULL),
      CONSTRAINT channel_credentials_sealed_until_retired CHECK ((sealed IS NULL) = (retired_at IS NOT NULL))
    )
  `
  yield* sql`
    CREATE UNIQUE INDEX channel_credentials_one_current_key ON payments.channel_credentials (merchant_id, channel)
    WHERE superseded_at IS NULL
  `
  yield* sql`CREATE INDEX channel_credentials_key_idx ON payments.channel_credentials (key_id) WHERE sealed IS NOT NULL`

  yield* sql`
    CREATE TABLE payments.channel_credential_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT channel_credential_history_pkey PRIMARY KEY,
      credential_id uuid NOT NULL CONSTRAINT channel_credential_history_credential_fkey
        REFERENCES payments.channel_credentials (id),
      change text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT channel_credential_history_change_known CHECK (change IN ('set', 'superseded', 'removed', 'retired'))
    )
  `
  yield* sql`
    CREATE INDEX channel_credential_history_credential_idx ON payments.channel_credential_history (credential_id, id)
  `

  // Null: the platform's account.
  yield* sql`
    ALTER TABLE payments.attempts ADD COLUMN credential_id uuid CONSTRAINT attempts_credential_fkey
      REFERENCES payments.channel_credentials (id)
  `
  yield* sql`
    CREATE INDEX attempts_credential_idx ON payments.attempts (credential_id) WHERE credential_id IS NOT NULL
  `
  // A merchant who signs with a secret of their own must not be able to take a number from another's try.
  yield* sql`DROP INDEX payments.attempts_channel_reference_key`
  yield* sql`
    CREATE UNIQUE INDEX attempts_channel_reference_key ON payments.attempts (channel, credential_id, channel_reference)
    NULLS NOT DISTINCT WHERE channel_reference IS NOT NULL
  `
  // The merchant to whose own account a notice came; null: the platform's.
  yield* sql`ALTER TABLE payments.callback_inbox ADD COLUMN merchant_id uuid`
})
