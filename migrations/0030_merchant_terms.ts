import { Effect } from "effect"
import { SqlClient } from "effect/sql"

const largest = "9007199254740991"

/** What is agreed with merchants, what their payments were charged by it, and what their quotas hold. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA merchant_terms`
  yield* sql`GRANT USAGE ON SCHEMA merchant_terms TO mall_pay, mall_pay_tenant`

  yield* sql`
    CREATE TABLE merchant_terms.versions (
      merchant_id uuid NOT NULL,
      subject text NOT NULL,
      version int NOT NULL,
      effective_from timestamptz NOT NULL,
      content jsonb NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT versions_pkey PRIMARY KEY (merchant_id, subject, version),
      CONSTRAINT versions_not_backdated CHECK (effective_from >= at)
    )
  `
  yield* sql`
    CREATE FUNCTION merchant_terms.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'merchant_terms.% keeps what was agreed: a change is a new version', TG_TABLE_NAME;
    END
    $$
  `
  yield* sql`
    CREATE TRIGGER versions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON merchant_terms.versions
    FOR EACH STATEMENT EXECUTE FUNCTION merchant_terms.refuse_change()
  `

  // By which the tiers are found. Waited for by the captures of one merchant and month, as the accounts of the ledger are.
  yield* sql`
    CREATE TABLE merchant_terms.volumes (
      merchant_id uuid NOT NULL,
      currency text NOT NULL,
      month text NOT NULL,
      amount bigint NOT NULL,
      CONSTRAINT volumes_pkey PRIMARY KEY (merchant_id, currency, month),
      CONSTRAINT volumes_in_range CHECK (amount >= 0)
    ) WITH (fillfactor = 50)
  `
  yield* sql`
    CREATE TABLE merchant_terms.fees (
      attempt_id uuid CONSTRAINT fees_pkey PRIMARY KEY,
      payment_id uuid NOT NULL,
      merchant_id uuid NOT NULL,
      channel text NOT NULL,
      currency text NOT NULL,
      amount bigint NOT NULL,
      plan_version int NOT NULL,
      rate jsonb NOT NULL,
      volume bigint NOT NULL,
      percent bigint NOT NULL,
      fixed bigint NOT NULL,
      fee bigint NOT NULL,
      returnable bigint NOT NULL,
      refunded bigint NOT NULL DEFAULT 0,
      returned bigint NOT NULL DEFAULT 0,
      at timestamptz NOT NULL,
      CONSTRAINT fees_returned_within_fee CHECK (returned >= 0 AND returned <= returnable AND returnable <= fee),
      CONSTRAINT fees_refunded_within_amount CHECK (refunded >= 0 AND refunded <= amount)
    )
  `
  yield* sql`CREATE INDEX fees_merchant_idx ON merchant_terms.fees (merchant_id, attempt_id DESC)`
  yield* sql`CREATE INDEX fees_payment_idx ON merchant_terms.fees (payment_id)`
  yield* sql`
    CREATE TABLE merchant_terms.fee_returns (
      refund_id uuid CONSTRAINT fee_returns_pkey PRIMARY KEY,
      attempt_id uuid NOT NULL CONSTRAINT fee_returns_fee_fkey REFERENCES merchant_terms.fees (attempt_id),
      amount bigint NOT NULL,
      fee bigint NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT fee_returns_amounts CHECK (amount > 0 AND fee >= 0)
    )
  `
  yield* sql`CREATE INDEX fee_returns_fee_idx ON merchant_terms.fee_returns (attempt_id)`

  // `key` names all the others: what waits for several counters takes them in its order.
  yield* sql`
    CREATE TABLE merchant_terms.quota_counters (
      key text COLLATE "C" CONSTRAINT quota_counters_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      currency text NOT NULL,
      period text NOT NULL,
      "window" text NOT NULL,
      held bigint NOT NULL DEFAULT 0,
      used bigint NOT NULL DEFAULT 0,
      CONSTRAINT quota_counters_period_known CHECK (period IN ('day', 'month')),
      CONSTRAINT quota_counters_in_range CHECK
        (held >= 0 AND used >= 0 AND held <= ${sql.literal(largest)} AND used <= ${sql.literal(largest)})
    ) WITH (fillfactor = 50)
  `
  yield* sql`CREATE INDEX quota_counters_merchant_idx ON merchant_terms.quota_counters (merchant_id)`
  yield* sql`
    CREATE TABLE merchant_terms.quota_holds (
      payment_id uuid CONSTRAINT quota_holds_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      currency text NOT NULL,
      amount bigint NOT NULL,
      day text COLLATE "C" NOT NULL CONSTRAINT quota_holds_day_fkey REFERENCES merchant_terms.quota_counters (key),
      month text COLLATE "C" NOT NULL CONSTRAINT quota_holds_month_fkey REFERENCES merchant_terms.quota_counters (key),
      returns_on_refund boolean NOT NULL,
      status text NOT NULL DEFAULT 'held',
      returned bigint NOT NULL DEFAULT 0,
      created_at timestamptz NOT NULL,
      settled_at timestamptz,
      CONSTRAINT quota_holds_amount_positive CHECK (amount > 0),
      CONSTRAINT quota_holds_status_known CHECK (status IN ('held', 'committed', 'released')),
      CONSTRAINT quota_holds_returned_of_used CHECK
        (returned BETWEEN 0 AND amount AND (returned = 0 OR status = 'committed')),
      CONSTRAINT quota_holds_settled CHECK ((status = 'held') = (settled_at IS NULL))
    )
  `
  yield* sql`CREATE INDEX quota_holds_day_idx ON merchant_terms.quota_holds (day)`
  yield* sql`CREATE INDEX quota_holds_month_idx ON merchant_terms.quota_holds (month)`

  for (const table of ["versions", "volumes", "fees", "quota_counters", "quota_holds"]) {
    const target = sql`merchant_terms.${sql(table)}`
    yield* sql`ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY`
    yield* sql`CREATE POLICY ${sql(`${table}_service`)} ON ${target} TO mall_pay USING (true)`
    yield* sql`
      CREATE POLICY ${sql(`${table}_tenant`)} ON ${target} TO mall_pay_tenant
      USING (merchant_id = (SELECT platform.tenant_merchant()))
    `
    // A merchant reads of their terms; what changes them is the platform's.
    yield* sql`GRANT SELECT ON ${target} TO mall_pay_tenant`
  }
  yield* sql`GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA merchant_terms TO mall_pay`
  yield* sql`REVOKE UPDATE ON merchant_terms.versions, merchant_terms.fee_returns FROM mall_pay`
})
