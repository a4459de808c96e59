import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Where merchants' money is paid out to, and the money on its way there. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Whoever reaches the table in whatever way: nobody verifies what they added. The number is sealed.
  yield* sql`
    CREATE TABLE treasury.payout_accounts (
      id uuid CONSTRAINT payout_accounts_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      currency text NOT NULL,
      country text NOT NULL,
      holder text NOT NULL,
      masked_number text NOT NULL,
      bank_code text,
      bic text,
      personal_data bytea NOT NULL,
      personal_data_key text NOT NULL,
      status text NOT NULL,
      added_by text NOT NULL,
      verified_by text,
      usable_from timestamptz,
      ended_at timestamptz,
      created_at timestamptz NOT NULL,
      CONSTRAINT payout_accounts_status_known CHECK (status IN ('unverified', 'active', 'rejected', 'superseded')),
      CONSTRAINT payout_accounts_verified CHECK (status <> 'active' OR (verified_by IS NOT NULL AND usable_from IS NOT NULL)),
      CONSTRAINT payout_accounts_two_persons CHECK (verified_by <> added_by),
      CONSTRAINT payout_accounts_ended CHECK ((status IN ('rejected', 'superseded')) = (ended_at IS NOT NULL))
    )
  `
  yield* sql`
    CREATE UNIQUE INDEX payout_accounts_one_active_key ON treasury.payout_accounts (merchant_id, currency)
    WHERE status = 'active'
  `
  yield* sql`CREATE INDEX payout_accounts_merchant_idx ON treasury.payout_accounts (merchant_id, id)`
  yield* sql`CREATE INDEX payout_accounts_sealed_idx ON treasury.payout_accounts (personal_data_key)`

  yield* sql`
    CREATE TABLE treasury.payout_account_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT payout_account_history_pkey PRIMARY KEY,
      account_id uuid NOT NULL CONSTRAINT payout_account_history_account_fkey REFERENCES treasury.payout_accounts (id),
      from_status text,
      to_status text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX payout_account_history_account_idx ON treasury.payout_account_history (account_id, id)`

  // `due_at` is when a worker has to do something about it; while one does, when another may take over. `tries` counts how often
  // the bank was told, `asks` how often in a row it was asked. Its id is also that of the pending transfer and what the bank
  // knows it by; the two others are of the transfers that end it and that undo it.
  yield* sql`
    CREATE TABLE treasury.payouts (
      id uuid CONSTRAINT payouts_pkey PRIMARY KEY,
      merchant_id uuid NOT NULL,
      account_id uuid NOT NULL CONSTRAINT payouts_account_fkey REFERENCES treasury.payout_accounts (id),
      kind text NOT NULL,
      subject text,
      amount bigint NOT NULL,
      currency text NOT NULL,
      status text NOT NULL,
      channel text NOT NULL,
      bank text NOT NULL,
      batch_id uuid,
      bank_reference text,
      failure text,
      approvals_needed int NOT NULL,
      first_approver text,
      second_approver text,
      requested_by text NOT NULL,
      tries int NOT NULL DEFAULT 0,
      asks int NOT NULL DEFAULT 0,
      due_at timestamptz,
      end_transfer_id uuid NOT NULL,
      return_transfer_id uuid NOT NULL,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT payouts_kind_known CHECK (kind IN ('settlement', 'withdrawal')),
      CONSTRAINT payouts_status_known CHECK (status IN ('requested', 'awaiting_approval', 'approved', 'submitting',
        'submitted', 'unknown', 'paid', 'refused', 'returned', 'rejected', 'cancelled')),
      CONSTRAINT payouts_amount_positive CHECK (amount BETWEEN 1 AND 9007199254740991),
      CONSTRAINT payouts_due CHECK ((status IN ('approved', 'submitting', 'submitted', 'unknown')) = (due_at IS NOT NULL)),
      CONSTRAINT payouts_other_persons CHECK (
        first_approver <> requested_by AND second_approver <> requested_by AND second_approver <> first_approver),
      CONSTRAINT payouts_approved CHECK (status IN ('requested', 'awaiting_approval', 'rejected', 'cancelled')
        OR num_nonnulls(first_approver, second_approver) >= approvals_needed)
    )
  `
  yield* sql`CREATE INDEX payouts_due_idx ON treasury.payouts (due_at) WHERE due_at IS NOT NULL`
  yield* sql`CREATE INDEX payouts_merchant_idx ON treasury.payouts (merchant_id, id)`
  yield* sql`CREATE INDEX payouts_status_idx ON treasury.payouts (status, id)`
  yield* sql`
    CREATE INDEX payouts_withdrawn_idx ON treasury.payouts (merchant_id, currency, created_at) WHERE kind = 'withdrawal'
  `

  yield* sql`
    CREATE TABLE treasury.payout_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT payout_history_pkey PRIMARY KEY,
      payout_id uuid NOT NULL CONSTRAINT payout_history_payout_fkey REFERENCES treasury.payouts (id),
      from_status text,
      to_status text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX payout_history_payout_idx ON treasury.payout_history (payout_id, id)`

  // How far a bank's statement was read.
  yield* sql`
    CREATE TABLE treasury.bank_statements (
      channel text CONSTRAINT bank_statements_pkey PRIMARY KEY,
      read_to text NOT NULL,
      at timestamptz NOT NULL
    )
  `

  const owned = {
    payout_accounts: "merchant_id = (SELECT platform.tenant_merchant())",
    payouts: "merchant_id = (SELECT platform.tenant_merchant())",
    payout_account_history: `EXISTS (
      SELECT FROM treasury.payout_accounts AS parent WHERE parent.id = treasury.payout_account_history.account_id)`,
    payout_history:
      "EXISTS (SELECT FROM treasury.payouts AS parent WHERE parent.id = treasury.payout_history.payout_id)"
  }
  for (const [table, isOwn] of Object.entries(owned)) {
    const target = sql`treasury.${sql(table)}`
    yield* sql`ALTER TABLE ${target} ENABLE ROW LEVEL SECURITY`
    yield* sql`CREATE POLICY ${sql(`${table}_service`)} ON ${target} TO mall_pay USING (true)`
    yield* sql`
      CREATE POLICY ${sql(`${table}_tenant`)} ON ${target} TO mall_pay_tenant
      USING (${sql.literal(isOwn)}) WITH CHECK (${sql.literal(isOwn)})
    `
    yield* sql`GRANT SELECT, INSERT ON ${target} TO mall_pay_tenant`
  }
  yield* sql`GRANT UPDATE ON treasury.payout_accounts TO mall_pay_tenant`
  yield* sql`GRANT USAGE ON SCHEMA treasury TO mall_pay_tenant`
  yield* sql`GRANT USAGE ON ALL SEQUENCES IN SCHEMA treasury TO mall_pay, mall_pay_tenant`
  yield* sql`REVOKE UPDATE, DELETE ON treasury.payout_history, treasury.payout_account_history FROM mall_pay`
})
