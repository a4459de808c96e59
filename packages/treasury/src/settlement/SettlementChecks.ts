import { accountCode } from "@mall/domain/ledger/Account"
import type { AccountKind } from "@mall/domain/ledger/Account"
import { BookedTransfers } from "@mall/domain/ledger/BookedTransfers"
import { PayableEntries } from "@mall/domain/ledger/PayableEntries"
import { Currency } from "@mall/domain/kernel/Currency"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { SettlementStatus } from "@mall/domain/treasury/Settlement"
import * as Checks from "@mall/platform/doctor/Checks"
import { finding, lookedAt, pageSize } from "@mall/platform/doctor/Checks"
import type { Check, Selection } from "@mall/platform/doctor/Checks"
import { among, firstUuid } from "@mall/platform/doctor/looks"
import { inSnapshot } from "@mall/platform/inSnapshot"
import { Duration, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { lateMargin } from "./gathering.ts"
import type { Owed } from "./SettlementRepo.ts"

const owed = { id: Schema.String, merchantId: MerchantId, currency: Currency }
const Stated = Schema.Struct({
  ...owed,
  status: SettlementStatus,
  net: Schema.NullOr(Schema.Int),
  settled: Schema.NullOr(Schema.Int),
  reserve: Schema.NullOr(Schema.Int),
  items: Schema.Int,
  carried: Schema.Int
})
const Settled = Schema.Struct({ ...owed, from: Schema.Date, until: Schema.Date, items: Schema.Int, amount: Schema.Int })
const Held = Schema.Struct({ ...owed, held: Schema.Int })

/** How far back before the last cut-off an ordinary look goes for what nobody settled. */
const lookBack = Duration.toMillis("3 days")

const accountOf = ({ currency, merchantId }: Owed, kind: AccountKind) =>
  accountCode({ owner: merchantId, kind, detail: null, currency })

/** Merchants and currencies are pages in the order of this. */
const key = "s.merchant_id || '/' || s.currency"

const made = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const booked = yield* BookedTransfers
  const entries = yield* PayableEntries

  const rowsOf = <S extends Schema.Constraint>(row: S) => {
    const decode = Schema.decodeUnknownEffect(Schema.Array(row))
    return (rows: Effect.Effect<ReadonlyArray<unknown>, SqlError>) => Effect.flatMap(rows, decode)
  }
  /** What is one merchant's in one currency: too few to be found by what changed. */
  const amongOwed = (selection: Selection) =>
    selection.type === "subjects" ? sql`${sql.literal(key)} = ANY(${selection.ids}::text[])` : sql`true`

  const changed = { id: "s.id", changed: (since: Date) => sql`s.updated_at >= ${since}` }
  const selectStated = (selection: Selection, after: string) =>
    rowsOf(Stated)(sql`
      SELECT s.id, s.merchant_id, s.currency, s.status, s.net, s.settled, s.reserve,
        coalesce((SELECT sum(i.amount) FROM treasury.settlement_items AS i WHERE i.settlement_id = s.id), 0)::bigint AS items,
        coalesce((SELECT c.carried_out FROM treasury.settlements AS c WHERE c.id = s.carried_from), 0) AS carried
      FROM treasury.settlements AS s
      WHERE ${among(sql, selection, changed)} AND s.id > ${after}::uuid ORDER BY s.id LIMIT ${pageSize}`)

  const items: Check = {
    name: "settlement_items",
    says: "What a settlement states is the sum of its items and of what was carried, and what it posted is what it states",
    severity: "P0",
    reach: "database",
    look: ({ after, selection }) =>
      Effect.gen(function* () {
        const rows = yield* selectStated(selection, after ?? firstUuid)
        const moved = yield* booked.about(
          rows.map(({ id }) => id),
          ["settlement", "reserve"]
        )
        return lookedAt(rows, (row) => {
          const isSettled = row.status === "settled"
          const isStated = isSettled || row.status === "carried" || row.status === "stated"
          const inBooks = (kind: AccountKind) =>
            (moved.get(row.id) ?? [])
              .filter(({ account }) => account === accountOf(row, kind))
              .reduce((sum, { posted }) => sum + posted, 0)
          const net = isStated ? row.items + row.carried : row.net
          const expected = `${net} / ${isSettled ? row.settled : 0} / ${isSettled ? row.reserve : 0}`
          const found = `${row.net} / ${inBooks("settlement")} / ${inBooks("reserves")}`
          if (expected === found) return undefined
          return finding(
            { type: "settlement", id: row.id },
            `net / settled / reserve of settlement ${row.id} are ${found}, its items and its statement say ${expected}`,
            { expected, found, accounts: [accountOf(row, "payable"), accountOf(row, "settlement")] }
          )
        })
      }).pipe(inSnapshot(sql))
  }

  const selectSettled = (selection: Selection, after: string) => {
    const back = selection.type === "since" ? lookBack : Infinity
    const from =
      back === Infinity ? sql`'epoch'::timestamptz` : sql`s.settled_through - make_interval(secs => ${back / 1000})`
    return rowsOf(Settled)(sql`
      SELECT o.id, o.merchant_id, o.currency, o."from", o."until", count(i.entry_id) AS items,
        coalesce(sum(i.amount), 0)::bigint AS amount
      FROM (
        SELECT ${sql.literal(key)} AS id, s.merchant_id, s.currency, ${from} AS "from",
          s.settled_through - make_interval(secs => ${lateMargin / 1000}) AS "until"
        FROM treasury.settlement_schedules AS s
        WHERE s.settled_through IS NOT NULL AND ${amongOwed(selection)} AND ${sql.literal(key)} > ${after}
        ORDER BY 1 LIMIT ${pageSize}
      ) AS o
      LEFT JOIN treasury.settlements AS t
        ON t.merchant_id = o.merchant_id AND t.currency = o.currency AND t.cut_off > o."from"
      LEFT JOIN treasury.settlement_items AS i
        ON i.settlement_id = t.id AND i.at >= o."from" AND i.at < o."until"
      GROUP BY o.id, o.merchant_id, o.currency, o."from", o."until" ORDER BY o.id`)
  }

  const gaps: Check = {
    name: "settlement_gaps",
    says: "All that was owed before the last cut-off is an item of one settlement",
    severity: "P0",
    reach: "database",
    look: ({ after, selection }) =>
      Effect.gen(function* () {
        const rows = yield* selectSettled(selection, after ?? "")
        const totals = new Map((yield* entries.totals(rows)).map((total) => [accountOf(total, "payable"), total]))
        return lookedAt(rows, (row) => {
          const account = accountOf(row, "payable")
          const total = totals.get(account)
          const expected = `${total?.entries ?? 0} of ${total?.amount ?? 0}`
          const found = `${row.items} of ${row.amount}`
          if (expected === found) return undefined
          return finding(
            { type: "schedule", id: row.id },
            `until ${row.until.toISOString()} the books have ${expected} on ${account}, settlements have ${found}`,
            { expected, found, accounts: [account] }
          )
        })
      }).pipe(inSnapshot(sql))
  }

  const selectHeld = (selection: Selection, after: string) =>
    rowsOf(Held)(sql`
      SELECT ${sql.literal(key)} AS id, s.merchant_id, s.currency, coalesce(h.held, 0) AS held
      FROM treasury.settlement_schedules AS s
      LEFT JOIN (
        SELECT r.merchant_id, r.currency, sum(r.reserve)::bigint AS held FROM treasury.settlements AS r
        WHERE r.status = 'settled' AND r.reserve > 0 AND r.reserve_released_at IS NULL GROUP BY r.merchant_id, r.currency
      ) AS h ON h.merchant_id = s.merchant_id AND h.currency = s.currency
      WHERE ${amongOwed(selection)} AND ${sql.literal(key)} > ${after} ORDER BY 1 LIMIT ${pageSize}`)

  const reserves: Check = {
    name: "reserves_held",
    says: "What is held back of a merchant is what settlements hold back and have not released",
    severity: "P0",
    reach: "database",
    look: ({ after, selection }) =>
      Effect.gen(function* () {
        const rows = yield* selectHeld(selection, after ?? "")
        const balances = yield* booked.balances(rows.map((row) => accountOf(row, "reserves")))
        return lookedAt(rows, (row) => {
          const account = accountOf(row, "reserves")
          const balance = balances.get(account) ?? 0
          if (balance === row.held) return undefined
          return finding(
            { type: "schedule", id: row.id },
            `${account} has ${balance}, settlements hold back ${row.held}`,
            { expected: row.held, found: balance, accounts: [account] }
          )
        })
      }).pipe(inSnapshot(sql))
  }

  return { checks: [items, gaps, reserves] }
})

/** What settlement makes sure of. Needs `Checks`, `SqlClient` and the ports `BookedTransfers` and `PayableEntries`. */
export const layer = Checks.layer(made)
