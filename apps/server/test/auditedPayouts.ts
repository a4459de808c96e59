import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { AccountCode } from "@mall/domain/ledger/Account"
import { TransferId } from "@mall/domain/ledger/Transfer"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import type { PayoutStatus } from "@mall/domain/treasury/Payout"
import type { SettlementId, SettlementStatus } from "@mall/domain/treasury/Settlement"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { drive, Mall, nothingFrom } from "./auditedMall.ts"
import { addBankAccount } from "./bankAccounts.ts"
import { eventually, sandboxAt } from "./shoppers.ts"

const newTransferId = generator(TransferId)
const newPayoutId = generator(PayoutId)
const reason = "because"

/** The merchant gets so much on an account of theirs, by hand. */
const give = Effect.fnUntraced(function* (kind: "payable" | "settlement", amount: number) {
  const { admin, merchant } = yield* Mall
  const { merchantId } = yield* merchant.storefront["account.me"]()
  const legs = [
    { account: AccountCode.make("platform:adjustments:CNY"), side: "debit", amount: MinorUnits.make(amount) },
    { account: AccountCode.make(`${merchantId}:${kind}:CNY`), side: "credit", amount: MinorUnits.make(amount) }
  ] as const
  yield* admin.admin["admin.ledger.adjust"]({ id: yield* newTransferId, legs, reason })
  return yield* Effect.fromNullishOr(merchantId)
})

/** Settlements are begun by hand, and tried again where the books refused them. */
export const driveSettlements = Effect.gen(function* () {
  const { admin } = yield* Mall
  const sql = yield* SqlClient.SqlClient
  const merchantId = yield* give("payable", 500)
  const { settlements } = admin.mall
  const rpc = admin.admin
  const becomes = (id: SettlementId, status: SettlementStatus) =>
    eventually(
      rpc["admin.settlements.show"]({ id }),
      ({ settlement }) => settlement.status === status,
      `the settlement to be ${status}`
    )
  const setClosed = (isClosed: boolean) => sql`
    UPDATE ledger.balances AS b SET is_closed = ${isClosed} FROM ledger.accounts AS a
    WHERE a.id = b.account_id AND a.code = ${`${merchantId}:payable:CNY`}`
  const asked = { merchantId, currency: "CNY", reason } as const

  yield* setClosed(true)
  const { id } = yield* drive("POST /api/v1/settlements", admin, settlements.run({ payload: asked }))
  yield* becomes(id, "failed")
  const retry = settlements.retry({ params: { id }, payload: { reason } })
  yield* drive("POST /api/v1/settlements/:id/retry", admin, retry)
  yield* becomes(id, "failed")
  yield* setClosed(false)
  const byRpc = rpc["admin.settlements.retry"]({ id, reason })
  yield* drive("rpc admin.settlements.retry", admin, byRpc)
  yield* becomes(id, "settled")
  yield* nothingFrom("what is settled", byRpc)
  yield* nothingFrom("a settlement of nothing", settlements.run({ payload: asked }))
  yield* give("payable", 700)
  const next = yield* drive("rpc admin.settlements.run", admin, rpc["admin.settlements.run"](asked))
  yield* becomes(next.id, "settled")
})

/** Withdrawals are asked for, cancelled, approved, rejected, asked about at the bank, and come back. */
export const driveWithdrawals = Effect.gen(function* () {
  const { admin, merchant, sandboxUrl } = yield* Mall
  const sql = yield* SqlClient.SqlClient
  const bank = sandboxAt(sandboxUrl)
  yield* give("settlement", 90_000_000)
  const accountId = yield* addBankAccount({ admin, merchant }, reason)
  yield* sql`UPDATE treasury.payout_accounts SET usable_from = now() - interval '1 hour' WHERE id = ${accountId}`

  const { withdrawals } = merchant.mall
  /** So much that people of the mall have to approve it. */
  const withdrawal = { money: Money.of(6_000_000, "CNY"), reason }
  const payload = { reason }
  const create = withdrawals.create({ payload: withdrawal })
  const first = yield* drive("POST /api/v1/withdrawals", merchant, create, { before: null })
  const cancel = withdrawals.cancel({ params: { id: first.payout.id }, payload })
  const canceled = { before: { status: "awaiting_approval" }, after: { status: "cancelled" } }
  yield* drive("POST /api/v1/withdrawals/:id/cancel", merchant, cancel, canceled)
  yield* nothingFrom("what is cancelled already", cancel)

  const rpc = merchant.merchant
  const ask = Effect.fnUntraced(function* (asked: typeof withdrawal) {
    const id = yield* newPayoutId
    return { id, work: rpc["withdrawals.create"]({ id, withdrawal: asked }) }
  })
  const second = yield* ask(withdrawal)
  yield* drive("rpc withdrawals.create", merchant, second.work, { before: null })
  yield* nothingFrom("the same withdrawal again", second.work)
  yield* drive("rpc withdrawals.cancel", merchant, rpc["withdrawals.cancel"]({ id: second.id, reason }))

  const third = yield* ask(withdrawal)
  yield* third.work
  const approve = admin.admin["admin.payouts.approve"]({ id: third.id, reason })
  yield* drive("rpc admin.payouts.approve", admin, approve)
  yield* nothingFrom("who approves twice", approve)
  yield* drive(
    "rpc admin.payouts.cancel",
    admin,
    admin.admin["admin.payouts.cancel"]({ id: third.id, reason }),
    canceled
  )
  const fourth = yield* ask(withdrawal)
  yield* fourth.work
  yield* drive("rpc admin.payouts.reject", admin, admin.admin["admin.payouts.reject"]({ id: fourth.id, reason }))

  yield* bank.act("bank/mode", { mode: "hold" })
  const fifth = yield* ask({ money: Money.of(100_000, "CNY"), reason })
  yield* fifth.work
  const becomes = (status: PayoutStatus) =>
    eventually(
      admin.admin["admin.payouts.show"]({ id: fifth.id }),
      ({ payout }) => payout.status === status,
      `the pay-out to be ${status}`
    )
  yield* becomes("submitted")
  const query = admin.admin["admin.payouts.query"]({ id: fifth.id })
  yield* drive("rpc admin.payouts.query", admin, query)
  yield* bank.act("bank/mode", { mode: "execute" })
  yield* bank.act(`bank/transfers/${fifth.id}/execute`)
  yield* Effect.exit(query)
  yield* becomes("paid")
  yield* nothingFrom("what is paid", query)
  const back = admin.admin["admin.payouts.return"]({ id: fifth.id, reason })
  yield* drive("rpc admin.payouts.return", admin, back, { before: { status: "paid" }, after: { status: "returned" } })
})
