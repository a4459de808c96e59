import { assert, layer } from "@effect/vitest"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentQuotas } from "@mall/domain/merchants/PaymentQuotas"
import type { QuotaNeed, QuotaOutcome } from "@mall/domain/merchants/PaymentQuotas"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Effect, Random } from "effect"
import { SqlClient } from "effect/sql"
import { Limits } from "../src/terms/Limits.ts"
import { Quotas } from "../src/terms/Quotas.ts"
import { cny, newMerchantId, newPaymentId, someLimits, TestTerms } from "./TestTerms.ts"

const reason = "agreed"
const nobody = () => Effect.succeed<ReadonlySet<PaymentId>>(new Set())

const limited = Effect.fnUntraced(function* (rest: object) {
  const merchantId = yield* newMerchantId
  const limits = yield* Limits
  yield* limits.put(merchantId, { version: 0, reason, currency: "CNY", content: someLimits(rest) }, "user:olga")
  return merchantId
})

const admit = Effect.fnUntraced(function* (merchantId: MerchantId, amount: number, at = new Date("2090-02-02")) {
  const quotas = yield* PaymentQuotas
  return yield* quotas.admit({ paymentId: yield* newPaymentId, merchantId, money: cny(amount), at })
})

const needOf = Effect.fnUntraced(function* (merchantId: MerchantId, amount: number, at?: Date) {
  const need = yield* admit(merchantId, amount, at)
  return need ?? (yield* Effect.die(new Error("the merchant has no quota")))
})

const hold = Effect.fnUntraced(function* (needs: ReadonlyArray<QuotaNeed>) {
  const quotas = yield* PaymentQuotas
  const sql = yield* SqlClient.SqlClient
  return yield* sql.withTransaction(quotas.hold(needs, nobody))
})

const settle = Effect.fnUntraced(function* (need: QuotaNeed, ...outcomes: ReadonlyArray<QuotaOutcome["outcome"]>) {
  const quotas = yield* PaymentQuotas
  const sql = yield* SqlClient.SqlClient
  const { merchantId, paymentId } = need
  yield* sql.withTransaction(quotas.settle(outcomes.map((outcome) => ({ paymentId, merchantId, outcome }))))
})

const counters = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    SELECT period, "window", held, used FROM merchant_terms.quota_counters WHERE merchant_id = ${merchantId} ORDER BY key`
  return rows.map((row) => [row["window"], row["held"], row["used"]])
})

layer(TestTerms, { excludeTestServices: true, timeout: "60 seconds" })("quotas", (it) => {
  it.effect("refuse one payment that is too small or too large, and ask nothing of who has no limits", () =>
    Effect.gen(function* () {
      const merchantId = yield* limited({ minimum: 100, maximum: 1000 })
      for (const amount of [99, 1001]) {
        const refused = yield* Effect.flip(admit(merchantId, amount))
        assert.deepStrictEqual([refused._tag, refused.minimum, refused.maximum], [
          "PaymentLimitExceeded",
          100,
          1000
        ] as never)
      }
      assert.isUndefined(yield* admit(merchantId, 1000))
      assert.isUndefined(yield* admit(yield* newMerchantId, 5))
      assert.deepStrictEqual(yield* counters(merchantId), [])
    })
  )

  it.effect("let exactly ten of a hundred pass that come at once, and name what is left", () =>
    Effect.gen(function* () {
      const merchantId = yield* limited({ daily: 1050 })
      const needs = yield* Effect.replicateEffect(needOf(merchantId, 100), 100)
      const answers = yield* Effect.forEach(needs, (need) => hold([need]), { concurrency: 10 })
      const refused = answers.flatMap((each) => [...each.values()])
      assert.lengthOf(refused, 90)
      const [first] = refused
      assert.deepStrictEqual([first?.period, first?.limit.amount, first?.left.amount], ["day", 1050, 50] as never)
      assert.deepStrictEqual(yield* counters(merchantId), [
        ["2090-02-02", 1000, 0],
        ["2090-02", 1000, 0]
      ])
    })
  )

  it.effect("of one merchant refuse nobody else's payment in the same group", () =>
    Effect.gen(function* () {
      const [narrow, wide] = [yield* limited({ monthly: 150 }), yield* limited({ daily: 10_000 })]
      const needs = yield* Effect.all([
        needOf(narrow, 100),
        needOf(wide, 100),
        needOf(narrow, 100),
        needOf(narrow, 50),
        needOf(wide, 100)
      ])
      const refused = yield* hold(needs)
      assert.deepStrictEqual([...refused.keys()], [needs[2].paymentId])
      assert.strictEqual(refused.get(needs[2].paymentId)?.period, "month")
      assert.deepStrictEqual((yield* counters(narrow)).at(-1), ["2090-02", 150, 0])
      assert.deepStrictEqual((yield* counters(wide)).at(-1), ["2090-02", 200, 0])
    })
  )

  it.effect("take nothing for a payment that exists already", () =>
    Effect.gen(function* () {
      const merchantId = yield* limited({ daily: 100 })
      const need = yield* needOf(merchantId, 100)
      const quotas = yield* PaymentQuotas
      const sql = yield* SqlClient.SqlClient
      const refused = yield* sql.withTransaction(quotas.hold([need], (ids) => Effect.succeed(new Set(ids))))
      assert.strictEqual(refused.size, 0)
      assert.deepStrictEqual((yield* counters(merchantId))[0], ["2090-02-02", 0, 0])
    })
  )

  it.effect("are used by what is paid, free again after what is not, and used by money that came too late", () =>
    Effect.gen(function* () {
      const merchantId = yield* limited({ daily: 1000 })
      const [paid, canceled, late] = yield* Effect.all([
        needOf(merchantId, 100),
        needOf(merchantId, 200),
        needOf(merchantId, 400)
      ])
      yield* hold([paid, canceled, late])
      yield* settle(paid, "committed")
      yield* settle(paid, "committed")
      yield* settle(canceled, "released")
      yield* settle(late, "released")
      yield* settle(late, "committed")
      yield* settle(yield* needOf(merchantId, 50), "committed")
      assert.deepStrictEqual((yield* counters(merchantId))[0], ["2090-02-02", 0, 500])
    })
  )

  it.effect("come back with refunds where that is agreed, and else do not", () =>
    Effect.gen(function* () {
      const [kept, returned] = [yield* limited({ daily: 1000 }), yield* limited({ daily: 1000, returnsOnRefund: true })]
      for (const merchantId of [kept, returned]) {
        const need = yield* needOf(merchantId, 300)
        yield* hold([need])
        yield* settle(need, "committed", { refunded: 100 })
        yield* settle(need, { refunded: 50 }, { refunded: 50 })
      }
      assert.deepStrictEqual((yield* counters(kept))[0], ["2090-02-02", 0, 300])
      assert.deepStrictEqual((yield* counters(returned))[0], ["2090-02-02", 0, 100])
    })
  )

  it.effect("are of the merchant's own day, and stand as they are shown", () =>
    Effect.gen(function* () {
      const merchantId = yield* limited({ daily: 1000, monthly: 5000 })
      const [eve, day] = [new Date("2090-12-31T15:59:59Z"), new Date("2090-12-31T16:00:00Z")]
      yield* hold([yield* needOf(merchantId, 1000, eve), yield* needOf(merchantId, 1000, day)])
      assert.deepStrictEqual(yield* counters(merchantId), [
        ["2090-12-31", 1000, 0],
        ["2091-01-01", 1000, 0],
        ["2090-12", 1000, 0],
        ["2091-01", 1000, 0]
      ])
      yield* hold([yield* needOf(merchantId, 250, new Date())])
      const quotas = yield* Quotas
      const standing = yield* quotas.standing(merchantId)
      assert.deepStrictEqual(
        standing.map(({ held, left, limit, period, used }) => [period, limit, held, used, left]),
        [
          ["day", 1000, 250, 0, 750],
          ["month", 5000, 250, 0, 4750]
        ] as never
      )
    })
  )

  it.effect("stay the sum of their holds through any history, and a counter that was tampered with is found", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const quotas = yield* Quotas
      const merchants = yield* Effect.all([
        limited({ daily: 3000, returnsOnRefund: true }),
        limited({ monthly: 2000 }),
        limited({ daily: 500, monthly: 900 })
      ])
      const live = Effect.gen(function* () {
        const merchantId = merchants[yield* Random.nextIntBetween(0, 2)] ?? merchants[0]
        const need = yield* needOf(merchantId, yield* Random.nextIntBetween(1, 200))
        if ((yield* hold([need])).size > 0) return
        if (yield* Random.nextBoolean) return yield* settle(need, "released")
        yield* settle(need, "committed")
        if (yield* Random.nextBoolean) yield* settle(need, { refunded: yield* Random.nextIntBetween(1, 300) })
      })
      yield* Effect.replicateEffect(live, 120, { concurrency: 10 })
      assert.deepStrictEqual((yield* quotas.verify).faults, [])
      yield* sql`UPDATE merchant_terms.quota_counters SET used = used + 1 WHERE key LIKE ${`${merchants[0]}:%:day:%`}`
      const { faults } = yield* quotas.verify
      assert.lengthOf(faults, 1)
      assert.strictEqual((faults[0]?.used ?? 0) - (faults[0]?.usedByPayments ?? 0), 1)
    })
  )
})
