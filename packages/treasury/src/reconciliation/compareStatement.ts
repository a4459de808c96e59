import type { RunId } from "@mall/domain/treasury/Run"
import type { SqlClient } from "effect/sql"
import { feeDifferences } from "./feeDifferences.ts"
import type { ClaimId } from "./RunClaims.ts"
import { ofAccount } from "./RunRepo.ts"
import type { RunKey } from "./RunRepo.ts"

/** A day that is compared: of which run, between which moments, and by what is said in the history. */
export interface ComparedDay extends RunKey {
  readonly runId: RunId
  readonly claimId: ClaimId
  readonly from: Date
  readonly to: Date
  /** What succeeded with us from then on may come in the next day's bill. */
  readonly carriedFrom: Date
  readonly actor: string
  readonly traceId: string | null
  readonly now: Date
}

/** A UUID of version 7 made by the database, for rows that one statement makes many of. */
const newId = (sql: SqlClient.SqlClient, now: Date) => {
  const millis = now.getTime().toString(16).padStart(12, "0")
  const prefix = `${millis.slice(0, 8)}-${millis.slice(8)}-7`
  return sql`(${prefix}::text || substr(gen_random_uuid()::text, 16))::uuid`
}

/**
 * One statement over both sides of a run. It answers with the classes that it found: how many rows of each, and how many lines of the
 * bill are in any of them.
 *
 * A movement has one difference a day, and one more where its fee differs, found again by its number: what has not changed keeps
 * its status, its correction and whoever takes care of it; what has changed begins anew. What was corrected, and by a newer bill needed
 * no correction, is open again, by what is to be taken back. A movement is `taken` where another day's
 * bill has it: it agreed with our record there, or was told to be the one that our record of yet another day is about.
 *
 * A refund that the bill has as under way is told of in no other: WeChat Pay tells of it on the day that it takes the money, and says
 * it once, whenever the money reaches the buyer.
 */
export const compareStatement = (sql: SqlClient.SqlClient, day: ComparedDay) => {
  const { account, actor, carriedFrom, channel, claimId, from, merchantId, now, runId, to, traceId } = day
  const ofSame = ofAccount(sql, "d", day)
  const ofDay = sql`${ofSame} AND d.day = ${day.day}::text::date`
  return sql`
    WITH numbered AS (
      SELECT l.*, row_number() OVER (PARTITION BY l.kind, l.reference ORDER BY l.line) - 1 AS occurrence
      FROM treasury.bill_lines AS l WHERE l.claim_id = ${claimId} AND l.kind <> 'other'
    ), known AS (
      SELECT r.*, 0::bigint AS occurrence FROM treasury.compared_records AS r WHERE r.claim_id = ${claimId}
    ), other_days AS (
      SELECT d.kind, d.reference, d.day, d.class, d.status, d.line FROM treasury.differences AS d
      WHERE ${ofSame} AND d.class IN ('timing', 'missing_there')
    ), taken AS (
      SELECT o.kind, o.reference FROM other_days AS o
      WHERE o.day <> ${day.day}::text::date AND o.class = 'timing' AND o.status = 'resolved' AND o.line IS NOT NULL
      UNION
      SELECT r.kind, r.reference FROM (
        SELECT k.kind, k.reference,
          ${day.day}::text::date + floor(extract(epoch FROM k.at - ${from}::timestamptz) / 86400)::int AS day
        FROM known AS k WHERE k.state = 'succeeded' AND (k.at < ${from} OR k.at >= ${to})
      ) AS r
      WHERE EXISTS (
        SELECT FROM treasury.reconciliation_runs AS d WHERE ${ofSame} AND d.day = r.day AND d.status = 'completed'
      ) AND NOT EXISTS (
        SELECT FROM other_days AS o WHERE o.kind = r.kind AND o.reference = r.reference AND (
          (o.day = r.day AND o.status <> 'superseded') OR (o.day = ${day.day}::text::date AND o.line IS NOT NULL))
      )
    ), classified AS (
      SELECT coalesce(l.kind, r.kind) AS kind, coalesce(l.reference, r.reference) AS reference,
        coalesce(l.occurrence, 0)::int AS occurrence, l.channel_reference, r.payment_id, l.line,
        l.amount AS bill_amount, l.currency AS bill_currency, l.state AS bill_state,
        CASE WHEN t.kind IS NULL OR l.kind IS NULL THEN r.amount END AS our_amount,
        CASE WHEN t.kind IS NULL OR l.kind IS NULL THEN r.currency END AS our_currency,
        CASE WHEN t.kind IS NULL OR l.kind IS NULL THEN r.state END AS our_state, r.at AS our_at,
        CASE
          WHEN l.occurrence > 0 OR (t.kind IS NOT NULL AND l.kind IS NOT NULL) THEN 'duplicate'
          WHEN r.reference IS NULL THEN 'missing_here'
          WHEN l.reference IS NULL AND r.at >= ${carriedFrom} THEN 'timing'
          WHEN l.reference IS NULL THEN 'missing_there'
          WHEN l.kind = 'refund' AND l.state = 'pending' AND r.state <> 'failed'
            AND (l.amount, l.currency) = (r.amount, r.currency)
            THEN CASE WHEN r.state = 'pending' OR r.at < ${from} OR r.at >= ${to} THEN 'timing' END
          WHEN l.state <> r.state THEN 'state_differs'
          WHEN l.amount <> r.amount OR l.currency <> r.currency THEN 'amount_differs'
          WHEN r.state = 'succeeded' AND (r.at < ${from} OR r.at >= ${to}) THEN 'timing'
        END AS class
      FROM numbered AS l FULL JOIN known AS r
        ON r.kind = l.kind AND r.reference = l.reference AND r.occurrence = l.occurrence
      LEFT JOIN taken AS t ON t.kind = r.kind AND t.reference = r.reference
    ), moved AS (
      SELECT DISTINCT ON (c.kind, c.reference, c.occurrence) c.*,
        CASE WHEN c.class <> 'timing' THEN 'open' WHEN c.line IS NULL THEN 'carried' ELSE 'resolved' END AS status,
        CASE WHEN c.class = 'timing' AND c.line IS NOT NULL THEN 'our records have it on another day' END AS resolution,
        CASE WHEN c.bill_currency <> c.our_currency THEN NULL WHEN c.class = 'timing' AND c.line IS NOT NULL THEN 0 ELSE
          CASE c.kind WHEN 'payment' THEN 1 ELSE -1 END * (
            CASE c.bill_state WHEN 'succeeded' THEN c.bill_amount ELSE 0 END
            - CASE c.our_state WHEN 'succeeded' THEN c.our_amount ELSE 0 END)
        END AS excess, NULL::bigint AS bill_fee, NULL::bigint AS our_fee
      FROM classified AS c
      WHERE c.class IS NOT NULL AND NOT (c.class IN ('timing', 'missing_there') AND EXISTS (
        SELECT FROM treasury.differences AS d
        WHERE ${ofSame} AND d.class = 'timing' AND d.kind = c.kind AND d.reference = c.reference
          AND d.day <> ${day.day}::text::date
          AND (d.status = 'resolved' OR (d.status = 'carried' AND c.line IS NOT NULL))
      ))
      ORDER BY c.kind, c.reference, c.occurrence
    ), fees AS (${feeDifferences(sql, day)}
    ), found AS MATERIALIZED (
      SELECT * FROM moved UNION ALL SELECT * FROM fees
    ), before AS MATERIALIZED (
      SELECT d.id, d.status FROM treasury.differences AS d WHERE ${ofDay}
    ), written AS (
      INSERT INTO treasury.differences AS d (id, run_id, channel, account, merchant_id, day, class, kind, reference, occurrence,
        channel_reference, payment_id, line, bill_amount, bill_currency, bill_state, our_amount, our_currency, our_state,
        excess, bill_fee, our_fee, status, resolution, created_at, updated_at)
      SELECT ${newId(sql, now)}, ${runId}::uuid, ${channel}, ${account}, ${merchantId}::uuid, ${day.day}::text::date, f.class, f.kind, f.reference,
        f.occurrence, f.channel_reference, f.payment_id, f.line, f.bill_amount, f.bill_currency, f.bill_state, f.our_amount,
        f.our_currency, f.our_state, f.excess, f.bill_fee, f.our_fee, f.status, f.resolution, ${now}::timestamptz, ${now}::timestamptz
      FROM found AS f
      ON CONFLICT ON CONSTRAINT differences_movement_key DO UPDATE SET
        (run_id, line, updated_at) = (excluded.run_id, excluded.line, excluded.updated_at),
        (class, channel_reference, payment_id, bill_amount, bill_currency, bill_state, our_amount, our_currency, our_state,
          excess, bill_fee, our_fee, status, resolution) = (
          SELECT
            CASE WHEN same THEN d.class ELSE excluded.class END,
            excluded.channel_reference, excluded.payment_id, excluded.bill_amount, excluded.bill_currency,
            excluded.bill_state, excluded.our_amount, excluded.our_currency, excluded.our_state, excluded.excess,
            excluded.bill_fee, excluded.our_fee,
            CASE WHEN same AND d.status <> 'superseded' THEN d.status ELSE excluded.status END,
            CASE WHEN same AND d.status <> 'superseded' THEN d.resolution ELSE excluded.resolution END
          FROM (SELECT (d.class = excluded.class OR (d.class = 'missing_there' AND excluded.status = 'carried'))
            AND (d.excess, d.bill_amount, d.bill_state, d.our_amount, d.our_state, d.bill_fee, d.our_fee)
              IS NOT DISTINCT FROM (excluded.excess, excluded.bill_amount, excluded.bill_state, excluded.our_amount,
                excluded.our_state, excluded.bill_fee, excluded.our_fee) AS same) AS s
        )
      RETURNING d.id, d.status, d.resolution
    ), corrected AS MATERIALIZED (
      SELECT c.difference_id AS id
      FROM treasury.differences AS d
      JOIN treasury.corrections AS c ON c.difference_id = d.id AND c.status = 'approved'
      CROSS JOIN LATERAL jsonb_array_elements(c.legs) AS leg
      WHERE ${ofSame} AND leg ->> 'account' LIKE '%:clearing:%'
      GROUP BY c.difference_id
      HAVING sum(CASE leg ->> 'side' WHEN 'debit' THEN 1 ELSE -1 END * (leg ->> 'amount')::bigint) <> 0
    ), gone AS (
      UPDATE treasury.differences AS d SET status = 'superseded', updated_at = ${now}::timestamptz
      WHERE ${ofDay} AND d.id NOT IN (SELECT id FROM corrected) AND (
        d.status IN ('open', 'carried', 'drafted') AND NOT EXISTS (
          SELECT FROM found AS f
          WHERE f.kind = d.kind AND f.reference = d.reference AND f.occurrence = d.occurrence
            AND (f.class = 'fee_differs') = d.is_fee
        )
        OR d.class = 'timing' AND d.status = 'resolved' AND d.line IS NOT NULL AND NOT EXISTS (
          SELECT FROM numbered AS l
          WHERE l.kind = d.kind AND l.reference = d.reference AND l.occurrence = d.occurrence
        )
      )
      RETURNING d.id, d.status, 'not found any more'::text AS resolution
    ), caught_up AS (
      UPDATE treasury.differences AS d
      SET status = 'resolved', class = 'timing', resolution = ${`in the bill of ${day.day}`}::text, updated_at = ${now}::timestamptz
      FROM numbered AS l
      WHERE ${ofSame} AND d.day <> ${day.day}::text::date AND d.class IN ('timing', 'missing_there')
        AND d.status IN ('open', 'carried', 'drafted') AND d.id NOT IN (SELECT id FROM corrected)
        AND l.kind = d.kind AND l.reference = d.reference AND l.occurrence = 0
      RETURNING d.id, d.status, d.resolution
    ), needless AS (
      UPDATE treasury.differences AS d
      SET status = 'open', excess = 0, resolution = NULL, updated_at = ${now}::timestamptz
      WHERE d.id IN (SELECT id FROM corrected) AND ${ofSame} AND d.excess <> 0 AND d.status <> 'superseded' AND CASE
        WHEN d.day = ${day.day}::text::date THEN NOT EXISTS (
          SELECT FROM found AS f
          WHERE f.kind = d.kind AND f.reference = d.reference AND f.occurrence = d.occurrence
            AND (f.class = 'fee_differs') = d.is_fee)
        ELSE d.class IN ('timing', 'missing_there') AND EXISTS (
          SELECT FROM numbered AS l WHERE l.kind = d.kind AND l.reference = d.reference AND l.occurrence = 0)
      END
      RETURNING d.id, d.status, ${`by the bill of ${day.day} it needed no correction`}::text AS resolution
    ), overdue AS (
      UPDATE treasury.differences AS d
      SET status = 'open', class = 'missing_there', updated_at = ${now}::timestamptz
      WHERE ${ofSame} AND d.day < ${day.day}::text::date AND d.status = 'carried' AND NOT EXISTS (
        SELECT FROM treasury.bill_lines AS l
        WHERE l.claim_id = ${claimId} AND l.kind = d.kind AND l.reference = d.reference
      )
      RETURNING d.id, d.status, ${`not in the bill of ${day.day} either`}::text AS resolution
    ), withdrawn AS (
      UPDATE treasury.corrections AS c
      SET status = 'superseded', decided_by = ${actor}, decided_at = ${now}::timestamptz, decision = 'the bill has changed'
      FROM (
        SELECT id, status FROM written UNION ALL SELECT id, status FROM gone
        UNION ALL SELECT id, status FROM caught_up UNION ALL SELECT id, status FROM needless
      ) AS d
      WHERE c.difference_id = d.id AND c.status = 'drafted' AND d.status <> 'drafted'
    ), told AS (
      INSERT INTO treasury.difference_history (difference_id, from_status, to_status, actor, reason, trace_id, at)
      SELECT w.id, b.status, w.status, ${actor}, coalesce(w.resolution, 'found by the run'), ${traceId}::text, ${now}::timestamptz
      FROM (SELECT * FROM written UNION ALL SELECT * FROM gone) AS w LEFT JOIN before AS b ON b.id = w.id
      WHERE b.status IS DISTINCT FROM w.status
      UNION ALL
      SELECT o.id, d.status, o.status, ${actor}, o.resolution, ${traceId}::text, ${now}::timestamptz
      FROM (SELECT * FROM caught_up UNION ALL SELECT * FROM needless UNION ALL SELECT * FROM overdue) AS o
      JOIN treasury.differences AS d ON d.id = o.id
    )
    SELECT f.class, count(*) AS rows, (SELECT count(DISTINCT line) FROM found) AS all_lines
    FROM found AS f GROUP BY f.class`
}
