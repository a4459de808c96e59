import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Codes by mail, one-time passwords, known devices, the history of sign-ins, and when a session last proved its owner. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // `key` and `email_key` are keyed hashes: nobody's email is kept for having been asked with, and a code cannot be found
  // from its hash without the installation's secret.
  yield* sql`
    CREATE TABLE identity.email_codes (
      id uuid CONSTRAINT email_codes_pkey PRIMARY KEY,
      key bytea NOT NULL,
      email_key bytea NOT NULL,
      code_hash bytea NOT NULL,
      tries integer NOT NULL,
      sent_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      used_at timestamptz,
      CONSTRAINT email_codes_hashes_check CHECK (
        octet_length(key) = 32 AND octet_length(email_key) = 32 AND octet_length(code_hash) = 32
      )
    )
  `
  yield* sql`CREATE INDEX email_codes_key_idx ON identity.email_codes (key, sent_at)`
  yield* sql`CREATE INDEX email_codes_email_key_idx ON identity.email_codes (email_key, sent_at)`
  yield* sql`CREATE INDEX email_codes_expires_at_idx ON identity.email_codes (expires_at)`

  // Which mails the mail server has taken, so that a message that comes again sends no second one.
  yield* sql`
    CREATE TABLE identity.sent_mails (
      id uuid CONSTRAINT sent_mails_pkey PRIMARY KEY,
      sent_at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX sent_mails_sent_at_idx ON identity.sent_mails (sent_at)`

  // `sealed_secret` is encrypted under a secret that is not in the database. `last_step` is the newest time step that a
  // password was accepted for: each counts once, and none that is older.
  yield* sql`
    CREATE TABLE identity.totp_credentials (
      user_id uuid CONSTRAINT totp_credentials_pkey PRIMARY KEY
        CONSTRAINT totp_credentials_user_id_fkey REFERENCES identity.users (id),
      sealed_secret bytea NOT NULL,
      last_step bigint NOT NULL,
      created_at timestamptz NOT NULL,
      confirmed_at timestamptz
    )
  `
  yield* sql`
    CREATE TABLE identity.recovery_codes (
      user_id uuid NOT NULL CONSTRAINT recovery_codes_user_id_fkey REFERENCES identity.users (id),
      code_hash bytea NOT NULL,
      created_at timestamptz NOT NULL,
      used_at timestamptz,
      CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, code_hash)
    )
  `

  // Where the owner signed in before: a guesser elsewhere does not lock it. Until `trusted_until` no code by mail is asked
  // for there, since one was given. `key` is a keyed hash of the email and the client's name for the device.
  yield* sql`
    CREATE TABLE identity.known_devices (
      key bytea CONSTRAINT known_devices_pkey PRIMARY KEY,
      user_id uuid NOT NULL CONSTRAINT known_devices_user_id_fkey REFERENCES identity.users (id),
      trusted_until timestamptz,
      last_used_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT known_devices_key_check CHECK (octet_length(key) = 32)
    )
  `
  yield* sql`CREATE INDEX known_devices_user_id_idx ON identity.known_devices (user_id)`
  yield* sql`CREATE INDEX known_devices_expires_at_idx ON identity.known_devices (expires_at)`

  // `user_id` is null where nobody has the email that was tried.
  yield* sql`
    CREATE TABLE identity.logins (
      id uuid CONSTRAINT logins_pkey PRIMARY KEY,
      user_id uuid CONSTRAINT logins_user_id_fkey REFERENCES identity.users (id),
      outcome text NOT NULL,
      network text,
      country text,
      device_id text,
      user_agent text,
      trace_id text,
      created_at timestamptz NOT NULL,
      CONSTRAINT logins_outcome_check CHECK (outcome IN (
        'succeeded', 'wrong_password', 'banned', 'code_required', 'wrong_code', 'mfa_required', 'wrong_mfa'
      )),
      CONSTRAINT logins_country_check CHECK (country ~ '^[A-Z]{2}$')
    )
  `
  yield* sql`CREATE INDEX logins_user_id_idx ON identity.logins (user_id, id)`
  yield* sql`
    CREATE INDEX logins_countries_idx ON identity.logins (user_id, country)
    WHERE outcome = 'succeeded' AND country IS NOT NULL
  `
  yield* sql`CREATE INDEX logins_created_at_idx ON identity.logins (created_at)`

  // When the owner last proved to be the one who holds the session, and with what.
  yield* sql`
    ALTER TABLE identity.sessions ADD COLUMN proved_at timestamptz, ADD COLUMN proof text,
      ADD CONSTRAINT sessions_proof_check CHECK ((proved_at IS NULL) = (proof IS NULL) AND proof IN ('password', 'mfa'))
  `
})
