import { assert, layer } from "@effect/vitest"
import { AccountCode, AccountId } from "@mall/domain/ledger/Account"
import { StatementLine } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Ledger } from "../src/Ledger.ts"
import { LedgerReads } from "../src/LedgerReads.ts"
import { credit, debit, moved, TestLedger } from "./LedgerTest.ts"

const newMerchantId = generator(MerchantId)
const minute = (count: number) => new Date(count * 60_000)

/** A movement each minute of the test clock, so that a time says what had happened. */
const aHistory = Effect.gen(function* () {
  const ledger = yield* Ledger
  const merchantId = yield* newMerchantId
  const account = AccountCode.make(`${merchantId}:payable:CNY`)
  // an account of its own: time never goes back in one that other tests have used
  const clearing = AccountCode.make(`platform:clearing:${merchantId.slice(-12)}:CNY`)
  yield* TestClock.setTime(0)
  for (const amount of [100, 20, 3]) {
    yield* TestClock.adjust("1 minute")
    yield* ledger.post([yield* moved(debit(clearing, amount), credit(account, amount))])
  }
  yield* TestClock.adjust("1 minute")
  yield* ledger.post([yield* moved(debit(account, 50), credit(clearing, 50))])
  return { account, merchantId }
})

layer(Layer.fresh(TestLedger))("Looking at the books", (it) => {
  it.effect("says how an account stood at a time", () =>
    Effect.gen(function* () {
      const reads = yield* LedgerReads
      const { account } = yield* aHistory
      const balanceAt = (at: Date) => Effect.map(reads.account("all", account, at), ({ balance }) => balance)
      const seen = yield* Effect.forEach([0, 1, 2, 3, 4, 9], (count) => balanceAt(minute(count)))
      assert.deepStrictEqual(seen, [0, 100, 120, 123, 73, 73])
      assert.strictEqual(yield* balanceAt(new Date(minute(3).getTime() - 1)), 120)
    })
  )

  it.effect("pages a statement whose balances go on where the page before ended", () =>
    Effect.gen(function* () {
      const reads = yield* LedgerReads
      const { account } = yield* aHistory
      const lines: Array<StatementLine> = []
      let after: string | undefined
      do {
        const page = yield* reads.statement("all", account, { limit: 1, after })
        lines.push(...page.data)
        after = page.nextCursor ?? undefined
      } while (after !== undefined)
      assert.deepStrictEqual(
        lines.map(({ balance, creditsPosted, debitsPosted }) => [debitsPosted, creditsPosted, balance]),
        [
          [0, 100, 100],
          [0, 20, 120],
          [0, 3, 123],
          [50, 0, 73]
        ]
      )
      const middle = yield* reads.statement("all", account, { from: minute(2), to: minute(4) })
      assert.deepStrictEqual(
        middle.data.map(({ balance }) => balance),
        [120, 123]
      )
      assert.strictEqual((yield* Effect.flip(reads.statement("all", account, { after: "x" }))).code, "InvalidCursor")
    })
  )

  it.effect("shows both sides equal, at any time", () =>
    Effect.gen(function* () {
      const reads = yield* LedgerReads
      yield* aHistory
      for (const at of [undefined, minute(2), minute(3)]) {
        const { totals } = yield* reads.trialBalance("all", at)
        for (const { credits, debits } of totals) assert.strictEqual(debits, credits)
      }
    })
  )

  it.effect("shows a merchant their own accounts only", () =>
    Effect.gen(function* () {
      const reads = yield* LedgerReads
      const { account, merchantId } = yield* aHistory
      const other = yield* newMerchantId
      const own = yield* reads.accounts(merchantId, {})
      assert.deepStrictEqual(
        own.data.map(({ code }) => code),
        [account]
      )
      assert.strictEqual((yield* reads.accounts(other, {})).data.length, 0)
      assert.strictEqual((yield* reads.accounts(null, {})).data.length, 0)
      const { id } = yield* reads.account(merchantId, account)
      for (const ref of [account, AccountId.make(id)]) {
        assert.strictEqual((yield* Effect.flip(reads.account(other, ref))).code, "LedgerAccountNotFound")
        assert.strictEqual((yield* Effect.flip(reads.statement(null, ref, {}))).code, "LedgerAccountNotFound")
      }
      const { lines } = yield* reads.trialBalance(merchantId)
      assert.deepStrictEqual(
        lines.map(({ credits, debits, kind }) => [kind, Number(debits), Number(credits)]),
        [["payable", 0, 73]]
      )
    })
  )

  it.effect("pages accounts and transfers, newest first, without gaps", () =>
    Effect.gen(function* () {
      const reads = yield* LedgerReads
      const { account } = yield* aHistory
      const pages: Array<string> = []
      let after: string | undefined
      do {
        const page = yield* reads.accounts("all", { kind: "payable", limit: 1, after })
        pages.push(...page.data.map(({ code }) => code))
        after = page.nextCursor ?? undefined
      } while (after !== undefined)
      assert.strictEqual(new Set(pages).size, pages.length)
      assert.include(pages, account)
      const transfers = yield* reads.transfers({ purpose: "adjustment", limit: 2 })
      assert.isTrue(transfers.data[0]!.id > transfers.data[1]!.id)
      assert.isNotNull(transfers.nextCursor)
    })
  )
})
