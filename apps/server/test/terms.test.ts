import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentLimits } from "@mall/domain/merchants/PaymentLimits"
import { PaymentGateway, PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Limits } from "@mall/merchants/terms/Limits"
import { MerchantTerms } from "@mall/merchants/terms/MerchantTerms"
import { Quotas } from "@mall/merchants/terms/Quotas"
import { PaymentBooks } from "@mall/payments/books/PaymentBooks"
import { Closing } from "@mall/payments/lifecycle/Closing"
import { Payments } from "@mall/payments/lifecycle/Payments"
import { HashChain } from "@mall/ledger/HashChain"
import { Effect, Random, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { aShop, ask, balances, giveBack, newOperationId, newUserId, Pay, pay } from "./shop.ts"

const newPaymentId = generator(PaymentId)

const ofTheMall = Schema.decodeSync(PaymentLimits)({
  ...{ minimum: null, maximum: 1000, daily: 1500, monthly: null, timeZone: "UTC", returnsOnRefund: true }
})

const feesKept = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql`
    SELECT coalesce(sum(fee - returned), 0)::bigint AS kept FROM merchant_terms.fees WHERE merchant_id = ${merchantId}`
  return Number(row?.["kept"])
})

layer(Pay, { excludeTestServices: true, timeout: "2 minutes" })("a merchant's terms", (it) => {
  it.effect("are charged with the capture and given back with the refunds, in the same books", () =>
    Effect.gen(function* () {
      const { merchantId, staff } = yield* aShop()
      const { id } = yield* ask(staff, 10_000)
      yield* pay(id)
      assert.deepStrictEqual(yield* balances(merchantId), { payable: 9870 })
      yield* giveBack(id, 3333)
      yield* giveBack(id, 6667)
      // the fixed part of the fee stays with the platform
      assert.deepStrictEqual(yield* balances(merchantId), { payable: -30 })
      assert.strictEqual(yield* feesKept(merchantId), 30)
      const books = yield* PaymentBooks
      assert.strictEqual((yield* books.verify).differences, 0)
      assert.strictEqual(yield* books.backfill("test"), 0)
    })
  )

  it.effect("are owed where the money went straight into the merchant's own account", () =>
    Effect.gen(function* () {
      const { account, merchantId, staff } = yield* aShop()
      const { id } = yield* ask(staff, 10_000)
      yield* pay(id, account)
      assert.deepStrictEqual(yield* balances(merchantId), { clearing: -10_000, direct: 10_000, payable: -130 })
    })
  )

  it.effect("let exactly as many of a hundred payments pass at once as the quota holds, beside others' payments", () =>
    Effect.gen(function* () {
      const narrow = yield* aShop({ daily: 1000 })
      const free = yield* aShop(undefined, false)
      const asked = yield* Effect.forEach(
        Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? narrow.staff : free.staff)),
        (staff) => Effect.result(ask(staff, 100)),
        { concurrency: "unbounded" }
      )
      const made = asked.flatMap((each) => (each._tag === "Success" ? [each.success.merchantId] : []))
      assert.lengthOf(
        made.filter((id) => id === narrow.merchantId),
        10
      )
      assert.lengthOf(
        made.filter((id) => id === free.merchantId),
        100
      )
      const tags = new Set(asked.flatMap((each) => (each._tag === "Failure" ? [each.failure._tag] : [])))
      assert.deepStrictEqual([...tags], ["QuotaExceeded"])
      const quotas = yield* Quotas
      assert.deepStrictEqual((yield* quotas.verify).faults, [])
    })
  )

  it.effect("take a payment once, however often it is asked for, and refuse what is too small", () =>
    Effect.gen(function* () {
      const { merchantId, staff } = yield* aShop({ minimum: 10, daily: 150 })
      const id = yield* newOperationId
      yield* Effect.replicateEffect(ask(staff, 100, id), 5, { concurrency: 5 })
      yield* ask(staff, 100, id)
      const quotas = yield* Quotas
      const [day] = yield* quotas.standing(merchantId)
      assert.deepStrictEqual([day?.held, day?.left], [100, 50] as never)
      assert.strictEqual((yield* Effect.flip(ask(staff, 9)))._tag, "PaymentLimitExceeded")
      assert.strictEqual((yield* Effect.flip(ask(staff, 51)))._tag, "QuotaExceeded")
    })
  )

  it.effect("are free again when a payment is canceled or nobody came back to it before its time was up", () =>
    Effect.gen(function* () {
      const { merchantId, staff } = yield* aShop({ daily: 300 })
      const payments = yield* Payments
      const sql = yield* SqlClient.SqlClient
      const [canceled, abandoned, paid] = [yield* ask(staff, 100), yield* ask(staff, 100), yield* ask(staff, 100)]
      yield* payments.cancel(canceled.id, staff)
      yield* sql`
        UPDATE payments.intents SET expires_at = now() - interval '1 minute', next_close_at = now() - interval '1 minute'
        WHERE id = ${abandoned.id}`
      const closing = yield* Closing
      yield* closing.sweep(100)
      yield* pay(paid.id)
      yield* giveBack(paid.id, 40)
      const quotas = yield* Quotas
      const [day] = yield* quotas.standing(merchantId)
      assert.deepStrictEqual([day?.held, day?.used, day?.left], [0, 60, 240] as never)
      const terms = yield* MerchantTerms
      const shown = yield* terms.show(staff)
      assert.deepStrictEqual([shown.feePlans.length, shown.limits.length, shown.quotas[0]], [1, 1, day] as never)
    })
  )

  it.effect("hold the mall's own payments as well, beside those of merchants", () =>
    Effect.gen(function* () {
      const [gateway, limits, quotas] = [yield* PaymentGateway, yield* Limits, yield* Quotas]
      const put = limits.put(
        "platform",
        { version: 0, reason: "agreed", currency: "JPY", content: ofTheMall },
        "user:olga"
      )
      const { merchantId } = yield* put
      assert.strictEqual(merchantId, "platform")
      const expiresAt = new Date("2099-01-01")
      const open = Effect.fnUntraced(function* (amount: number) {
        const id = yield* newPaymentId
        const request = { payerId: yield* newUserId, reference: id, description: "Mall order", expiresAt }
        return yield* gateway.create({ id, amount: Money.of(amount, "JPY"), ...request })
      })
      assert.strictEqual((yield* Effect.flip(open(1001)))._tag, "PaymentLimitExceeded")
      const asked = yield* Effect.forEach(Array.from({ length: 40 }), () => Effect.result(open(100)), {
        concurrency: "unbounded"
      })
      const made = asked.flatMap((each) => (each._tag === "Success" ? [each.success] : []))
      assert.lengthOf(made, 15)
      const [first, second] = made
      const refused = yield* Effect.flip(open(1))
      assert.deepInclude(refused, { _tag: "QuotaExceeded", period: "day" })
      // one is canceled, of which there is room again, and one is paid
      if (first !== undefined) yield* gateway.close(first.id, "not wanted")
      if (second !== undefined) yield* pay(second.id)
      const [day] = yield* quotas.standing("platform")
      assert.deepStrictEqual([day?.held, day?.used, day?.left], [1300, 100, 100] as never)
      yield* open(100)
      assert.deepStrictEqual((yield* quotas.verify).faults, [])
      // nobody else's: a merchant's payments in the same currency are not counted with them
      const { staff } = yield* aShop(undefined, false)
      const payments = yield* Payments
      const id = yield* newOperationId
      yield* payments.create({ amount: Money.of(5000, "JPY"), reference: id, description: "tea" }, staff, id)
    })
  )

  it.effect("balance to the last unit after a random history", () =>
    Effect.gen(function* () {
      const shops = yield* Effect.replicateEffect(aShop({ daily: 5000, monthly: 20_000 }), 3)
      const live = Effect.gen(function* () {
        const shop = shops[yield* Random.nextIntBetween(0, shops.length - 1)]
        if (shop === undefined) return
        const made = yield* Effect.result(ask(shop.staff, yield* Random.nextIntBetween(50, 900)))
        if (made._tag === "Failure") return
        const { amount, id } = made.success
        const fate = yield* Random.nextIntBetween(0, 3)
        if (fate === 0) return yield* Effect.asVoid(Payments.use((payments) => payments.cancel(id, shop.staff)))
        if (fate === 1) return
        yield* pay(id, (yield* Random.nextBoolean) ? shop.account : null)
        if (fate === 3) yield* giveBack(id, Math.ceil(amount.amount / 3))
        if (fate === 3) yield* giveBack(id, Math.floor(amount.amount / 3))
      })
      yield* Effect.replicateEffect(live, 60, { concurrency: 8 })
      for (const { merchantId } of shops) {
        const { clearing = 0, direct = 0, payable = 0 } = yield* balances(merchantId)
        const sql = yield* SqlClient.SqlClient
        const [held] = yield* sql`
          SELECT coalesce(sum(captured - refunded), 0)::bigint AS held FROM payments.intents
          WHERE merchant_id = ${merchantId}`
        const fees = yield* feesKept(merchantId)
        assert.strictEqual(Number(direct) + Number(clearing), 0)
        assert.strictEqual(Number(payable) + Number(direct), Number(held?.["held"]) - fees)
      }
      const [quotas, books, chain] = [yield* Quotas, yield* PaymentBooks, yield* HashChain]
      assert.deepStrictEqual((yield* quotas.verify).faults, [])
      assert.strictEqual((yield* books.verify).differences, 0)
      assert.isNull((yield* chain.verify).fault)
    })
  )
})
