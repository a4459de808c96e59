import { Effect } from "effect"
import { SqlClient } from "effect/sql"

const amounts = ["debits_pending", "debits_posted", "credits_pending", "credits_posted"]
const largest = "9007199254740991"

/** Of a table that only grows. Triggers bind the owner of the table too, which grants do not. */
const appendOnly = (table: string) => `
  CREATE TRIGGER ${table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.${table}
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()`

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA ledger`

  yield* sql`
    CREATE TABLE ledger.accounts (
      id uuid CONSTRAINT accounts_pkey PRIMARY KEY,
      code text NOT NULL CONSTRAINT accounts_code_key UNIQUE,
      merchant_id uuid,
      kind text NOT NULL,
      currency text NOT NULL,
      normal_side text NOT NULL,
      is_guarded boolean NOT NULL,
      shards int NOT NULL,
      created_at timestamptz NOT NULL,
      closed_at timestamptz,
      closed_by text,
      close_reason text,
      CONSTRAINT accounts_side_known CHECK (normal_side IN ('debit', 'credit')),
      CONSTRAINT accounts_shards_sound CHECK (shards > 0 AND (shards = 1 OR NOT is_guarded)),
      CONSTRAINT accounts_closed_whole CHECK
        ((closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (close_reason IS NULL))
    )
  `
  yield* sql`CREATE INDEX accounts_merchant_idx ON ledger.accounts (merchant_id, id) WHERE merchant_id IS NOT NULL`

  // An account's balance is the sum of its shards. A guarded one has a single shard, so the check below holds for all of it.
  yield* sql.unsafe(`
    CREATE TABLE ledger.balances (
      account_id uuid NOT NULL CONSTRAINT balances_account_fkey REFERENCES ledger.accounts (id),
      shard int NOT NULL,
      is_guarded boolean NOT NULL,
      normal_side text NOT NULL,
      is_closed boolean NOT NULL DEFAULT false,
      ${amounts.map((column) => `${column} bigint NOT NULL DEFAULT 0`).join(", ")},
      version bigint NOT NULL DEFAULT 0,
      last_at timestamptz,
      CONSTRAINT balances_pkey PRIMARY KEY (account_id, shard),
      CONSTRAINT balances_in_range CHECK (${amounts.map((column) => `${column} BETWEEN 0 AND ${largest}`).join(" AND ")}),
      CONSTRAINT balances_not_overdrawn CHECK (NOT is_guarded OR CASE normal_side
        WHEN 'credit' THEN debits_pending + debits_posted <= credits_posted
        ELSE credits_pending + credits_posted <= debits_posted END)
    ) WITH (fillfactor = 50)
  `)

  yield* sql`
    CREATE TABLE ledger.transfers (
      id uuid CONSTRAINT transfers_pkey PRIMARY KEY,
      type text NOT NULL,
      pending_id uuid,
      purpose text NOT NULL,
      subject text,
      linked_to uuid,
      expires_at timestamptz,
      input_hash bytea NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT transfers_type_known CHECK (type IN ('single', 'pending', 'post', 'void', 'expire')),
      CONSTRAINT transfers_pending_named CHECK ((pending_id IS NOT NULL) = (type IN ('post', 'void', 'expire')))
    )
  `
  yield* sql`CREATE UNIQUE INDEX transfers_pending_key ON ledger.transfers (pending_id) WHERE pending_id IS NOT NULL`
  yield* sql`CREATE INDEX transfers_subject_idx ON ledger.transfers (subject) WHERE subject IS NOT NULL`

  // What a transfer changes of a shard, and how the shard stands after it.
  yield* sql.unsafe(`
    CREATE TABLE ledger.entries (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT entries_pkey PRIMARY KEY,
      transfer_id uuid NOT NULL CONSTRAINT entries_transfer_fkey REFERENCES ledger.transfers (id),
      account_id uuid NOT NULL,
      shard int NOT NULL,
      version bigint NOT NULL,
      ${amounts.map((column) => `${column} bigint NOT NULL, ${column}_after bigint NOT NULL`).join(", ")},
      at timestamptz NOT NULL,
      CONSTRAINT entries_version_key UNIQUE (account_id, shard, version),
      CONSTRAINT entries_account_once UNIQUE (transfer_id, account_id),
      CONSTRAINT entries_version_positive CHECK (version > 0)
    )
  `)
  yield* sql`CREATE INDEX entries_account_idx ON ledger.entries (account_id, at, id)`
  yield* sql`CREATE INDEX entries_time_idx ON ledger.entries (account_id, shard, at, version)`

  // The pending transfers that end by themselves, until they have ended.
  yield* sql`
    CREATE TABLE ledger.expiries (
      transfer_id uuid CONSTRAINT expiries_pkey PRIMARY KEY,
      expires_at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX expiries_due_idx ON ledger.expiries (expires_at)`

  // The hash chain: what is committed waits in `unsealed`, and gets its place and its hash by whoever seals.
  yield* sql`CREATE TABLE ledger.unsealed (transfer_id uuid CONSTRAINT unsealed_pkey PRIMARY KEY, at timestamptz NOT NULL)`
  yield* sql`
    CREATE TABLE ledger.seals (
      sequence bigint CONSTRAINT seals_pkey PRIMARY KEY,
      transfer_id uuid NOT NULL CONSTRAINT seals_transfer_key UNIQUE,
      hash bytea NOT NULL,
      sealed_at timestamptz NOT NULL
    )
  `
  yield* sql`
    CREATE TABLE ledger.chain_head (
      is_single boolean CONSTRAINT chain_head_pkey PRIMARY KEY DEFAULT true CONSTRAINT chain_head_single CHECK (is_single),
      sequence bigint NOT NULL,
      hash bytea NOT NULL
    )
  `
  yield* sql`INSERT INTO ledger.chain_head (sequence, hash) VALUES (0, sha256(convert_to('mall ledger', 'UTF8')))`

  yield* guarantees(sql)
})

const guarantees = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  yield* sql`
    CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'ledger.% keeps what was written: a correction is a new transfer', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END $$
  `
  for (const table of ["transfers", "entries", "seals"]) yield* sql.unsafe(appendOnly(table))
  yield* sql`
    CREATE TRIGGER balances_kept BEFORE DELETE OR TRUNCATE OR UPDATE OF account_id, shard, is_guarded, normal_side
    ON ledger.balances FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
  `
  yield* sql`
    CREATE TRIGGER accounts_kept BEFORE DELETE OR TRUNCATE OR
      UPDATE OF id, code, merchant_id, kind, currency, normal_side, is_guarded, shards
    ON ledger.accounts FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
  `

  // These look once at the end of a statement at all that it wrote, so that many transfers cost little more than one.
  yield* sql`
    CREATE FUNCTION ledger.check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (
        SELECT FROM ledger.entries AS e JOIN ledger.accounts AS a ON a.id = e.account_id
        WHERE e.transfer_id = ANY (ARRAY(SELECT DISTINCT transfer_id FROM added))
        GROUP BY e.transfer_id, a.currency
        HAVING sum(e.debits_posted) <> sum(e.credits_posted) OR sum(e.debits_pending) <> sum(e.credits_pending)
      ) THEN
        RAISE EXCEPTION 'the entries of a transfer do not sum to zero'
          USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entries_balanced';
      END IF;
      IF EXISTS (
        SELECT FROM added AS n
        LEFT JOIN ledger.entries AS p
          ON p.account_id = n.account_id AND p.shard = n.shard AND p.version = n.version - 1
        WHERE (p.id IS NULL AND n.version > 1)
          OR n.debits_pending_after <> coalesce(p.debits_pending_after, 0) + n.debits_pending
          OR n.debits_posted_after <> coalesce(p.debits_posted_after, 0) + n.debits_posted
          OR n.credits_pending_after <> coalesce(p.credits_pending_after, 0) + n.credits_pending
          OR n.credits_posted_after <> coalesce(p.credits_posted_after, 0) + n.credits_posted
          OR n.at < p.at
      ) THEN
        RAISE EXCEPTION 'an entry does not follow the one before it'
          USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entries_consecutive';
      END IF;
      IF EXISTS (
        SELECT FROM (SELECT account_id, shard, max(version) AS version FROM added GROUP BY account_id, shard) AS n
        LEFT JOIN ledger.balances AS b ON b.account_id = n.account_id AND b.shard = n.shard
        WHERE b.version IS DISTINCT FROM n.version
      ) THEN
        RAISE EXCEPTION 'a balance does not equal the sum of its entries'
          USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'balances_equal_entries';
      END IF;
      RETURN NULL;
    END $$
  `
  yield* sql`
    CREATE TRIGGER entries_sound AFTER INSERT ON ledger.entries REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_entries()
  `
  yield* sql`
    CREATE FUNCTION ledger.check_balances() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (
        SELECT FROM changed AS b
        LEFT JOIN ledger.entries AS e ON e.account_id = b.account_id AND e.shard = b.shard AND e.version = b.version
        WHERE (e.id IS NULL AND b.version <> 0)
          OR b.debits_pending <> coalesce(e.debits_pending_after, 0)
          OR b.debits_posted <> coalesce(e.debits_posted_after, 0)
          OR b.credits_pending <> coalesce(e.credits_pending_after, 0)
          OR b.credits_posted <> coalesce(e.credits_posted_after, 0)
          OR EXISTS (
            SELECT FROM ledger.entries AS later
            WHERE later.account_id = b.account_id AND later.shard = b.shard AND later.version = b.version + 1)
      ) THEN
        RAISE EXCEPTION 'a balance does not equal the sum of its entries'
          USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'balances_equal_entries';
      END IF;
      RETURN NULL;
    END $$
  `
  for (const event of ["INSERT", "UPDATE"]) {
    yield* sql.unsafe(`
      CREATE TRIGGER balances_sound_${event.toLowerCase()} AFTER ${event} ON ledger.balances REFERENCING NEW TABLE AS changed
      FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_balances()`)
  }
  yield* sql`
    CREATE FUNCTION ledger.check_transfers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (
        SELECT FROM added AS t WHERE NOT EXISTS (SELECT FROM ledger.entries AS e WHERE e.transfer_id = t.id)
      ) THEN
        RAISE EXCEPTION 'a transfer has no entries'
          USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'transfers_have_entries';
      END IF;
      RETURN NULL;
    END $$
  `
  yield* sql`
    CREATE TRIGGER transfers_sound AFTER INSERT ON ledger.transfers REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_transfers()
  `

  // One text for the same transfer whatever the session's settings are.
  yield* sql`
    CREATE FUNCTION ledger.digest(transfer uuid) RETURNS bytea LANGUAGE sql STABLE AS $$
      SELECT sha256(convert_to(
        jsonb_build_array(t.id, t.type, t.pending_id, t.purpose, t.subject, t.linked_to,
          extract(epoch FROM t.expires_at), encode(t.input_hash, 'hex'), t.actor, t.reason, t.trace_id,
          extract(epoch FROM t.at),
          (SELECT jsonb_agg(jsonb_build_array(e.account_id, e.shard, e.version, e.debits_pending, e.debits_posted,
              e.credits_pending, e.credits_posted, e.debits_pending_after, e.debits_posted_after,
              e.credits_pending_after, e.credits_posted_after, extract(epoch FROM e.at)) ORDER BY e.id)
            FROM ledger.entries AS e WHERE e.transfer_id = t.id))::text, 'UTF8'))
      FROM ledger.transfers AS t WHERE t.id = transfer
    $$
  `
})
