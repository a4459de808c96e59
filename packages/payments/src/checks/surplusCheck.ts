import { Currency } from "@mall/domain/kernel/Currency"
import { finding, pageSize } from "@mall/platform/doctor/Checks"
import type { Check } from "@mall/platform/doctor/Checks"
import { among, firstUuid, wrongOf } from "@mall/platform/doctor/looks"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"

const Row = Schema.Struct({ id: Schema.String, currency: Currency, kept: Schema.Int })

/** Finds what buyers paid twice and nobody gives back: its refund failed, and a person asks for another. */
export const surplusCheck = Effect.map(SqlClient.SqlClient, (sql): Check => {
  const changed = { id: "i.id", changed: (since: Date) => sql`i.updated_at >= ${since}` }
  const look = wrongOf(sql, Row, ({ currency, id, kept }) =>
    finding(
      { type: "payment", id },
      `payment ${id} was paid twice, and ${kept} ${currency} of it could not be given back`,
      { expected: 0, found: kept, accounts: [] }
    )
  )
  return {
    name: "surplus_returned",
    says: "What was captured besides a payment goes back",
    severity: "P1",
    reach: "database",
    look: ({ after, selection }) =>
      look(sql`
        SELECT s.*, s.kept > 0 AS is_wrong FROM (
          SELECT i.id, i.currency, coalesce((
            SELECT sum(a.amount) FROM payments.attempts AS a
            WHERE a.payment_id = i.id AND a.status = 'succeeded'
              AND EXISTS (SELECT FROM payments.refunds AS r WHERE r.attempt_id = a.id AND r.surplus)
              AND NOT EXISTS (
                SELECT FROM payments.refunds AS r WHERE r.attempt_id = a.id AND r.surplus AND r.status <> 'failed')
          ), 0)::bigint AS kept
          FROM payments.intents AS i
          WHERE ${among(sql, selection, changed)} AND i.id > ${after ?? firstUuid}::uuid
          ORDER BY i.id LIMIT ${pageSize}
        ) AS s`)
  }
})
