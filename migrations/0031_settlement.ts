import { Effect, Layer } from "effect"
import { SqlMessageStorage, SqlRunnerStorage } from "effect/cluster"
import { SqlClient } from "effect/sql"

/** Settlements and their terms, and the tables in which durable workflows are kept. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // A change is a new row: of those in force the newest counts. Without a merchant it is the default of the platform.
  yield* sql`
    CREATE TABLE treasury.settlement_terms (
      id uuid CONSTRAINT settlement_terms_pkey PRIMARY KEY,
      merchant_id uuid,
      currency text NOT NULL,
      cycle jsonb NOT NULL,
      time_zone text NOT NULL,
      calendar text NOT NULL,
      minimum bigint NOT NULL,
      is_paid_out boolean NOT NULL,
      reserve_basis_points int NOT NULL,
      reserve_days int NOT NULL,
      effective_from timestamptz NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT settlement_terms_minimum_sound CHECK (minimum >= 0),
      CONSTRAINT settlement_terms_reserve_sound
        CHECK (reserve_basis_points BETWEEN 0 AND 10000 AND reserve_days BETWEEN 0 AND 540),
      CONSTRAINT settlement_terms_never_past CHECK (effective_from >= at)
    )
  `
  yield* sql`
    CREATE INDEX settlement_terms_merchant_idx ON treasury.settlement_terms (currency, merchant_id, effective_from, id)
  `
  yield* sql`
    CREATE TABLE treasury.business_calendars (
      name text NOT NULL,
      version int NOT NULL,
      weekend int[] NOT NULL,
      days jsonb NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT business_calendars_pkey PRIMARY KEY (name, version)
    )
  `

  // How far a merchant is settled, and when to look again. Whoever begins a settlement or gathers for it holds the row.
  yield* sql`
    CREATE TABLE treasury.settlement_schedules (
      merchant_id uuid NOT NULL,
      currency text NOT NULL,
      opened_at timestamptz NOT NULL,
      settled_through timestamptz,
      next_due_at timestamptz NOT NULL,
      CONSTRAINT settlement_schedules_pkey PRIMARY KEY (merchant_id, currency)
    )
  `
  yield* sql`CREATE INDEX settlement_schedules_due_idx ON treasury.settlement_schedules (next_due_at)`
  yield* sql`CREATE INDEX settlement_schedules_opened_idx ON treasury.settlement_schedules (opened_at)`

  yield* sql`
    CREATE TABLE treasury.settlements (
      id uuid CONSTRAINT settlements_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      currency text NOT NULL,
      cut_off timestamptz NOT NULL,
      gathered_from timestamptz,
      terms jsonb NOT NULL,
      status text NOT NULL,
      attempt int NOT NULL,
      lines jsonb,
      carried_from uuid,
      carried_in bigint,
      net bigint,
      reserve bigint,
      settled bigint,
      carried_out bigint,
      reserve_release_at timestamptz,
      reserve_released_at timestamptz,
      payout_id uuid,
      payout_note text,
      failure text,
      notified_at timestamptz,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT settlements_cut_off_key UNIQUE (merchant_id, currency, cut_off),
      CONSTRAINT settlements_carried_once UNIQUE (carried_from),
      CONSTRAINT settlements_carried_from_fkey FOREIGN KEY (carried_from) REFERENCES treasury.settlements (id),
      CONSTRAINT settlements_status_known
        CHECK (status IN ('requested', 'gathered', 'stated', 'settled', 'carried', 'failed')),
      CONSTRAINT settlements_stated CHECK (status NOT IN ('stated', 'settled', 'carried') OR num_nulls(net, settled) = 0),
      CONSTRAINT settlements_adds_up CHECK (net = settled + reserve + carried_out),
      CONSTRAINT settlements_sums_sound CHECK (settled >= 0 AND reserve >= 0),
      CONSTRAINT settlements_failure_told CHECK ((status = 'failed') = (failure IS NOT NULL))
    )
  `
  yield* sql`
    CREATE UNIQUE INDEX settlements_one_under_way_key ON treasury.settlements (merchant_id, currency)
    WHERE status IN ('requested', 'gathered', 'stated')
  `
  yield* sql`CREATE INDEX settlements_merchant_idx ON treasury.settlements (merchant_id, currency, id)`
  yield* sql`
    CREATE INDEX settlements_reserve_idx ON treasury.settlements (reserve_release_at)
    WHERE reserve > 0 AND reserve_released_at IS NULL AND status = 'settled'
  `

  // The key is what keeps an entry of the books from being settled twice, whoever gathers.
  yield* sql`
    CREATE TABLE treasury.settlement_items (
      entry_id bigint CONSTRAINT settlement_items_pkey PRIMARY KEY,
      settlement_id uuid NOT NULL
        CONSTRAINT settlement_items_settlement_fkey REFERENCES treasury.settlements (id),
      transfer_id uuid NOT NULL,
      purpose text NOT NULL,
      subject text,
      amount bigint NOT NULL,
      at timestamptz NOT NULL
    )
  `
  yield* sql`
    CREATE INDEX settlement_items_settlement_idx ON treasury.settlement_items (settlement_id, entry_id)
  `
  yield* sql`
    CREATE TABLE treasury.settlement_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT settlement_history_pkey PRIMARY KEY,
      settlement_id uuid NOT NULL
        CONSTRAINT settlement_history_settlement_fkey REFERENCES treasury.settlements (id),
      from_status text,
      to_status text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX settlement_history_settlement_idx ON treasury.settlement_history (settlement_id, id)`

  yield* statementsStay(sql)
  yield* guard(sql)
  yield* workflowTables(sql)
})

/** What a statement says stays while it counts, whoever writes: of a failed one nothing counts. */
const statementsStay = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  yield* sql`
    CREATE FUNCTION treasury.keep_statement() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF (OLD.merchant_id, OLD.currency, OLD.cut_off) IS DISTINCT FROM (NEW.merchant_id, NEW.currency, NEW.cut_off)
        OR OLD.status IN ('stated', 'settled', 'carried') AND NEW.status <> 'failed'
          AND (OLD.lines, OLD.carried_in, OLD.net, OLD.reserve, OLD.settled, OLD.carried_out)
            IS DISTINCT FROM (NEW.lines, NEW.carried_in, NEW.net, NEW.reserve, NEW.settled, NEW.carried_out)
      THEN
        RAISE EXCEPTION 'the statement of a settlement stays as it is'
          USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'settlements_statement_kept';
      END IF;
      RETURN NEW;
    END $$
  `
  yield* sql`
    CREATE TRIGGER settlements_statement_kept BEFORE UPDATE ON treasury.settlements
    FOR EACH ROW EXECUTE FUNCTION treasury.keep_statement()
  `
})

const guard = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const merchant = "merchant_id = (SELECT platform.tenant_merchant())"
  const ofSettlement = (child: string) =>
    `EXISTS (SELECT FROM treasury.settlements AS parent WHERE parent.id = treasury.${child}.settlement_id)`
  yield* sql`GRANT USAGE ON SCHEMA treasury TO mall_pay_tenant`
  const policies = {
    settlement_terms: `(merchant_id IS NULL OR ${merchant})`,
    settlement_schedules: merchant,
    settlements: merchant,
    settlement_items: ofSettlement("settlement_items"),
    settlement_history: ofSettlement("settlement_history")
  }
  for (const [name, isOwn] of Object.entries(policies)) {
    const table = sql`treasury.${sql(name)}`
    yield* sql`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`
    yield* sql`CREATE POLICY ${sql(`${name}_service`)} ON ${table} TO mall_pay USING (true)`
    yield* sql`CREATE POLICY ${sql(`${name}_tenant`)} ON ${table} TO mall_pay_tenant USING (${sql.literal(isOwn)})`
    yield* sql`GRANT SELECT ON ${table} TO mall_pay_tenant`
  }
  yield* sql`
    REVOKE UPDATE, DELETE ON treasury.settlement_terms, treasury.business_calendars, treasury.settlement_history
    FROM mall_pay
  `
  yield* sql`REVOKE UPDATE ON treasury.settlement_items FROM mall_pay`
  yield* sql`REVOKE DELETE ON treasury.settlements FROM mall_pay`
})

/** The engine's own code makes its tables, here and in a schema of their own: at start it only reads and writes. */
const workflowTables = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  yield* sql`CREATE SCHEMA workflows`
  yield* sql`SET LOCAL search_path TO workflows`
  yield* Effect.scoped(
    Layer.build(Layer.mergeAll(SqlMessageStorage.layerMigrations({}), SqlRunnerStorage.layerMigrations({})))
  )
  yield* sql`SET LOCAL search_path TO DEFAULT`
  yield* sql`GRANT USAGE ON SCHEMA workflows TO mall_platform`
  yield* sql`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA workflows TO mall_platform`
  yield* sql`GRANT USAGE ON ALL SEQUENCES IN SCHEMA workflows TO mall_platform`
})
