import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Deposits that are gathered: by which contract an address is made, what was gathered from it, and what our transactions cost. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // null: an address below the extended public key, whose tokens only the holder of the seed can move
  yield* sql`ALTER TABLE payments.crypto_deposits ADD COLUMN forwarders text`
  yield* sql`
    CREATE INDEX crypto_deposits_forwarders_idx ON payments.crypto_deposits (forwarders, created_at)
    WHERE forwarders IS NOT NULL`
  // a call of the contract in the place of a transfer; the cost in the chain's own coin, in its smallest unit
  yield* sql`
    ALTER TABLE payments.crypto_payouts
      ADD COLUMN call text,
      ADD COLUMN gas bigint,
      ADD COLUMN cost numeric(78, 0),
      ADD CONSTRAINT crypto_payouts_call_whole CHECK ((call IS NULL) = (gas IS NULL)),
      ADD CONSTRAINT crypto_payouts_cost_not_negative CHECK (cost >= 0)`
  yield* sql`
    CREATE UNIQUE INDEX crypto_payouts_gathering_key ON payments.crypto_payouts (chain_id)
    WHERE call IS NOT NULL AND status IN ('pending', 'signed')`
  yield* sql`
    CREATE TABLE payments.crypto_gathered (
      key text NOT NULL CONSTRAINT crypto_gathered_payout_fkey REFERENCES payments.crypto_payouts (key),
      address text NOT NULL,
      amount numeric(78, 0) NOT NULL,
      CONSTRAINT crypto_gathered_pkey PRIMARY KEY (key, address),
      CONSTRAINT crypto_gathered_amount_positive CHECK (amount > 0)
    )`
  yield* sql`CREATE INDEX crypto_gathered_address_idx ON payments.crypto_gathered (address)`
  yield* sql`REVOKE UPDATE, DELETE ON payments.crypto_gathered FROM mall_pay`
})
