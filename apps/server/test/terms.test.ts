import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { FeePlan } from "@mall/domain/merchants/FeePlan"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentLimits } from "@mall/domain/merchants/PaymentLimits"
import { AttemptId, ChannelId } from "@mall/domain/payments/Payment"
import { CredentialId } from "@mall/domain/payments/ChannelCredentials"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { FeePlans } from "@mall/merchants/terms/FeePlans"
import { Limits } from "@mall/merchants/terms/Limits"
import { MerchantTerms } from "@mall/merchants/terms/MerchantTerms"
import { Quotas } from "@mall/merchants/terms/Quotas"
import { PaymentBooks } from "@mall/payments/books/PaymentBooks"
import { Closing } from "@mall/payments/lifecycle/Closing"
import { Payments } from "@mall/payments/lifecycle/Payments"
import { PaymentStore } from "@mall/payments/store/PaymentStore"
import { HashChain } from "@mall/ledger/HashChain"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, DateTime, Effect, FileSystem, Layer, Logger, Option, Random, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as Contexts from "../src/Contexts.ts"

const Configured = Layer.unwrap(
  Effect.map(
    Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped({ prefix: "mall-terms-" })),
    (folder) =>
      ConfigProvider.layer(
        ConfigProvider.fromUnknown({
          MALL_SECRET_KEY: "0123456789abcdef0123456789abcdef",
          MALL_DATA_DIR: folder,
          MERCHANT_TERMS_LEAD: "0 seconds"
        })
      )
  )
).pipe(Layer.provide(NodeServices.layer))

const Pay = Contexts.layerCommand.pipe(
  Layer.provide(Configured),
  Layer.provideMerge(TestDatabase),
  Layer.provideMerge(Logger.layer([])),
  Layer.orDie
)

const newUserId = generator(UserId)
const newSessionId = generator(SessionId)
const newMerchantId = generator(MerchantId)
const newAttemptId = generator(AttemptId)
const newRefundId = generator(RefundId)
const newCredentialId = generator(CredentialId)
const newOperationId = generator(Uuid7.pipe(Schema.brand("OperationId")))
const wechatpay = ChannelId.make("wechatpay")
const reason = "agreed"
const cny = (amount: number) => Money.of(amount, "CNY")

const rate = { channel: null, currency: null, fixed: 0, minimum: null, maximum: null }
const tiers = [{ from: 0, basisPoints: "100" }]
const plan = Schema.decodeUnknownSync(FeePlan)({
  name: "standard",
  rates: [
    { ...rate, tiers },
    { ...rate, currency: "CNY", fixed: 30, tiers }
  ],
  ...{ tierMode: "marginal", rounding: "half_up", timeZone: "UTC" },
  returns: { percent: true, fixed: false }
})
const limitsOf = (bounds: object) =>
  Schema.decodeSync(PaymentLimits)({
    ...{ minimum: null, maximum: null, daily: null, monthly: null },
    ...{ timeZone: "UTC", returnsOnRefund: true, ...bounds }
  })

/** Staff of a shop of their own, with whom this is agreed. */
const aShop = Effect.fnUntraced(function* (bounds?: object, hasFees = true) {
  const merchantId = yield* newMerchantId
  const plans = yield* FeePlans
  const limits = yield* Limits
  if (hasFees) yield* plans.put(merchantId, { version: 0, reason, content: plan }, "user:olga")
  if (bounds !== undefined) {
    const content = limitsOf(bounds)
    yield* limits.put(merchantId, { version: 0, reason, currency: "CNY", content }, "user:olga")
  }
  const staff = new Principal({
    ...{ userId: yield* newUserId, sessionId: yield* newSessionId, roles: ["merchant"] },
    ...{ merchantId: Option.some(merchantId), expiresAt: new Date("2100-01-01") }
  })
  const sql = yield* SqlClient.SqlClient
  const account = yield* newCredentialId
  yield* sql`
    INSERT INTO payments.channel_credentials (id, merchant_id, channel, version, account, masked, key_id, sealed, created_at)
    VALUES (${account}, ${merchantId}, 'wechatpay', 1, 'acct', '{}', 'k', decode('00', 'hex'), now())`
  return { merchantId, staff, account }
})

const ask = Effect.fnUntraced(function* (staff: Principal, amount: number, operationId?: string) {
  const payments = yield* Payments
  const id = operationId ?? (yield* newOperationId)
  return yield* payments.create({ amount: cny(amount), reference: id, description: "tea" }, staff, id)
})

/** The channel says that the money came: to the platform, or straight into the shop's own account. */
const pay = Effect.fnUntraced(function* (id: PaymentId, credentialId: CredentialId | null = null) {
  const store = yield* PaymentStore
  const attemptId = yield* newAttemptId
  const way = { channel: wechatpay, method: "native", payer: {}, credentialId, decision: null }
  const paidAt = yield* DateTime.nowAsDate
  yield* store.change(id, "test", (draft) =>
    Effect.sync(() => {
      const attempt = draft.begin(attemptId, way)
      const offered = draft.offer(attempt, { action: null, channelReference: null } as never, "offered")
      draft.succeed(offered, { channelReference: attemptId, paidAt }, "paid")
    })
  )
})

const giveBack = Effect.fnUntraced(function* (id: PaymentId, amount: number) {
  const store = yield* PaymentStore
  const refundId = yield* newRefundId
  yield* store.change(id, "test", (draft) =>
    Effect.sync(() => {
      const attempt = draft.capturingAttempt
      if (attempt === undefined) return
      const refund = draft.requestRefund(attempt, refundId, cny(amount), "broken")
      draft.endRefund(refund, "succeeded", { errorCode: null })
    })
  )
})

const balances = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql`
    SELECT a.kind, sum(b.credits_posted - b.debits_posted)::bigint AS balance
    FROM ledger.accounts AS a JOIN ledger.balances AS b ON b.account_id = a.id
    WHERE a.merchant_id = ${merchantId} GROUP BY a.kind ORDER BY a.kind`
  return Object.fromEntries(rows.map((row) => [String(row["kind"]), row["balance"]]))
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
