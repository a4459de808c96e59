import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Email addresses are sealed like other personal data, and accounts found by keyed digests of them. Rows of before stay in the
 * clear, and unique among themselves, until the sweep `personal_data` seals them; a new one is sealed from the start.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE identity.users ADD COLUMN personal_data bytea, ADD COLUMN personal_data_key text DEFAULT ''`
  yield* sql`UPDATE identity.users SET personal_data_key = NULL WHERE deleted_at IS NOT NULL`
  // Without the default a server of before, which knows no digests, opens no account that could have another's address.
  yield* sql`
    ALTER TABLE identity.users
      ALTER COLUMN personal_data_key DROP DEFAULT,
      DROP CONSTRAINT users_email_key,
      DROP CONSTRAINT users_deleted_check,
      ADD CONSTRAINT users_personal_data_check
        CHECK ((personal_data IS NULL) = (coalesce(personal_data_key, '') = '')),
      ADD CONSTRAINT users_deleted_check CHECK (
        CASE WHEN deleted_at IS NULL
          THEN password_hash IS NOT NULL AND personal_data_key IS NOT NULL AND num_nonnulls(email, personal_data) = 1
          ELSE num_nonnulls(email, personal_data, personal_data_key, password_hash, avatar_url) = 0 AND name = ''
        END
      )
  `
  yield* sql`DROP INDEX identity.users_email_prefix_idx`
  yield* sql`CREATE UNIQUE INDEX users_email_key ON identity.users (email) WHERE email IS NOT NULL`
  yield* sql`CREATE INDEX users_personal_data_key_idx ON identity.users (personal_data_key)`

  // One entry for each key that whoever wrote the account had, so that two accounts of one address collide whichever key is in use.
  yield* sql`
    CREATE TABLE identity.email_indexes (
      digest bytea CONSTRAINT email_indexes_pkey PRIMARY KEY,
      key_id text NOT NULL,
      user_id uuid NOT NULL CONSTRAINT email_indexes_user_id_fkey REFERENCES identity.users (id),
      CONSTRAINT email_indexes_digest_check CHECK (octet_length(digest) = 32)
    )
  `
  yield* sql`CREATE INDEX email_indexes_user_id_idx ON identity.email_indexes (user_id)`
  yield* sql`CREATE INDEX email_indexes_key_id_idx ON identity.email_indexes (key_id)`

  // Messages about codes named the address. The codes last for minutes: who waits for one asks again.
  yield* sql`
    DELETE FROM outbox WHERE queue_name = 'sign_in_mail.identity' AND element::jsonb -> 'message' ->> '_tag' = 'Code'
  `
  // Counters of failed logins went by a plain hash of the address, which tells it to who guesses it.
  yield* sql`DELETE FROM identity.login_throttles WHERE key LIKE 'account:%'`
})
