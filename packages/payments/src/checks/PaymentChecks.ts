import { accountCode } from "@mall/domain/ledger/Account"
import { Journal } from "@mall/domain/ledger/Journal"
import { Currency } from "@mall/domain/kernel/Currency"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import * as Checks from "@mall/platform/doctor/Checks"
import { finding, lookedAt, pageSize } from "@mall/platform/doctor/Checks"
import type { Check, Look } from "@mall/platform/doctor/Checks"
import { among, firstUuid, wrongOf } from "@mall/platform/doctor/looks"
import { inSnapshot } from "@mall/platform/inSnapshot"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { PaymentBooks } from "../books/PaymentBooks.ts"
import { channelCheck } from "./channelCheck.ts"
import { disputeFeeCheck } from "./disputeFeeCheck.ts"
import { feeCheck } from "./feeCheck.ts"
import { surplusCheck } from "./surplusCheck.ts"
import { paymentEvents } from "./paymentEvents.ts"

const ofMerchant = { id: Schema.String, merchantId: Schema.NullOr(MerchantId), currency: Currency }
const Totals = Schema.Struct({
  ...ofMerchant,
  captured: Schema.Int,
  refunded: Schema.Int,
  held: Schema.Int,
  tried: Schema.Int,
  givenBack: Schema.Int,
  onItsWay: Schema.Int
})
const DisputeRow = Schema.Struct({
  ...ofMerchant,
  currency: Schema.NullOr(Currency),
  paymentId: Schema.NullOr(Schema.String),
  taken: Schema.Int
})
const Orphan = Schema.Struct({ id: Schema.String, what: Schema.String, names: Schema.String })

const payment = (id: string) => ({ type: "payment", id })

/** The account through which the merchant's money of a payment leaves. */
const payableOf = (owner: MerchantId | null, currency: Currency) =>
  accountCode({ owner, kind: "payable", detail: null, currency })

const made = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const books = yield* PaymentBooks
  const journal = yield* Journal

  const chosen = ({ after, selection }: Look, table: "i" | "d") => {
    const changed = (since: Date) => sql`${sql(table)}.updated_at >= ${since}`
    return sql`${among(sql, selection, { id: `${table}.id`, changed })} AND ${sql(table)}.id > ${after ?? firstUuid}::uuid`
  }

  const inLedger: Check = {
    name: "payment_books",
    says: "What the ledger holds for a payment is what was captured less what was given back",
    severity: "P0",
    reach: "database",
    look: ({ after, selection }) =>
      Effect.map(books.look(selection, after), ({ count, differences, last }) => ({
        looked: count,
        findings: differences.map(({ booked, currency, held, merchantId, paymentId }) =>
          finding(payment(paymentId), `payment ${paymentId} holds ${held}, the ledger says ${booked ?? "nothing"}`, {
            expected: held,
            found: booked ?? "nothing",
            accounts: [payableOf(merchantId, currency)]
          })
        ),
        next: last ?? null
      }))
  }

  const wrongTotals = wrongOf(sql, Totals, (row) => {
    const expected = `${row.tried} / ${row.givenBack} / ${row.onItsWay}`
    const found = `${row.captured} / ${row.refunded} / ${row.held}`
    const accounts = [payableOf(row.merchantId, row.currency)]
    const summary = `captured / refunded / held of payment ${row.id} are ${found}, its rows say ${expected}`
    return finding(payment(row.id), summary, { expected, found, accounts })
  })
  const totals: Check = {
    name: "payment_totals",
    says: "What a payment counts as captured, refunded and held is what its tries and refunds say",
    severity: "P0",
    reach: "database",
    look: (look) =>
      wrongTotals(sql`
        SELECT t.*, (t.captured, t.refunded, t.held) <> (t.tried, t."givenBack", t."onItsWay") AS is_wrong FROM (
          SELECT i.id, i.merchant_id AS "merchantId", i.currency, i.captured, i.refunded, i.held,
            coalesce((SELECT sum(a.amount) FROM payments.attempts AS a
              WHERE a.payment_id = i.id AND a.status = 'succeeded'
                AND NOT EXISTS (SELECT FROM payments.refunds AS s WHERE s.attempt_id = a.id AND s.surplus)), 0)::bigint AS tried,
            coalesce((SELECT sum(r.amount) FROM payments.refunds AS r
              WHERE r.payment_id = i.id AND NOT r.surplus AND r.status = 'succeeded'), 0)::bigint AS "givenBack",
            coalesce((SELECT sum(r.amount) FROM payments.refunds AS r
              WHERE r.payment_id = i.id AND NOT r.surplus
                AND r.status IN ('pending', 'processing', 'unknown')), 0)::bigint AS "onItsWay"
          FROM payments.intents AS i
          WHERE ${chosen(look, "i")} ORDER BY i.id LIMIT ${pageSize}
        ) AS t`)
  }

  const decodeDisputes = Schema.decodeUnknownEffect(Schema.Array(DisputeRow))
  const disputes: Check = {
    name: "dispute_books",
    says: "What the ledger says a dispute took is what its channel took",
    severity: "P0",
    reach: "database",
    look: Effect.fnUntraced(function* (look) {
      const found = yield* sql`
          SELECT d.id, d.merchant_id, d.balance_currency AS currency, d.payment_id,
            coalesce(d.withdrawn, 0) + coalesce(d.fees, 0) AS taken
          FROM payments.disputes AS d
          WHERE ${chosen(look, "d")} ORDER BY d.id LIMIT ${pageSize}`
      const rows = yield* decodeDisputes(found)
      const booked = yield* journal.held(
        rows.map(({ id }) => id),
        "disputes"
      )
      return lookedAt(rows, ({ currency, id, merchantId, paymentId, taken }) => {
        const inBooks = -(booked.get(id) ?? 0)
        if (inBooks === taken) return undefined
        return finding({ type: "dispute", id }, `dispute ${id} took ${taken}, the ledger says ${inBooks}`, {
          expected: taken,
          found: inBooks,
          accounts: currency === null ? [] : [payableOf(merchantId, currency)],
          related: paymentId === null ? [] : [payment(paymentId)]
        })
      })
    }, inSnapshot(sql))
  }

  const decodeOrphans = Schema.decodeUnknownEffect(Schema.Array(Orphan))
  const orphans: Check = {
    name: "payment_orphans",
    says: "Every try, refund, dispute and ticket is of a payment that exists",
    severity: "P1",
    reach: "database",
    // the tables refuse them, so that only a full look goes through all rows
    look: ({ selection }) =>
      selection.type === "since"
        ? Effect.succeed({ looked: 0, findings: [], next: null })
        : sql`
            SELECT a.id::text AS id, 'try' AS what, a.payment_id::text AS names FROM payments.attempts AS a
              WHERE NOT EXISTS (SELECT FROM payments.intents AS i WHERE i.id = a.payment_id)
            UNION ALL SELECT r.id::text, 'refund', r.payment_id::text FROM payments.refunds AS r
              WHERE NOT EXISTS (SELECT FROM payments.attempts AS a WHERE a.id = r.attempt_id AND a.payment_id = r.payment_id)
            UNION ALL SELECT d.id::text, 'dispute', d.payment_id::text FROM payments.disputes AS d
              WHERE d.payment_id IS NOT NULL AND NOT EXISTS (SELECT FROM payments.intents AS i WHERE i.id = d.payment_id)
            UNION ALL SELECT t.payment_id::text, 'ticket', t.payment_id::text FROM payments.tickets AS t
              WHERE NOT EXISTS (SELECT FROM payments.intents AS i WHERE i.id = t.payment_id)
            LIMIT ${pageSize}`.pipe(
            Effect.flatMap(decodeOrphans),
            Effect.map((rows) => ({
              looked: rows.length,
              findings: rows.map(({ id, names, what }) =>
                finding({ type: what, id }, `${what} ${id} names payment ${names}, which is not there`, {
                  related: [payment(names)]
                })
              ),
              next: null
            }))
          )
  }

  return {
    checks: [
      ...[inLedger, totals, disputes, orphans],
      ...[yield* channelCheck, yield* feeCheck, yield* disputeFeeCheck, yield* surplusCheck]
    ],
    events: [yield* paymentEvents]
  }
})

/** What payments makes sure of. Needs `Checks`, the services of `PaymentServices` and the ports `BookedTransfers`, `FeeSchedule` and `Journal`. */
export const layer = Checks.layer(made)
