import { assert, layer } from "@effect/vitest"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import type { SettlementId } from "@mall/domain/treasury/Settlement"
import { Doctor } from "@mall/platform/doctor/Doctor"
import { PayoutAccounts } from "@mall/treasury/payouts/PayoutAccounts"
import { PayoutDecisions } from "@mall/treasury/payouts/PayoutDecisions"
import { SettlementPayouts } from "@mall/treasury/settlement/SettlementPayouts"
import { SettlementReads } from "@mall/treasury/settlement/SettlementReads"
import { Terms } from "@mall/treasury/settlement/Terms"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { book, settle, termsOf } from "../../server/test/settlement/SettlementTest.ts"
import {
  accountOf,
  balance,
  banked,
  card,
  commandLineWith,
  makeDue,
  mode,
  newAccountId,
  newMerchantId,
  olga,
  reason,
  send,
  settled,
  staff,
  statusOf,
  transfersOf,
  withdraw
} from "./payouts.ts"

const shown = (id: SettlementId) =>
  SettlementReads.use((reads) => reads.show("all", id)).pipe(Effect.map(({ settlement }) => settlement))

/** A merchant to whom what is settled is paid out by itself, with 9000 to be settled. */
const paidOut = Effect.gen(function* () {
  const merchantId = yield* newMerchantId
  yield* Terms.use((terms) => terms.set(termsOf(merchantId, { isPaidOut: true }), "test"))
  yield* book(merchantId, 9000)
  return merchantId
})

/** What waits for its pay-out is due, and is asked for by three workers at once. */
const ask = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const payouts = yield* SettlementPayouts
  yield* sql`UPDATE treasury.settlements SET payout_due_at = now() - interval '1 second' WHERE payout_due_at IS NOT NULL`
  yield* Effect.all([payouts.requestDue(10), payouts.requestDue(10), payouts.requestDue(10)], { concurrency: 3 })
})

const payoutsOf = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`SELECT id FROM treasury.payouts WHERE merchant_id = ${merchantId} ORDER BY id`
  return rows.map((row) => PayoutId.make(String(row["id"])))
})

layer(commandLineWith({}), { excludeTestServices: true, timeout: "120 seconds" })("What is settled", (it) => {
  it.effect("is paid out by the bank with the settlement", () =>
    Effect.gen(function* () {
      const merchantId = yield* paidOut
      yield* banked(merchantId)
      const id = yield* settle(merchantId)
      const { payoutId, payoutNote } = yield* shown(id)
      assert.isNull(payoutNote)
      assert.deepStrictEqual(yield* payoutsOf(merchantId), [payoutId])
      const payout = payoutId ?? (yield* Effect.die("there is no pay-out"))
      assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 0)
      yield* send
      assert.deepStrictEqual([yield* statusOf(payout), yield* transfersOf(payout)], ["paid", ["executed"]])
    })
  )

  it.effect("waits for an account and its cooling off, and is then paid out once, whoever asks", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const accounts = yield* PayoutAccounts
      const merchantId = yield* paidOut
      const id = yield* settle(merchantId)
      const without = yield* shown(id)
      assert.deepStrictEqual([without.status, without.payoutId], ["settled", null])
      assert.include(without.payoutNote, "no verified account")
      yield* ask
      assert.deepStrictEqual(yield* payoutsOf(merchantId), [])

      const account = yield* newAccountId
      yield* accounts.add(merchantId, accountOf("CNY", card), staff, account)
      yield* accounts.verify(account, reason, olga)
      yield* ask
      assert.deepStrictEqual(yield* payoutsOf(merchantId), [])
      assert.strictEqual(yield* balance(settled(merchantId, "CNY")), 9000)

      yield* sql`UPDATE treasury.payout_accounts SET usable_from = now() - interval '1 hour' WHERE id = ${account}`
      yield* ask
      const after = yield* shown(id)
      assert.isNull(after.payoutNote)
      assert.deepStrictEqual(yield* payoutsOf(merchantId), [after.payoutId])
      yield* send
      yield* ask
      assert.deepStrictEqual(yield* payoutsOf(merchantId), [after.payoutId])
      const payout = after.payoutId ?? (yield* Effect.die("there is no pay-out"))
      assert.deepStrictEqual([yield* statusOf(payout), yield* transfersOf(payout)], ["paid", ["executed"]])
    })
  )

  it.effect("is not paid out later where the merchant took it out meanwhile", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const merchantId = yield* paidOut
      const id = yield* settle(merchantId)
      yield* banked(merchantId)
      const withdrawal = yield* withdraw(merchantId, 9000)
      yield* ask
      assert.include((yield* shown(id)).payoutNote, "settlement:CNY")
      assert.deepStrictEqual(yield* payoutsOf(merchantId), [withdrawal])
      const due = yield* sql`SELECT FROM treasury.settlements WHERE id = ${id} AND payout_due_at IS NOT NULL`
      assert.lengthOf(due, 0)
    })
  )
})

layer(commandLineWith({}), { excludeTestServices: true, timeout: "120 seconds" })("The doctor", (it) => {
  it.effect("finds a pay-out whose state is not what the books did for it, and freezes the merchant's account", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const doctor = yield* Doctor
      const decisions = yield* PayoutDecisions
      const check = "payout_transfers"
      const merchantId = yield* paidOut
      yield* settle(merchantId)
      yield* banked(merchantId)
      const [paid, returned] = [yield* withdraw(merchantId, 100), yield* withdraw(merchantId, 200)]
      yield* send
      yield* decisions.takeBack(returned, reason, olga)
      yield* mode("reject")
      const refused = yield* withdraw(merchantId, 300)
      yield* send
      yield* makeDue
      yield* send
      yield* mode("execute")
      const cancelled = yield* withdraw(merchantId, 400)
      yield* decisions.cancel(merchantId, cancelled, reason, staff)
      const waiting = yield* withdraw(merchantId, 500)
      const states = yield* Effect.forEach([paid, returned, refused, cancelled, waiting], statusOf)
      assert.deepStrictEqual(states, ["paid", "returned", "refused", "cancelled", "approved"])
      const clean = yield* doctor.run({ check, isFull: true })
      assert.deepStrictEqual([clean.isSound, clean.results[0]?.looked], [true, 5])

      for (const [id, was, wrong] of [
        [paid, "paid", "refused"],
        [refused, "refused", "paid"],
        [returned, "returned", "paid"],
        [cancelled, "cancelled", "refused"]
      ] as const) {
        yield* sql`UPDATE treasury.payouts SET status = ${wrong} WHERE id = ${id}`
        // a pay-out that was cancelled and one that was refused are the same to the books
        const isFound = id !== cancelled
        assert.strictEqual((yield* doctor.run({ check, isFull: true })).isSound, !isFound, was)
        const { data } = yield* doctor.violations({ check, isOpen: true })
        assert.deepStrictEqual(
          data.map(({ frozen, subject }) => [subject.id, frozen]),
          isFound ? [[id, [settled(merchantId, "CNY")]]] : [],
          was
        )
        yield* sql`UPDATE treasury.payouts SET status = ${was} WHERE id = ${id}`
        assert.isTrue((yield* doctor.run({ check })).isSound, was)
      }
    })
  )
})
