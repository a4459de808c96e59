import { accountCode } from "@mall/domain/ledger/Account"
import { BookedTransfers } from "@mall/domain/ledger/BookedTransfers"
import { FeeSchedule } from "@mall/domain/merchants/FeeSchedule"
import { Currency } from "@mall/domain/kernel/Currency"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { AttemptId, ChannelId } from "@mall/domain/payments/Payment"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { finding, lookedAt, pageSize } from "@mall/platform/doctor/Checks"
import type { Check } from "@mall/platform/doctor/Checks"
import { among, firstUuid } from "@mall/platform/doctor/looks"
import { inSnapshot } from "@mall/platform/inSnapshot"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"

/** A payment and the try that paid it. */
const Row = Schema.Struct({
  ...{ id: PaymentId, merchantId: MerchantId, currency: Currency },
  ...{ attemptId: AttemptId, channel: ChannelId, amount: Schema.Int, at: Schema.Date }
})

/** Compares what merchants' payments were charged with what the books moved for it. */
export const feeCheck = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const booked = yield* BookedTransfers
  const fees = yield* FeeSchedule
  const decode = Schema.decodeUnknownEffect(Schema.Array(Row))
  const changed = { id: "i.id", changed: (since: Date) => sql`i.updated_at >= ${since}` }

  const check: Check = {
    name: "fees_posted",
    says: "Every capture under a fee plan was charged, and the books moved what the fee is, less what went back",
    severity: "P0",
    reach: "database",
    look: Effect.fnUntraced(function* ({ after, selection }) {
      const found = yield* sql`
        SELECT i.id, i.merchant_id, i.currency, a.id AS attempt_id, a.channel, a.amount, a.at
        FROM payments.intents AS i
        CROSS JOIN LATERAL (
          SELECT t.id, t.channel, t.amount, h.at
          FROM payments.attempts AS t
          JOIN payments.history AS h ON h.payment_id = i.id AND h.subject_id = t.id AND h.to_status = 'succeeded'
          WHERE t.payment_id = i.id AND t.status = 'succeeded'
            AND NOT EXISTS (SELECT FROM payments.refunds AS s WHERE s.attempt_id = t.id AND s.surplus)
          ORDER BY h.id LIMIT 1
        ) AS a
        WHERE i.merchant_id IS NOT NULL AND i.captured > 0 AND ${among(sql, selection, changed)}
          AND i.id > ${after ?? firstUuid}::uuid
        ORDER BY i.id LIMIT ${pageSize}`
      const rows = yield* decode(found)
      const kept = yield* fees.kept(
        rows.map(({ amount, currency, id, ...row }) => ({ ...row, paymentId: id, money: Money.of(amount, currency) }))
      )
      const moved = yield* booked.about(
        rows.map(({ id }) => id),
        ["fee"]
      )
      return lookedAt(rows, ({ attemptId, currency, id, merchantId }) => {
        const account = accountCode({ owner: merchantId, kind: "payable", detail: null, currency })
        const charged = kept.get(attemptId)
        const inBooks = (moved.get(id) ?? [])
          .filter((entry) => entry.account === account)
          .reduce((sum, { posted }) => sum - posted, 0)
        const expected = charged === null ? "not charged" : (charged ?? 0)
        if (expected === inBooks) return undefined
        return finding({ type: "payment", id }, `the fee of payment ${id} is ${expected}, the ledger says ${inBooks}`, {
          ...{ expected, found: inBooks, accounts: [account] }
        })
      })
    }, inSnapshot(sql))
  }
  return check
})
