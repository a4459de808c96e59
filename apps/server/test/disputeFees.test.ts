import { assert, layer } from "@effect/vitest"
import { FeePlan } from "@mall/domain/merchants/FeePlan"
import { HashChain } from "@mall/ledger/HashChain"
import { FeePlans } from "@mall/merchants/terms/FeePlans"
import { Doctor } from "@mall/platform/doctor/Doctor"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { feePlan } from "./agreements.ts"
import { aShop, ask, balances, dispute, Pay, pay } from "./shop.ts"

const plan = Schema.decodeUnknownSync(FeePlan)({
  ...feePlan,
  disputes: {
    bearer: "merchant",
    ...{ charged: "opened", returnedWhenWon: true },
    amounts: [{ currency: "CNY", amount: 1500 }]
  }
})

const aPaidPayment = Effect.gen(function* () {
  const { merchantId, staff } = yield* aShop(undefined, false)
  yield* FeePlans.use((plans) => plans.put(merchantId, { version: 0, reason: "agreed", content: plan }, "user:olga"))
  const { id } = yield* ask(staff, 10_000)
  yield* pay(id)
  return { merchantId, id }
})

layer(Pay, { excludeTestServices: true, timeout: "2 minutes" })("the fee of a dispute", (it) => {
  it.effect("is taken from what the merchant is owed with the dispute's state, and given back when it is won", () =>
    Effect.gen(function* () {
      const { id, merchantId } = yield* aPaidPayment
      // 100.00 less 0.60 %
      assert.deepStrictEqual(yield* balances(merchantId), { payable: 9940 })
      const told = yield* dispute(id)
      yield* told("warning_needs_response")
      assert.deepStrictEqual(yield* balances(merchantId), { payable: 9940 })
      yield* told("needs_response", { withdrawn: 10_000, fees: 2000 })
      const open = { dispute_fees: -2000, disputes: -10_000, payable: 8440 }
      assert.deepStrictEqual(yield* balances(merchantId), open)
      yield* told("under_review", { withdrawn: 10_000, fees: 2000 })
      assert.deepStrictEqual(yield* balances(merchantId), open)
      yield* told("won", { withdrawn: 0, fees: 2000 })
      assert.deepStrictEqual(yield* balances(merchantId), { dispute_fees: -2000, disputes: 0, payable: 9940 })
      yield* told("lost", { withdrawn: 10_000, fees: 2000 })
      assert.deepStrictEqual(yield* balances(merchantId), { dispute_fees: -2000, disputes: 0, payable: -1560 })
      const [chain, doctor] = [yield* HashChain, yield* Doctor]
      assert.isNull((yield* chain.verify).fault)
      for (const check of ["dispute_books", "dispute_fees_posted", "fees_posted", "payment_books"]) {
        assert.isTrue((yield* doctor.run({ check, isFull: true })).isSound, check)
      }
    })
  )

  it.effect(
    "is not taken where the dispute was not written, and once where it is told of by two at the same time",
    () =>
      Effect.gen(function* () {
        const { id, merchantId } = yield* aPaidPayment
        const told = yield* dispute(id)
        yield* Effect.exit(Effect.andThen(told("needs_response"), Effect.die("crash")).pipe(inTransaction))
        assert.deepStrictEqual(yield* balances(merchantId), { payable: 9940 })
        yield* Effect.all([told("needs_response"), told("needs_response"), told("lost")], { concurrency: 3 })
        assert.deepStrictEqual(yield* balances(merchantId), { payable: 8440 })
        const sql = yield* SqlClient.SqlClient
        const rows = yield* sql`
        SELECT kept, plan_version FROM merchant_terms.dispute_fees WHERE merchant_id = ${merchantId}`
        assert.deepStrictEqual(rows, [{ kept: 1500, planVersion: 1 }])
      })
  )
})

const inTransaction = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(effect))
