import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Money that came in part, and transfers that are signed again at a higher price. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // What came to a try so far, where that is less than it asks for. It is no capture.
  yield* sql`
    ALTER TABLE payments.attempts ADD COLUMN received bigint NOT NULL DEFAULT 0
      CONSTRAINT attempts_received_not_negative CHECK (received >= 0)`
  yield* sql`
    ALTER TABLE payments.crypto_deposits ADD COLUMN told_received bigint NOT NULL DEFAULT 0
      CONSTRAINT crypto_deposits_told_not_negative CHECK (told_received >= 0)`

  // Every signature there ever was of a payout, each kept before it is sent. All of one payout have one nonce, recipient and
  // amount, so that the chain takes at most one of them, whichever.
  yield* sql`
    CREATE TABLE payments.crypto_signings (
      key text NOT NULL CONSTRAINT crypto_signings_payout_fkey REFERENCES payments.crypto_payouts (key),
      version int NOT NULL,
      nonce bigint NOT NULL,
      raw text NOT NULL,
      tx_hash text NOT NULL,
      max_fee_per_gas numeric(78, 0) NOT NULL,
      max_priority_fee_per_gas numeric(78, 0) NOT NULL,
      reason text NOT NULL,
      trace_id text,
      signed_at timestamptz NOT NULL,
      CONSTRAINT crypto_signings_pkey PRIMARY KEY (key, version),
      CONSTRAINT crypto_signings_hash_key UNIQUE (tx_hash),
      CONSTRAINT crypto_signings_version_positive CHECK (version > 0),
      CONSTRAINT crypto_signings_fees_positive CHECK (max_fee_per_gas > 0 AND max_priority_fee_per_gas >= 0)
    )
  `
  // Written once, for everybody but who owns it.
  yield* sql`REVOKE UPDATE, DELETE ON payments.crypto_signings FROM mall_pay`

  // Deposit addresses are numbered from a sequence, and those of a table's own columns are not the only ones.
  yield* sql`GRANT USAGE ON SEQUENCE payments.crypto_deposit_indexes TO mall_pay`
  yield* sql`ALTER DEFAULT PRIVILEGES IN SCHEMA payments GRANT USAGE ON SEQUENCES TO mall_pay`
})
