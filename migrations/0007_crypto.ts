import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Money that comes and goes on a chain: whose address it came to, what came, and what we sent. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // An index that was drawn and not used is a hole, which does no harm; one used twice would mix two buyers' money.
  yield* sql`CREATE SEQUENCE payments.crypto_deposit_indexes AS int MINVALUE 0 START 0 NO CYCLE`
  yield* sql`
    CREATE TABLE payments.crypto_deposits (
      attempt_id uuid CONSTRAINT crypto_deposits_pkey PRIMARY KEY,
      derivation_index int NOT NULL,
      chain_id bigint NOT NULL,
      token text NOT NULL,
      address text NOT NULL,
      amount bigint NOT NULL,
      from_block bigint NOT NULL,
      created_at timestamptz NOT NULL,
      closed_at timestamptz,
      paid_at timestamptz,
      told_at timestamptz,
      CONSTRAINT crypto_deposits_index_key UNIQUE (derivation_index),
      CONSTRAINT crypto_deposits_address_key UNIQUE (address),
      CONSTRAINT crypto_deposits_amount_positive CHECK (amount > 0)
    )
  `
  yield* sql`CREATE INDEX crypto_deposits_watched_idx ON payments.crypto_deposits (chain_id, token, created_at)`
  yield* sql`
    CREATE INDEX crypto_deposits_untold_idx ON payments.crypto_deposits (paid_at)
    WHERE paid_at IS NOT NULL AND told_at IS NULL`

  // Only what is final is stored. Each row is credited or returned once, and never deleted.
  yield* sql`
    CREATE TABLE payments.crypto_transfers (
      chain_id bigint NOT NULL,
      tx_hash text NOT NULL,
      log_index int NOT NULL,
      block_number bigint NOT NULL,
      block_hash text NOT NULL,
      block_at timestamptz NOT NULL,
      token text NOT NULL,
      sender text NOT NULL,
      recipient text NOT NULL,
      amount numeric(78, 0) NOT NULL,
      disposition text,
      vanished_at timestamptz,
      CONSTRAINT crypto_transfers_pkey PRIMARY KEY (chain_id, tx_hash, log_index),
      CONSTRAINT crypto_transfers_amount_positive CHECK (amount > 0),
      CONSTRAINT crypto_transfers_disposition_known CHECK (disposition IN ('credited', 'returned'))
    )
  `
  yield* sql`CREATE INDEX crypto_transfers_recipient_idx ON payments.crypto_transfers (recipient)`
  yield* sql`CREATE INDEX crypto_transfers_block_idx ON payments.crypto_transfers (chain_id, block_number)`

  yield* sql`
    CREATE TABLE payments.crypto_cursors (
      chain_id bigint NOT NULL,
      token text NOT NULL,
      block_number bigint NOT NULL,
      block_hash text NOT NULL,
      CONSTRAINT crypto_cursors_pkey PRIMARY KEY (chain_id, token)
    )
  `

  yield* sql`
    CREATE TABLE payments.crypto_wallets (
      chain_id bigint NOT NULL,
      address text NOT NULL,
      next_nonce bigint NOT NULL,
      CONSTRAINT crypto_wallets_pkey PRIMARY KEY (chain_id, address)
    )
  `

  // The key says what it is for, so that nothing is sent twice; the signed bytes are kept before they are sent.
  yield* sql`
    CREATE TABLE payments.crypto_payouts (
      key text CONSTRAINT crypto_payouts_pkey PRIMARY KEY,
      chain_id bigint NOT NULL,
      token text NOT NULL,
      recipient text NOT NULL,
      amount numeric(78, 0) NOT NULL,
      status text NOT NULL,
      signer text,
      nonce bigint,
      raw text,
      tx_hash text,
      created_at timestamptz NOT NULL,
      CONSTRAINT crypto_payouts_nonce_key UNIQUE (chain_id, signer, nonce),
      CONSTRAINT crypto_payouts_amount_positive CHECK (amount > 0),
      CONSTRAINT crypto_payouts_status_known CHECK (status IN ('pending', 'signed', 'confirmed', 'reverted')),
      CONSTRAINT crypto_payouts_signed_whole CHECK
        ((status = 'pending') = (raw IS NULL) AND (raw IS NULL) = (nonce IS NULL) AND (raw IS NULL) = (tx_hash IS NULL))
    )
  `
  yield* sql`
    CREATE INDEX crypto_payouts_open_idx ON payments.crypto_payouts (created_at) WHERE status IN ('pending', 'signed')`
})
