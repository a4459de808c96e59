import { assert, layer } from "@effect/vitest"
import { AccountCode } from "@mall/domain/ledger/Account"
import { AccountFreezes, freezesItself } from "@mall/domain/ledger/AccountFreezes"
import { Journal } from "@mall/domain/ledger/Journal"
import { Transfers } from "@mall/domain/ledger/Transfers"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { Ledger } from "../src/Ledger.ts"
import { LedgerReads } from "../src/LedgerReads.ts"
import {
  clearing,
  credit,
  debit,
  fees,
  moved,
  newTransferId,
  payable,
  pending,
  post,
  TestLedger,
  wallet
} from "./LedgerTest.ts"

const olga = { by: "operator:olga", reason: "looks odd" }
const byHand = { ...olga, violation: null }
const fact = Effect.fnUntraced(function* (...legs: ReadonlyArray<ReturnType<typeof debit>>) {
  const journal = yield* Journal
  const rest = { subject: "p1", actor: "test", reason: "captured", traceId: null }
  yield* journal.record([{ id: yield* newTransferId, purpose: "capture", legs, ...rest }])
})

layer(TestLedger, { timeout: "60 seconds", excludeTestServices: true })("A frozen account", (it) => {
  it.effect("refuses what is asked of it by either way, and takes what has happened", () =>
    Effect.gen(function* () {
      const freezes = yield* AccountFreezes
      const ledger = yield* Ledger
      const reads = yield* LedgerReads
      const sql = yield* SqlClient.SqlClient
      const transfers = yield* Transfers
      const account = wallet("frozen")
      yield* ledger.post([yield* moved(debit(clearing, 100), credit(account, 100))])
      const held = yield* newTransferId
      yield* ledger.post([pending(held, null, debit(account, 30), credit(fees, 30))])
      assert.isTrue(yield* freezes.freeze(account, byHand))
      assert.isFalse(yield* freezes.freeze(account, byHand))
      assert.isNotNull((yield* reads.account("all", account)).frozenAt)

      const asked = yield* moved(debit(account, 1), credit(payable, 1))
      assert.strictEqual((yield* Effect.flip(ledger.post([asked])))._tag, "AccountFrozen")
      const refused = yield* Effect.flip(sql.withTransaction(transfers.post([asked])))
      assert.strictEqual(refused._tag, "AccountFrozen")
      yield* sql.withTransaction(fact(debit(clearing, 7), credit(account, 7)))
      assert.isTrue(yield* ledger.post([post(yield* newTransferId, held)]), "what was held before may come to its end")
      assert.strictEqual((yield* reads.account("all", account)).balance, 77)

      yield* freezes.thaw(account, olga)
      assert.isTrue(yield* ledger.post([asked]))
      const [freeze] = yield* freezes.history(account)
      assert.deepInclude(freeze, { frozenBy: "operator:olga", thawedBy: "operator:olga", reason: "looks odd" })
      const again = yield* Effect.flip(freezes.thaw(account, olga))
      assert.strictEqual(again._tag, "AccountNotThawable")
    })
  )

  it.effect("is frozen once for a violation, be it thawed since, and anew for another", () =>
    Effect.gen(function* () {
      const freezes = yield* AccountFreezes
      const ledger = yield* Ledger
      const account = wallet("once")
      yield* ledger.post([yield* moved(debit(clearing, 100), credit(account, 100))])
      const by = { by: "doctor", reason: "not the sum" }
      const [one, other] = [yield* newTransferId, yield* newTransferId]
      assert.isTrue(yield* freezes.freeze(account, { ...by, violation: one }))
      yield* freezes.thaw(account, olga)
      assert.isFalse(yield* freezes.freeze(account, { ...by, violation: one }))
      yield* ledger.post([yield* moved(debit(account, 1), credit(payable, 1))])
      assert.isTrue(yield* freezes.freeze(account, { ...by, violation: other }))
      const nobody = yield* Effect.flip(freezes.freeze(wallet("nobody"), byHand))
      assert.strictEqual(nobody._tag, "LedgerAccountNotFound")
    })
  )

  it.effect("can be frozen while its balance is not sound, and is not thawed before it is", () =>
    Effect.gen(function* () {
      const freezes = yield* AccountFreezes
      const ledger = yield* Ledger
      const sql = yield* SqlClient.SqlClient
      const account = wallet("unsound")
      yield* ledger.post([yield* moved(debit(clearing, 100), credit(account, 100))])
      const tamper = (by: number) =>
        Effect.andThen(
          sql`SET LOCAL session_replication_role = replica`,
          sql`
            UPDATE ledger.balances SET credits_posted = credits_posted + ${by}
            WHERE account_id = (SELECT id FROM ledger.accounts WHERE code = ${account})`
        ).pipe(sql.withTransaction)
      yield* tamper(1)
      assert.isTrue(yield* freezes.freeze(account, byHand))
      assert.strictEqual((yield* Effect.flip(freezes.thaw(account, olga)))._tag, "AccountNotThawable")
      yield* tamper(-1)
      const asked = yield* moved(debit(account, 1), credit(payable, 1))
      assert.strictEqual((yield* Effect.flip(ledger.post([asked])))._tag, "AccountFrozen")
      yield* freezes.thaw(account, olga)
      assert.isTrue(yield* ledger.post([asked]))
    })
  )

  it.effect("is one of a single party where no person froze it", () =>
    Effect.sync(() => {
      assert.isTrue(freezesItself(payable))
      assert.isTrue(freezesItself(wallet("a")))
      for (const shared of [clearing, fees, AccountCode.make("platform:bank:icbc:CNY")]) {
        assert.isFalse(freezesItself(shared))
      }
    })
  )
})
