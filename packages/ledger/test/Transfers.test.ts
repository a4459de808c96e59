import { AccountOverdrawn } from "@mall/domain/ledger/LedgerError"
import { Transfers } from "@mall/domain/ledger/Transfers"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import {
  credit,
  debit,
  fees,
  newTransferId,
  payable,
  pending,
  post,
  single,
  TestLedger,
  voiding,
  wallet
} from "./LedgerTest.ts"

const fill = Effect.fnUntraced(function* (name: string, amount: number) {
  const transfers = yield* Transfers
  yield* transfers.post([single(yield* newTransferId, debit(payable, amount), credit(wallet(name), amount))])
})

layer(TestLedger, { timeout: "60 seconds" })("Transfers", (it) => {
  it.effect("holds, posts and voids within the caller's transaction", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const transfers = yield* Transfers
      yield* sql.withTransaction(fill("held", 1000))
      const first = yield* newTransferId
      const second = yield* newTransferId
      yield* sql.withTransaction(
        transfers.post([
          pending(first, null, debit(wallet("held"), 600), credit(fees, 600)),
          pending(second, null, debit(wallet("held"), 300), credit(fees, 300))
        ])
      )
      assert.strictEqual(yield* sql.withTransaction(transfers.available(wallet("held"))), 100)
      yield* sql.withTransaction(
        transfers.post([post(yield* newTransferId, first), voiding(yield* newTransferId, second)])
      )
      assert.strictEqual(yield* sql.withTransaction(transfers.available(wallet("held"))), 400)
    })
  )

  it.effect("refuses what would overdraw, after which the transaction may go on", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const transfers = yield* Transfers
      yield* sql.withTransaction(fill("short", 100))
      const id = yield* newTransferId
      const asked = transfers.post([pending(id, null, debit(wallet("short"), 101), credit(fees, 101))])
      const [refusal, left] = yield* sql.withTransaction(
        Effect.all([Effect.flip(asked), transfers.available(wallet("short"))])
      )
      assert.deepStrictEqual(refusal, new AccountOverdrawn({ account: wallet("short") }))
      assert.strictEqual(left, 100)
    })
  )

  it.effect("goes back with the transaction that it joined", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const transfers = yield* Transfers
      yield* fill("undone", 50).pipe(Effect.andThen(Effect.fail("undone" as const)), sql.withTransaction, Effect.flip)
      assert.strictEqual(yield* sql.withTransaction(transfers.available(wallet("undone"))), 0)
    })
  )
})
