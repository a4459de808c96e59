import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * A check reads what it counts by who is checked, and never by age. A connection plans that once, perhaps while the tables are
 * empty, when the indexes by age promise as much: then each check would read all of the last hour, for as long as the
 * connection lives.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Rows come in the order of their age, so that the sweep finds the old ones by the ranges of pages that they are in; such an
  // index costs a check nothing, and lets a row be counted up where it is.
  yield* sql`DROP INDEX risk.windows_age_idx, risk.seen_age_idx`
  yield* sql`CREATE INDEX windows_age_idx ON risk.windows USING brin (bucket, grain) WITH (autosummarize)`
  yield* sql`CREATE INDEX seen_age_idx ON risk.seen USING brin (last_at) WITH (autosummarize)`
  yield* sql`ALTER TABLE risk.windows SET (fillfactor = 80)`
  yield* sql`ALTER TABLE risk.seen SET (fillfactor = 80)`

  // As before, but the age of what was seen is judged after it is found.
  yield* sql`
    CREATE OR REPLACE FUNCTION risk.observe(
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
        set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true);

      INSERT INTO risk.windows AS w (kind, value, grain, bucket, currency, checks, declines, amount)
      SELECT s.kind, s.value, g.grain, moment / g.grain, in_currency, 1, 0, paid
      FROM unnest(kinds, vals) AS s (kind, value) JOIN (
        SELECT DISTINCT q.by_kind AS kind, CASE WHEN q.within <= 3600 THEN 60 ELSE 3600 END AS grain
        FROM unnest(window_by, window_within) AS q (by_kind, within)
      ) AS g ON g.kind = s.kind
      ORDER BY 1, 2, 3
      ON CONFLICT (kind, value, grain, bucket, currency) DO UPDATE
        SET checks = w.checks + 1, amount = least(w.amount + excluded.amount, 9007199254740991);

      INSERT INTO risk.seen AS n (kind, value, member_kind, member, last_at)
      SELECT a.kind, a.value, b.kind, b.value, now
      FROM unnest(kinds, vals) AS a (kind, value) JOIN unnest(kinds, vals) AS b (kind, value) ON a.kind <> b.kind
      WHERE (a.kind, b.kind) IN (SELECT q.by_kind, q.of_kind FROM unnest(distinct_by, distinct_of) AS q (by_kind, of_kind))
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
              SELECT FROM (
                SELECT n.last_at FROM risk.seen AS n
                WHERE n.kind = q.by_kind AND n.value = vals[array_position(kinds, q.by_kind)]
                  AND n.member_kind = q.of_kind OFFSET 0
              ) AS known
              WHERE known.last_at >= now - make_interval(secs => q.within)
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
})
