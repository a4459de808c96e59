import { Payable, PayableEntries, PayableEntry, PayableTotal } from "@mall/domain/ledger/PayableEntries"
import type { Purpose } from "@mall/domain/ledger/Transfer"
import { accountCode } from "@mall/domain/ledger/Account"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"

const decodeEntries = Schema.decodeUnknownEffect(Schema.Array(PayableEntry))
const decodeTotals = Schema.decodeUnknownEffect(Schema.Array(PayableTotal))
const decodePayables = Schema.decodeUnknownEffect(Schema.Array(Payable))

/** By which what is owed was settled. */
const settling: ReadonlyArray<Purpose> = ["settlement", "reserve"]

/** The port by which settlement finds what it settles. What is pending only is not there yet. */
export const payableEntriesLayer = Layer.effect(
  PayableEntries,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return PayableEntries.of({
      page: Effect.fn("PayableEntries.page")(
        function* ({ currency, from, merchantId, until }, after, limit) {
          const code = accountCode({ owner: merchantId, kind: "payable", detail: null, currency })
          const rows = yield* sql`
            SELECT e.id AS entry_id, e.transfer_id, t.purpose, t.subject, e.credits_posted - e.debits_posted AS amount, e.at
            FROM ledger.accounts AS a
            JOIN ledger.entries AS e ON e.account_id = a.id
            JOIN ledger.transfers AS t ON t.id = e.transfer_id
            WHERE a.code = ${code} AND e.at >= ${from} AND e.at < ${until} AND e.id > ${after}
              AND e.credits_posted <> e.debits_posted AND t.purpose <> ALL (${settling}::text[])
            ORDER BY e.id LIMIT ${limit}`
          return yield* decodeEntries(rows)
        },
        Effect.catchTag("SchemaError", Effect.die)
      ),
      totals: Effect.fn("PayableEntries.totals")(
        function* (spans) {
          const rows = yield* sql`
            SELECT a.merchant_id, a.currency, count(*) AS entries, sum(e.credits_posted - e.debits_posted)::bigint AS amount
            FROM json_to_recordset(${JSON.stringify(spans)}::json) AS s (
              "merchantId" uuid, currency text, "from" timestamptz, "until" timestamptz)
            JOIN ledger.accounts AS a ON a.code = s."merchantId" || ':payable:' || s.currency
            JOIN ledger.entries AS e ON e.account_id = a.id
            JOIN ledger.transfers AS t ON t.id = e.transfer_id
            WHERE e.at >= s."from" AND e.at < s."until"
              AND e.credits_posted <> e.debits_posted AND t.purpose <> ALL (${settling}::text[])
            GROUP BY a.merchant_id, a.currency`
          return yield* decodeTotals(rows)
        },
        Effect.catchTag("SchemaError", Effect.die)
      ),
      openedSince: Effect.fn("PayableEntries.openedSince")(
        function* (since) {
          const rows = yield* sql`
            SELECT a.merchant_id, a.currency, a.created_at AS opened_at FROM ledger.accounts AS a
            WHERE a.kind = 'payable' AND a.merchant_id IS NOT NULL AND a.created_at >= ${since} ORDER BY a.id`
          return yield* decodePayables(rows)
        },
        Effect.catchTag("SchemaError", Effect.die)
      )
    })
  })
)
