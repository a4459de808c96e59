import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** What merchants pay for disputes. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // `kept` is what was charged less what went back; each movement is in the ledger.
  yield* sql`
    CREATE TABLE merchant_terms.dispute_fees (
      dispute_id uuid CONSTRAINT dispute_fees_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      currency text NOT NULL,
      plan_version int NOT NULL,
      kept bigint NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT dispute_fees_kept_not_negative CHECK (kept >= 0)
    )
  `
  yield* sql`CREATE INDEX dispute_fees_merchant_idx ON merchant_terms.dispute_fees (merchant_id, dispute_id DESC)`
  yield* sql`ALTER TABLE merchant_terms.dispute_fees ENABLE ROW LEVEL SECURITY`
  yield* sql`CREATE POLICY dispute_fees_service ON merchant_terms.dispute_fees TO mall_pay USING (true)`
  yield* sql`
    CREATE POLICY dispute_fees_tenant ON merchant_terms.dispute_fees TO mall_pay_tenant
    USING (merchant_id = (SELECT platform.tenant_merchant()))
  `
  yield* sql`GRANT SELECT, INSERT, UPDATE ON merchant_terms.dispute_fees TO mall_pay`
  yield* sql`GRANT SELECT ON merchant_terms.dispute_fees TO mall_pay_tenant`
})
