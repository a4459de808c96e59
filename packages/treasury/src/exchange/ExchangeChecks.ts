import { accountCode } from "@mall/domain/ledger/Account"
import { BookedTransfers } from "@mall/domain/ledger/BookedTransfers"
import { conversion } from "@mall/domain/ledger/conversion"
import * as Checks from "@mall/platform/doctor/Checks"
import { finding, lookedAt, pageSize } from "@mall/platform/doctor/Checks"
import type { Check } from "@mall/platform/doctor/Checks"
import { among, firstUuid } from "@mall/platform/doctor/looks"
import { inSnapshot } from "@mall/platform/inSnapshot"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { quoteColumns, QuoteRow, sidesOf } from "./QuoteRepo.ts"

/** Credits less debits of each account, in one order. */
const inWords = (moves: ReadonlyArray<readonly [account: string, amount: number]>) =>
  moves.length === 0
    ? "nothing"
    : moves
        .map(([account, amount]) => `${account} ${amount}`)
        .toSorted()
        .join(", ")

const legsOf = (row: QuoteRow) =>
  row.acceptedAt === null
    ? []
    : conversion({ ...row, ...sidesOf(row) }).map(
        ({ account, amount, side }) => [account, side === "credit" ? amount : -amount] as const
      )

const made = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const booked = yield* BookedTransfers
  const decode = Schema.decodeUnknownEffect(Schema.Array(QuoteRow))

  const changed = {
    id: "q.id",
    // one that nobody accepted is gone soon after its time
    changed: (since: Date) => sql`(q.accepted_at >= ${since} OR q.accepted_at IS NULL AND q.expires_at >= ${since})`
  }

  const conversions: Check = {
    name: "fx_conversions",
    says: "A quote that was accepted is in the books with its sums, once, and no other is",
    severity: "P0",
    reach: "database",
    look: Effect.fnUntraced(function* ({ after, selection }) {
      const rows = yield* decode(
        yield* sql`
            SELECT ${quoteColumns(sql)} FROM treasury.fx_quotes AS q
            WHERE ${among(sql, selection, changed)} AND q.id > ${after ?? firstUuid}::uuid ORDER BY q.id LIMIT ${pageSize}`
      )
      const moved = yield* booked.about(
        rows.map(({ id }) => id),
        ["conversion"]
      )
      return lookedAt(rows, (row) => {
        const { buyCurrency, id, merchantId, sellCurrency } = row
        const expected = inWords(legsOf(row))
        const found = inWords((moved.get(id) ?? []).map(({ account, posted }) => [account, posted]))
        if (expected === found) return undefined
        return finding({ type: "fx_quote", id }, `quote ${id} moves ${expected}; the books say ${found}`, {
          ...{ expected, found },
          accounts: [sellCurrency, buyCurrency].map((currency) =>
            accountCode({ owner: merchantId, kind: "settlement", detail: null, currency })
          )
        })
      })
    }, inSnapshot(sql))
  }

  return { checks: [conversions] }
})

/** What the exchange makes sure of. Needs `Checks`, `SqlClient` and the port `BookedTransfers`. */
export const layer = Checks.layer(made)
