import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * A check says itself which buckets it counts in, which pairs it has seen and what it asks for, and is answered in columns: working
 * that out of the rules again for each check, and wrapping the answer in a document, was a quarter of what the function cost.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    DROP FUNCTION risk.observe(
      uuid, timestamptz, bigint, text, text[], text[], text[], text[], text[], int[], text[], text[], int[])`
  // Rows are counted in the order in which they are given, which is the same for all checks.
  yield* sql`
    CREATE FUNCTION risk.observe(
      of_payment uuid, now timestamptz, paid bigint, in_currency text,
      bucket_kinds text[], bucket_vals text[], bucket_grains int[],
      pair_kinds text[], pair_vals text[], pair_member_kinds text[], pair_members text[],
      window_kinds text[], window_vals text[], window_grains int[], window_within int[],
      distinct_kinds text[], distinct_vals text[], distinct_of text[], distinct_within int[],
      listed_kinds text[], listed_vals text[],
      OUT checks bigint[], OUT declines bigint[], OUT amounts bigint[], OUT members bigint[],
      OUT lists text[], OUT review text, OUT challenges jsonb
    ) LANGUAGE plpgsql AS $$
    DECLARE
      moment bigint := floor(extract(epoch FROM now));
    BEGIN
      PERFORM set_config('synchronous_commit', 'off', true),
        -- planned once in a connection, maybe while the tables were empty: only by their keys then too
        set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
        set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true);

      INSERT INTO risk.windows AS w (kind, value, grain, bucket, currency, checks, declines, amount)
      SELECT b.kind, b.value, b.grain, moment / b.grain, in_currency, 1, 0, paid
      FROM unnest(bucket_kinds, bucket_vals, bucket_grains) AS b (kind, value, grain)
      ON CONFLICT (kind, value, grain, bucket, currency) DO UPDATE
        SET checks = w.checks + 1, amount = least(w.amount + excluded.amount, 9007199254740991);

      INSERT INTO risk.seen AS n (kind, value, member_kind, member, last_at)
      SELECT p.kind, p.value, p.member_kind, p.member, now
      FROM unnest(pair_kinds, pair_vals, pair_member_kinds, pair_members) AS p (kind, value, member_kind, member)
      ON CONFLICT (kind, value, member_kind, member) DO UPDATE SET last_at = greatest(n.last_at, excluded.last_at);

      SELECT coalesce(array_agg(c.checks ORDER BY q.place), '{}'), coalesce(array_agg(c.declines ORDER BY q.place), '{}'),
        coalesce(array_agg(c.amount ORDER BY q.place), '{}')
      INTO checks, declines, amounts
      FROM unnest(window_kinds, window_vals, window_grains, window_within)
        WITH ORDINALITY AS q (kind, value, grain, within, place)
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(w.checks), 0) AS checks, coalesce(sum(w.declines), 0) AS declines,
          least(coalesce(sum(w.amount) FILTER (WHERE w.currency = in_currency), 0), 9007199254740991) AS amount
        FROM risk.windows AS w
        WHERE w.kind = q.kind AND w.value = q.value AND w.grain = q.grain AND w.bucket >= (moment - q.within) / q.grain
      ) AS c;

      SELECT coalesce(array_agg(c.members ORDER BY q.place), '{}') INTO members
      FROM unnest(distinct_kinds, distinct_vals, distinct_of, distinct_within)
        WITH ORDINALITY AS q (kind, value, of_kind, within, place)
      CROSS JOIN LATERAL (
        SELECT count(*) AS members FROM (
          SELECT FROM (
            SELECT n.last_at FROM risk.seen AS n
            WHERE n.kind = q.kind AND n.value = q.value AND n.member_kind = q.of_kind OFFSET 0
          ) AS known
          WHERE known.last_at >= now - make_interval(secs => q.within)
          LIMIT 1000
        ) AS m
      ) AS c;

      SELECT coalesce(array_agg(DISTINCT l.list), '{}') INTO lists
      FROM unnest(listed_kinds, listed_vals) AS s (kind, value)
      CROSS JOIN LATERAL (
        SELECT d.list FROM risk.listed AS d
        WHERE d.kind = s.kind AND d.value = s.value AND (d.expires_at IS NULL OR d.expires_at > now) OFFSET 0
      ) AS l;

      SELECT CASE WHEN r.status = 'open' AND r.expires_at <= now THEN 'expired' ELSE r.status END INTO review
      FROM risk.reviews AS r WHERE r.payment_id = of_payment;

      SELECT coalesce(jsonb_agg(jsonb_build_object(
        'needs', c.needs, 'channel', c.facts ->> 'channel', 'method', c.facts ->> 'method')), '[]')
      INTO challenges
      FROM (SELECT k.needs, k.facts, k.verdict FROM risk.checks AS k WHERE k.payment_id = of_payment OFFSET 0) AS c
      WHERE c.verdict = 'challenge';
    END
    $$
  `
})
