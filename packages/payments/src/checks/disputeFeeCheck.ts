import { accountCode } from "@mall/domain/ledger/Account"
import { BookedTransfers } from "@mall/domain/ledger/BookedTransfers"
import { Currency } from "@mall/domain/kernel/Currency"
import { FeeSchedule } from "@mall/domain/merchants/FeeSchedule"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { DisputeId } from "@mall/domain/payments/Dispute"
import { DisputeStatus } from "@mall/domain/payments/DisputeLifecycle"
import { finding, lookedAt, pageSize } from "@mall/platform/doctor/Checks"
import type { Check } from "@mall/platform/doctor/Checks"
import { among, firstUuid } from "@mall/platform/doctor/looks"
import { inSnapshot } from "@mall/platform/inSnapshot"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { disputeCaseOf } from "../books/disputeFees.ts"

const Row = Schema.Struct({
  ...{ id: DisputeId, merchantId: MerchantId, currency: Currency },
  ...{ status: DisputeStatus, createdAt: Schema.Date }
})

/** Compares what merchants were charged for disputes with their plans and with what the books moved for it. */
export const disputeFeeCheck = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const booked = yield* BookedTransfers
  const fees = yield* FeeSchedule
  const decode = Schema.decodeUnknownEffect(Schema.Array(Row))
  const changed = { id: "d.id", changed: (since: Date) => sql`d.updated_at >= ${since}` }

  const check: Check = {
    name: "dispute_fees_posted",
    says: "Every dispute costs what its fee plan says of its state, and the books moved that",
    severity: "P0",
    reach: "database",
    look: Effect.fnUntraced(function* ({ after, selection }) {
      const found = yield* sql`
        SELECT d.id, d.merchant_id, d.currency, d.status, d.created_at FROM payments.disputes AS d
        WHERE d.merchant_id IS NOT NULL AND ${among(sql, selection, changed)} AND d.id > ${after ?? firstUuid}::uuid
        ORDER BY d.id LIMIT ${pageSize}`
      const rows = yield* decode(found)
      const kept = yield* fees.keptOfDisputes(rows.flatMap(disputeCaseOf))
      const moved = yield* booked.about(
        rows.map(({ id }) => id),
        ["fee"]
      )
      return lookedAt(rows, ({ currency, id, merchantId }) => {
        const account = accountCode({ owner: merchantId, kind: "payable", detail: null, currency })
        const charged = kept.get(id) ?? { kept: 0, due: 0 }
        const inBooks = (moved.get(id) ?? [])
          .filter((entry) => entry.account === account)
          .reduce((sum, { posted }) => sum - posted, 0)
        if (charged.kept === charged.due && charged.due === inBooks) return undefined
        const said = `its plan says ${charged.due}, ${charged.kept} was charged and the ledger says ${inBooks}`
        return finding({ type: "dispute", id }, `of the fee of dispute ${id} ${said}`, {
          ...{ expected: charged.due, found: inBooks, accounts: [account] }
        })
      })
    }, inSnapshot(sql))
  }
  return check
})
