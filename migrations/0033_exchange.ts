import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** One currency for another: rates and who approved them, what the platform keeps, how far it goes, and quotes. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // What a source said at a time never changes: a correction is another row of the same time, fetched later.
  yield* sql`
    CREATE TABLE treasury.fx_rates (
      id uuid CONSTRAINT fx_rates_pkey PRIMARY KEY,
      source text NOT NULL,
      base text NOT NULL,
      quote text NOT NULL,
      rate numeric NOT NULL,
      valid_from timestamptz NOT NULL,
      fetched_at timestamptz NOT NULL,
      held_for text,
      proposed_by text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      CONSTRAINT fx_rates_source_known CHECK (source IN ('ecb', 'manual')),
      CONSTRAINT fx_rates_pair_of_two CHECK (base <> quote),
      CONSTRAINT fx_rates_positive CHECK (rate > 0),
      CONSTRAINT fx_rates_manual_held CHECK (source <> 'manual' OR held_for IS NOT NULL),
      CONSTRAINT fx_rates_proposer_key UNIQUE (id, proposed_by)
    )
  `
  yield* sql`
    CREATE UNIQUE INDEX fx_rates_fetched_once_key ON treasury.fx_rates (base, quote, valid_from, rate) WHERE source = 'ecb'
  `
  yield* sql`CREATE INDEX fx_rates_newest_idx ON treasury.fx_rates (source, base, quote, valid_from DESC, id DESC)`

  // Whoever reaches the table in whatever way: nobody approves the rate that they brought.
  yield* sql`
    CREATE TABLE treasury.fx_rate_decisions (
      rate_id uuid CONSTRAINT fx_rate_decisions_pkey PRIMARY KEY,
      proposed_by text NOT NULL,
      is_approved boolean NOT NULL,
      decided_by text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT fx_rate_decisions_rate_fkey FOREIGN KEY (rate_id, proposed_by)
        REFERENCES treasury.fx_rates (id, proposed_by),
      CONSTRAINT fx_rate_decisions_two_persons CHECK (NOT is_approved OR decided_by <> proposed_by)
    )
  `

  // A pair is written in one order, whichever way is exchanged.
  yield* sql`
    CREATE TABLE treasury.fx_spreads (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT fx_spreads_pkey PRIMARY KEY,
      first text,
      second text,
      merchant_id uuid,
      basis_points int NOT NULL,
      effective_from timestamptz NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT fx_spreads_pair_in_order CHECK ((first IS NULL) = (second IS NULL) AND (first IS NULL OR first < second)),
      CONSTRAINT fx_spreads_bounded CHECK (basis_points BETWEEN 0 AND 2000)
    )
  `
  yield* sql`CREATE INDEX fx_spreads_of_idx ON treasury.fx_spreads (merchant_id, first, second, effective_from DESC)`

  yield* sql`
    CREATE TABLE treasury.fx_limits (
      currency text CONSTRAINT fx_limits_pkey PRIMARY KEY,
      max_short bigint NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      at timestamptz NOT NULL,
      CONSTRAINT fx_limits_whole CHECK (max_short BETWEEN 0 AND 9007199254740991)
    )
  `

  yield* sql`
    CREATE TABLE treasury.fx_quotes (
      id uuid CONSTRAINT fx_quotes_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      side text NOT NULL,
      sell_currency text NOT NULL,
      sell_amount bigint NOT NULL,
      buy_currency text NOT NULL,
      buy_amount bigint NOT NULL,
      fee bigint NOT NULL,
      rounding bigint NOT NULL,
      rate numeric NOT NULL,
      spread_basis_points int NOT NULL,
      rate_ids uuid[] NOT NULL,
      created_by text NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      accepted_by text,
      accepted_at timestamptz,
      trace_id text,
      CONSTRAINT fx_quotes_side_known CHECK (side IN ('sell', 'buy')),
      CONSTRAINT fx_quotes_pair_of_two CHECK (sell_currency <> buy_currency),
      CONSTRAINT fx_quotes_amounts CHECK (sell_amount > 0 AND buy_amount > 0 AND fee >= 0 AND rounding >= 0),
      CONSTRAINT fx_quotes_accepted CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
      CONSTRAINT fx_quotes_accepted_in_time CHECK (accepted_at < expires_at)
    )
  `
  yield* sql`
    CREATE INDEX fx_quotes_converted_idx ON treasury.fx_quotes (merchant_id, id) WHERE accepted_at IS NOT NULL
  `
  yield* sql`CREATE INDEX fx_quotes_lapsed_idx ON treasury.fx_quotes (expires_at) WHERE accepted_at IS NULL`

  yield* sql`GRANT USAGE ON SCHEMA treasury TO mall_pay_tenant`
  yield* sql`
    GRANT SELECT, INSERT, UPDATE, DELETE ON treasury.fx_rates, treasury.fx_rate_decisions, treasury.fx_spreads,
      treasury.fx_limits, treasury.fx_quotes TO mall_pay
  `
  yield* sql`GRANT USAGE ON ALL SEQUENCES IN SCHEMA treasury TO mall_pay`
  // What was said and decided is written once.
  yield* sql`
    REVOKE UPDATE, DELETE ON treasury.fx_rates, treasury.fx_rate_decisions, treasury.fx_spreads FROM mall_pay
  `

  for (const table of ["fx_spreads", "fx_quotes"] as const) {
    yield* sql`ALTER TABLE treasury.${sql(table)} ENABLE ROW LEVEL SECURITY`
    yield* sql`CREATE POLICY ${sql(`${table}_service`)} ON treasury.${sql(table)} TO mall_pay USING (true)`
    yield* sql`
      CREATE POLICY ${sql(`${table}_tenant`)} ON treasury.${sql(table)} TO mall_pay_tenant
      USING (merchant_id = (SELECT platform.tenant_merchant()))
    `
  }
  yield* sql`GRANT SELECT ON treasury.fx_quotes TO mall_pay_tenant`
})
