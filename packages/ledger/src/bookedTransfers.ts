import { AccountCode } from "@mall/domain/ledger/Account"
import { BookedEntry, BookedTransfers } from "@mall/domain/ledger/BookedTransfers"
import { Array, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** The port by which other contexts compare their rows with the books. */
export const bookedTransfersLayer = Layer.effect(
  BookedTransfers,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const selectAbout = SqlSchema.findAll({
      Request: Schema.Struct({ subjects: Schema.Array(Schema.String), purposes: Schema.Array(Schema.String) }),
      Result: BookedEntry,
      execute: ({ purposes, subjects }) => sql`
        SELECT t.id AS transfer_id, t.purpose, t.subject, a.code AS account,
          e.credits_posted - e.debits_posted AS posted, e.credits_pending - e.debits_pending AS pending
        FROM ledger.transfers AS t
        JOIN ledger.entries AS e ON e.transfer_id = t.id
        JOIN ledger.accounts AS a ON a.id = e.account_id
        WHERE t.subject = ANY(${subjects}::text[]) AND t.purpose = ANY(${purposes}::text[])
        ORDER BY t.id, a.code`
    })
    const selectBalances = SqlSchema.findAll({
      Request: Schema.Array(Schema.String),
      Result: Schema.Struct({ code: AccountCode, balance: Schema.Int }),
      execute: (codes) => sql`
        SELECT a.code, sum(b.credits_posted - b.debits_posted)::bigint AS balance
        FROM ledger.accounts AS a JOIN ledger.balances AS b ON b.account_id = a.id
        WHERE a.code = ANY(${codes}::text[]) GROUP BY a.code`
    })
    return BookedTransfers.of({
      about: (subjects, purposes) =>
        selectAbout({ subjects, purposes }).pipe(
          Effect.map((rows) => new Map(Object.entries(Array.groupBy(rows, ({ subject }) => subject)))),
          Effect.catchTag("SchemaError", Effect.die)
        ),
      balances: (codes) =>
        selectBalances(codes).pipe(
          Effect.map((rows) => new Map(rows.map(({ balance, code }) => [code, balance]))),
          Effect.catchTag("SchemaError", Effect.die)
        )
    })
  })
)
