import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Who may pay: rules and lists with their history, what was checked, what waits for a person, and how often who tried. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE SCHEMA risk`

  // A change is a new row: the newest version of a rule counts, the others tell who changed what and why.
  yield* sql`
    CREATE TABLE risk.rules (
      id text NOT NULL,
      version int NOT NULL,
      name text NOT NULL,
      "when" jsonb NOT NULL,
      score int NOT NULL,
      action text NOT NULL,
      mode text NOT NULL,
      author text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT rules_pkey PRIMARY KEY (id, version),
      CONSTRAINT rules_version_positive CHECK (version > 0),
      CONSTRAINT rules_score_bounded CHECK (score BETWEEN 0 AND 1000),
      CONSTRAINT rules_action_known CHECK (action IN ('score', 'challenge', 'review', 'deny')),
      CONSTRAINT rules_mode_known CHECK (mode IN ('live', 'shadow', 'off'))
    )
  `

  yield* sql`
    CREATE TABLE risk.listed (
      list text NOT NULL,
      kind text NOT NULL,
      value text NOT NULL,
      expires_at timestamptz,
      reason text NOT NULL,
      author text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL,
      CONSTRAINT listed_pkey PRIMARY KEY (kind, value, list),
      CONSTRAINT listed_list_known CHECK (list IN ('block', 'allow'))
    )
  `
  yield* sql`CREATE INDEX listed_expiry_idx ON risk.listed (expires_at) WHERE expires_at IS NOT NULL`
  yield* sql`
    CREATE TABLE risk.list_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT list_history_pkey PRIMARY KEY,
      list text NOT NULL,
      kind text NOT NULL,
      value text NOT NULL,
      is_listed boolean NOT NULL,
      expires_at timestamptz,
      reason text NOT NULL,
      author text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL
    )
  `

  yield* sql`
    CREATE TABLE risk.checks (
      id uuid CONSTRAINT checks_pkey PRIMARY KEY,
      payment_id uuid NOT NULL,
      at timestamptz NOT NULL,
      facts jsonb NOT NULL,
      verdict text NOT NULL,
      decided_by text NOT NULL,
      score int NOT NULL,
      hits jsonb NOT NULL,
      shadow_verdict text NOT NULL,
      needs text,
      declined_at timestamptz,
      trace_id text,
      CONSTRAINT checks_verdict_known CHECK (verdict IN ('allow', 'challenge', 'review', 'deny'))
    )
  `
  yield* sql`CREATE INDEX checks_payment_idx ON risk.checks (payment_id, id)`
  yield* sql`CREATE INDEX checks_at_idx ON risk.checks (at, id)`
  yield* sql`CREATE INDEX checks_verdict_idx ON risk.checks (verdict, id) WHERE verdict <> 'allow'`

  yield* sql`
    CREATE TABLE risk.reviews (
      id uuid CONSTRAINT reviews_pkey PRIMARY KEY,
      payment_id uuid NOT NULL,
      check_id uuid NOT NULL,
      status text NOT NULL,
      expires_at timestamptz NOT NULL,
      decided_by text,
      reason text,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      CONSTRAINT reviews_payment_key UNIQUE (payment_id),
      CONSTRAINT reviews_status_known CHECK (status IN ('open', 'approved', 'rejected', 'expired'))
    )
  `
  yield* sql`CREATE INDEX reviews_open_idx ON risk.reviews (expires_at) WHERE status = 'open'`
  yield* sql`CREATE INDEX reviews_status_idx ON risk.reviews (status, id)`
  yield* sql`
    CREATE TABLE risk.review_history (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT review_history_pkey PRIMARY KEY,
      review_id uuid NOT NULL CONSTRAINT review_history_review_fkey REFERENCES risk.reviews (id),
      from_status text,
      to_status text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      trace_id text,
      at timestamptz NOT NULL
    )
  `
  yield* sql`CREATE INDEX review_history_review_idx ON risk.review_history (review_id, id)`

  // How often a subject tried: by minutes for windows up to an hour, by hours for longer ones. A row's bucket is the
  // number of its minute or hour since 1970.
  yield* sql`
    CREATE TABLE risk.windows (
      kind text NOT NULL,
      value text NOT NULL,
      grain int NOT NULL,
      bucket bigint NOT NULL,
      currency text NOT NULL,
      checks int NOT NULL,
      declines int NOT NULL,
      amount bigint NOT NULL,
      CONSTRAINT windows_pkey PRIMARY KEY (kind, value, grain, bucket, currency)
    ) WITH (fillfactor = 70)
  `
  // Which others a subject was seen with, and when last: two cards of one network.
  yield* sql`
    CREATE TABLE risk.seen (
      kind text NOT NULL,
      value text NOT NULL,
      member_kind text NOT NULL,
      member text NOT NULL,
      last_at timestamptz NOT NULL,
      CONSTRAINT seen_pkey PRIMARY KEY (kind, value, member_kind, member)
    ) WITH (fillfactor = 70)
  `

  // One round trip. Each statement of a function sees what was committed before it, so that of two tries of one subject at
  // the same time, who waits for the row of the other counts the other too. The counts need not survive a crash.
  yield* sql`
    CREATE FUNCTION risk.observe(
      of_payment uuid, now timestamptz, paid bigint, in_currency text,
      kinds text[], vals text[], listed_kinds text[], listed_vals text[],
      window_by text[], window_within int[], distinct_by text[], distinct_of text[], distinct_within int[]
    ) RETURNS jsonb LANGUAGE plpgsql AS $$
    DECLARE
      moment bigint := floor(extract(epoch FROM now));
    BEGIN
      PERFORM set_config('synchronous_commit', 'off', true),
        -- planned once in a connection, maybe while the tables were empty: only by their keys then too
        set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
        set_config('jit', 'off', true);

      INSERT INTO risk.windows AS w (kind, value, grain, bucket, currency, checks, declines, amount)
      SELECT s.kind, s.value, g.grain, moment / g.grain, in_currency, 1, 0, paid
      FROM unnest(kinds, vals) AS s (kind, value) CROSS JOIN (VALUES (60), (3600)) AS g (grain)
      ORDER BY 1, 2, 3
      ON CONFLICT (kind, value, grain, bucket, currency) DO UPDATE
        SET checks = w.checks + 1, amount = least(w.amount + excluded.amount, 9007199254740991);

      INSERT INTO risk.seen AS n (kind, value, member_kind, member, last_at)
      SELECT a.kind, a.value, b.kind, b.value, now
      FROM unnest(kinds, vals) AS a (kind, value) JOIN unnest(kinds, vals) AS b (kind, value) ON a.kind <> b.kind
      WHERE a.kind IN ('card', 'device', 'network', 'user') AND b.kind IN ('card', 'device', 'network', 'user')
      ORDER BY 1, 2, 3, 4
      ON CONFLICT (kind, value, member_kind, member) DO UPDATE SET last_at = greatest(n.last_at, excluded.last_at);

      RETURN jsonb_build_object(
        'windows', (
          SELECT coalesce(jsonb_agg(jsonb_build_object(
            'by', q.by_kind, 'within', q.within, 'checks', c.checks, 'declines', c.declines, 'amount', c.amount)), '[]')
          FROM unnest(window_by, window_within) AS q (by_kind, within)
          CROSS JOIN LATERAL (
            SELECT coalesce(sum(w.checks), 0) AS checks, coalesce(sum(w.declines), 0) AS declines,
              least(coalesce(sum(w.amount) FILTER (WHERE w.currency = in_currency), 0), 9007199254740991) AS amount
            FROM risk.windows AS w
            WHERE w.kind = q.by_kind AND w.value = vals[array_position(kinds, q.by_kind)]
              AND w.grain = CASE WHEN q.within <= 3600 THEN 60 ELSE 3600 END
              AND w.bucket >= (moment - q.within) / CASE WHEN q.within <= 3600 THEN 60 ELSE 3600 END
          ) AS c
        ),
        'distincts', (
          SELECT coalesce(jsonb_agg(jsonb_build_object(
            'by', q.by_kind, 'of', q.of_kind, 'within', q.within, 'members', c.members)), '[]')
          FROM unnest(distinct_by, distinct_of, distinct_within) AS q (by_kind, of_kind, within)
          CROSS JOIN LATERAL (
            SELECT count(*) AS members FROM (
              SELECT FROM risk.seen AS n
              WHERE n.kind = q.by_kind AND n.value = vals[array_position(kinds, q.by_kind)]
                AND n.member_kind = q.of_kind AND n.last_at >= now - make_interval(secs => q.within)
              LIMIT 1000
            ) AS m
          ) AS c
        ),
        'lists', (
          SELECT coalesce(jsonb_agg(DISTINCT l.list), '[]')
          FROM unnest(listed_kinds, listed_vals) AS s (kind, value)
          CROSS JOIN LATERAL (
            SELECT d.list FROM risk.listed AS d
            WHERE d.kind = s.kind AND d.value = s.value AND (d.expires_at IS NULL OR d.expires_at > now) OFFSET 0
          ) AS l
        ),
        'review', (SELECT CASE WHEN r.status = 'open' AND r.expires_at <= now THEN 'expired' ELSE r.status END
          FROM risk.reviews AS r WHERE r.payment_id = of_payment),
        'challenges', (
          SELECT coalesce(jsonb_agg(jsonb_build_object(
            'needs', c.needs, 'channel', c.facts ->> 'channel', 'method', c.facts ->> 'method')), '[]')
          FROM (SELECT k.needs, k.facts, k.verdict FROM risk.checks AS k WHERE k.payment_id = of_payment OFFSET 0) AS c
          WHERE c.verdict = 'challenge'
        )
      );
    END
    $$
  `

  yield* sql`GRANT USAGE ON SCHEMA risk TO mall_pay`
  yield* sql`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA risk TO mall_pay`
  yield* sql`
    ALTER DEFAULT PRIVILEGES IN SCHEMA risk GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO mall_pay
  `
  // Who changed what is written once.
  yield* sql`REVOKE UPDATE, DELETE ON risk.rules, risk.list_history, risk.review_history FROM mall_pay`
})
