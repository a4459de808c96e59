import { accountCode } from "@mall/domain/ledger/Account"
import { BookedTransfers } from "@mall/domain/ledger/BookedTransfers"
import type { BookedEntry } from "@mall/domain/ledger/BookedTransfers"
import { Currency } from "@mall/domain/kernel/Currency"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PayoutStatus } from "@mall/domain/treasury/Payout"
import * as Checks from "@mall/platform/doctor/Checks"
import { finding, lookedAt, pageSize } from "@mall/platform/doctor/Checks"
import type { Check } from "@mall/platform/doctor/Checks"
import { among, firstUuid } from "@mall/platform/doctor/looks"
import { inSnapshot } from "@mall/platform/inSnapshot"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"

const Row = Schema.Struct({
  ...{ id: Schema.String, merchantId: MerchantId, currency: Currency, amount: Schema.Int, status: PayoutStatus },
  subject: Schema.NullOr(Schema.String)
})

/** What is held for it, what left, what came back, and by how many transfers. */
const standing = (held: number, paid: number, returned: number, transfers: number) =>
  `${held} held, ${paid} paid, ${returned} returned by ${transfers}`

const standsBy = ({ amount, status }: typeof Row.Type) => {
  switch (status) {
    case "requested":
    case "awaiting_approval":
    case "approved":
    case "submitting":
    case "submitted":
    case "unknown":
      return standing(amount, 0, 0, 1)
    case "paid":
      return standing(0, amount, 0, 2)
    case "returned":
      return standing(0, amount, amount, 3)
    case "refused":
    case "rejected":
    case "cancelled":
      return standing(0, 0, 0, 2)
  }
}

const standsInBooks = (entries: ReadonlyArray<BookedEntry>) => {
  const sum = (of: (entry: BookedEntry) => number) => entries.reduce((total, entry) => total + of(entry), 0)
  const posted = (purpose: string) => sum((entry) => (entry.purpose === purpose ? entry.posted : 0))
  return standing(
    0 - sum(({ pending }) => pending),
    0 - posted("payout"),
    posted("payout_return"),
    new Set(entries.map(({ transferId }) => transferId)).size
  )
}

const made = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const booked = yield* BookedTransfers
  const decode = Schema.decodeUnknownEffect(Schema.Array(Row))

  const changed = { id: "p.id", changed: (since: Date) => sql`p.updated_at >= ${since}` }

  const transfers: Check = {
    name: "payout_transfers",
    says: "What the books hold, paid and took back for a pay-out is what its state says",
    severity: "P0",
    reach: "database",
    look: Effect.fnUntraced(function* ({ after, selection }) {
      const rows = yield* decode(
        yield* sql`
            SELECT p.id, p.merchant_id, p.currency, p.amount, p.status, p.subject FROM treasury.payouts AS p
            WHERE ${among(sql, selection, changed)} AND p.id > ${after ?? firstUuid}::uuid ORDER BY p.id LIMIT ${pageSize}`
      )
      const moved = yield* booked.about(
        rows.map(({ id }) => id),
        ["payout", "payout_return"]
      )
      return lookedAt(rows, (row) => {
        const { currency, id, merchantId, status, subject } = row
        const account = accountCode({ owner: merchantId, kind: "settlement", detail: null, currency })
        const expected = standsBy(row)
        const found = standsInBooks((moved.get(id) ?? []).filter((entry) => entry.account === account))
        if (expected === found) return undefined
        return finding({ type: "payout", id }, `pay-out ${id} is ${status}: ${expected}; the books say ${found}`, {
          ...{ expected, found, accounts: [account] },
          related: subject === null ? [] : [{ type: "settlement", id: subject }]
        })
      })
    }, inSnapshot(sql))
  }

  return { checks: [transfers] }
})

/** What pay-outs make sure of. Needs `Checks`, `SqlClient` and the port `BookedTransfers`. */
export const layer = Checks.layer(made)
