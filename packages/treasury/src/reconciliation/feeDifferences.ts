import type { BilledAccount } from "@mall/domain/treasury/ChannelBills"
import type { SqlClient } from "effect/sql"

/**
 * The lines of `numbered` whose fee is not what the rule in force at their time says, each as a row of what a run finds. Lines without
 * a rule, those that did not succeed and those whose fee is told in another currency are not among them. A fee that is given back is
 * below zero on both sides, so in either direction the channel holds what it took too little of. What a merchant agreed with a channel
 * about their own account is not known here.
 */
export const feeDifferences = (sql: SqlClient.SqlClient, { channel, merchantId }: BilledAccount) => sql`
  SELECT DISTINCT ON (l.kind, l.reference, l.occurrence) l.kind, l.reference, l.occurrence::int, l.channel_reference,
    r.payment_id, l.line, l.amount AS bill_amount, l.currency AS bill_currency, l.state AS bill_state,
    NULL::bigint AS our_amount, NULL::text AS our_currency, NULL::text AS our_state, NULL::timestamptz AS our_at,
    'fee_differs' AS class, 'open' AS status, NULL::text AS resolution, e.fee - l.fee AS excess,
    l.fee AS bill_fee, e.fee AS our_fee
  FROM numbered AS l
  JOIN (
    SELECT c.*, lead(c.effective_from) OVER (PARTITION BY c.currency ORDER BY c.effective_from, c.id) AS until
    FROM treasury.channel_fees AS c WHERE c.channel = ${channel}
  ) AS f ON f.currency = l.currency AND l.at >= f.effective_from AND (f.until IS NULL OR l.at < f.until)
  CROSS JOIN LATERAL (SELECT l.amount * f.basis_points / 10000 AS exact) AS s
  CROSS JOIN LATERAL (
    SELECT CASE f.rounding
      WHEN 'up' THEN ceil(s.exact)
      WHEN 'down' THEN floor(s.exact)
      WHEN 'half_even' THEN CASE WHEN s.exact - floor(s.exact) = 0.5 THEN 2 * round(s.exact / 2) ELSE round(s.exact) END
      ELSE round(s.exact)
    END::bigint AS share
  ) AS p
  CROSS JOIN LATERAL (
    SELECT CASE WHEN l.kind = 'payment' THEN p.share + f.fixed WHEN f.is_returned THEN -p.share ELSE 0 END AS fee
  ) AS e
  LEFT JOIN known AS r ON r.kind = l.kind AND r.reference = l.reference
  WHERE ${merchantId}::uuid IS NULL AND f.basis_points IS NOT NULL AND l.state = 'succeeded' AND l.fee <> e.fee
  ORDER BY l.kind, l.reference, l.occurrence`
