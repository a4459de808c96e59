import { assert, layer } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { at, TestMerchant } from "./TestMerchant.ts"

layer(TestMerchant.layer, { excludeTestServices: true })("WeChat Pay, by the real client library", (it) => {
  it.effect("creates, is paid, tells the merchant, refunds in parts and tells again", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const created = yield* merchant.create({
        out_trade_no: "life-0001",
        attach: "自定义数据",
        amount: { total: 1999, currency: "CNY" }
      })
      assert.strictEqual(created.status, 200)
      assert.match(String(at(created.data, "code_url")), /^weixin:\/\/wxpay\/bizpayurl\?pr=/)
      const before = yield* merchant.query("life-0001")
      assert.deepInclude(before.data, { trade_state: "NOTPAY", trade_state_desc: "订单未支付", attach: "自定义数据" })
      assert.isUndefined(at(before.data, "transaction_id"))

      assert.strictEqual((yield* merchant.pay("life-0001")).status, 200)
      const notice = yield* Queue.take(merchant.notices)
      assert.isTrue(merchant.isGenuine(notice))
      assert.deepStrictEqual(Object.keys(notice.headers).toSorted(), [
        "accept",
        "connection",
        "content-length",
        "content-type",
        "host",
        "request-id",
        "user-agent",
        "wechatpay-nonce",
        "wechatpay-serial",
        "wechatpay-signature",
        "wechatpay-signature-type",
        "wechatpay-timestamp"
      ])
      const { envelope, resource } = merchant.open(notice)
      assert.deepInclude(envelope, {
        event_type: "TRANSACTION.SUCCESS",
        resource_type: "encrypt-resource",
        summary: "支付成功"
      })
      assert.deepInclude(at(envelope, "resource"), {
        original_type: "transaction",
        associated_data: "transaction",
        algorithm: "AEAD_AES_256_GCM"
      })
      assert.match(String(at(envelope, "create_time")), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/)
      const paid = yield* merchant.query("life-0001")
      assert.deepStrictEqual(resource, paid.data)
      assert.deepInclude(paid.data, { trade_state: "SUCCESS", trade_type: "NATIVE", bank_type: "OTHERS" })
      assert.deepStrictEqual(at(paid.data, "amount"), {
        total: 1999,
        currency: "CNY",
        payer_total: 1999,
        payer_currency: "CNY"
      })
      assert.match(String(at(paid.data, "success_time")), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/)
      const transactionId = String(at(paid.data, "transaction_id"))
      assert.deepStrictEqual(yield* merchant.queryById(transactionId), paid)

      const refund = yield* merchant.refund({
        transaction_id: transactionId,
        out_refund_no: "life-0001-r1",
        reason: "不想要了",
        amount: { refund: 999, total: 1999, currency: "CNY" }
      })
      assert.strictEqual(refund.status, 200)
      assert.deepInclude(refund.data, { status: "PROCESSING", out_trade_no: "life-0001", channel: "ORIGINAL" })
      const refundNotice = yield* Queue.take(merchant.notices)
      assert.isTrue(merchant.isGenuine(refundNotice))
      const refunded = merchant.open(refundNotice)
      assert.deepInclude(refunded.envelope, { event_type: "REFUND.SUCCESS", summary: "退款成功" })
      assert.deepInclude(refunded.resource, {
        refund_status: "SUCCESS",
        out_refund_no: "life-0001-r1",
        mchid: merchant.account.mchid
      })
      assert.deepStrictEqual(at(refunded.resource, "amount"), {
        total: 1999,
        refund: 999,
        payer_total: 1999,
        payer_refund: 999
      })
      const queried = yield* merchant.queryRefund("life-0001-r1")
      assert.deepInclude(queried.data, { status: "SUCCESS", refund_id: at(refund.data, "refund_id") })
      assert.deepInclude((yield* merchant.query("life-0001")).data, { trade_state: "REFUND" })
    })
  )

  it.effect("answers the same order again with the same code, and refuses the number for another order", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const order = { out_trade_no: "same-0001", amount: { total: 100 } }
      const first = yield* merchant.create(order)
      assert.deepStrictEqual(yield* merchant.create(order), first)
      const other = yield* merchant.create({ ...order, amount: { total: 101 } })
      assert.strictEqual(other.status, 403)
      assert.deepInclude(other.data, { code: "OUT_TRADE_NO_USED" })
    })
  )

  it.effect("makes one order of many that are sent at once", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const answers = yield* Effect.all(
        Array.from({ length: 20 }, () => merchant.create({ out_trade_no: "race-0001", amount: { total: 100 } })),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(answers.map(({ data }) => at(data, "code_url"))).size, 1)
    })
  )

  it.effect("closes an unpaid order for good, and a paid one never", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create({ out_trade_no: "close-0001", amount: { total: 100 } })
      assert.strictEqual((yield* merchant.close("close-0001")).status, 204)
      assert.strictEqual((yield* merchant.close("close-0001")).status, 204)
      assert.deepInclude((yield* merchant.query("close-0001")).data, { trade_state: "CLOSED" })
      assert.strictEqual((yield* merchant.pay("close-0001")).status, 409)
      const again = yield* merchant.create({ out_trade_no: "close-0001", amount: { total: 100 } })
      assert.deepInclude(again, { status: 400 })
      assert.deepInclude(again.data, { code: "ORDER_CLOSED" })

      yield* merchant.create({ out_trade_no: "close-0002", amount: { total: 100 } })
      yield* merchant.pay("close-0002")
      yield* Queue.take(merchant.notices)
      assert.deepInclude((yield* merchant.close("close-0002")).data, { code: "ORDERPAID" })
      const paidAgain = yield* merchant.create({ out_trade_no: "close-0002", amount: { total: 100 } })
      assert.deepInclude(paidAgain.data, { code: "ORDERPAID" })
      assert.strictEqual((yield* merchant.pay("close-0002")).status, 409)
    })
  )

  it.effect("lets the payer scan, decline, fail and pay after all", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create({ out_trade_no: "payer-0001", amount: { total: 100 } })
      const states = yield* Effect.forEach(["scan", "cancel", "scan", "fail", "cancel"], (action) =>
        Effect.gen(function* () {
          const { status } = yield* merchant.control("POST", `/wechatpay/orders/payer-0001/${action}`)
          return [status, at((yield* merchant.query("payer-0001")).data, "trade_state")]
        })
      )
      assert.deepStrictEqual(states, [
        [200, "USERPAYING"],
        [200, "NOTPAY"],
        [200, "USERPAYING"],
        [200, "PAYERROR"],
        [409, "PAYERROR"]
      ])
      assert.strictEqual((yield* merchant.pay("payer-0001", { payerTotal: 60 })).status, 200)
      const { resource } = merchant.open(yield* Queue.take(merchant.notices))
      assert.deepInclude(at(resource, "amount"), { total: 100, payer_total: 60 })
    })
  )

  it.effect("takes no payment after the order's time", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const past = yield* merchant.create({
        out_trade_no: "late-0001",
        time_expire: "2020-06-08T10:34:56+08:00",
        amount: { total: 100 }
      })
      assert.deepInclude(past.data, { code: "PARAM_ERROR" })
      assert.strictEqual(at(past.data, "detail", "field"), "/time_expire")
    })
  )

  it.effect("never refunds more than was paid, however many ask at once", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create({ out_trade_no: "many-0001", amount: { total: 1000 } })
      yield* merchant.pay("many-0001")
      yield* Queue.take(merchant.notices)
      const answers = yield* Effect.all(
        Array.from({ length: 20 }, (_, index) =>
          merchant.refund({
            out_trade_no: "many-0001",
            out_refund_no: `many-r${index}`,
            amount: { refund: 300, total: 1000, currency: "CNY" }
          })
        ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(answers.filter(({ status }) => status === 200).length, 3)
      for (const { data, status } of answers) if (status !== 200) assert.deepInclude(data, { code: "INVALID_REQUEST" })
      yield* Queue.takeN(merchant.notices, 3)
    })
  )

  it.effect("answers a refund's number again with the same refund, and refuses it for another amount", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create({ out_trade_no: "again-0001", amount: { total: 1000 } })
      yield* merchant.pay("again-0001")
      yield* Queue.take(merchant.notices)
      const refund = {
        out_trade_no: "again-0001",
        out_refund_no: "again-r1",
        amount: { refund: 600, total: 1000, currency: "CNY" }
      }
      const [first, second] = yield* Effect.all([merchant.refund(refund), merchant.refund(refund)], { concurrency: 2 })
      assert.strictEqual(at(first.data, "refund_id"), at(second.data, "refund_id"))
      const other = yield* merchant.refund({ ...refund, amount: { ...refund.amount, refund: 1 } })
      assert.deepInclude(other.data, { code: "INVALID_REQUEST" })
      yield* Queue.take(merchant.notices)
    })
  )

  it.effect("refuses refunds of what is unknown, unpaid or of another total", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create({ out_trade_no: "unpaid-0001", amount: { total: 100 } })
      const refund = (out_trade_no: string, total: number) =>
        merchant.refund({ out_trade_no, out_refund_no: "no-refund", amount: { refund: 1, total, currency: "CNY" } })
      const unknown = yield* refund("unknown-0001", 100)
      assert.deepStrictEqual([unknown.status, at(unknown.data, "code")], [404, "RESOURCE_NOT_EXISTS"])
      const unpaid = yield* refund("unpaid-0001", 100)
      assert.deepStrictEqual([unpaid.status, at(unpaid.data, "code")], [400, "INVALID_REQUEST"])
      yield* merchant.pay("unpaid-0001")
      yield* Queue.take(merchant.notices)
      assert.deepInclude((yield* refund("unpaid-0001", 99)).data, { code: "INVALID_REQUEST" })
      const query = yield* merchant.queryRefund("no-refund")
      assert.deepStrictEqual([query.status, at(query.data, "code")], [404, "RESOURCE_NOT_EXISTS"])
    })
  )

  it.effect("answers 404 for an order nobody made, and for platform certificates", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const unknown = yield* merchant.query("unknown-0002")
      assert.deepStrictEqual([unknown.status, at(unknown.data, "code")], [404, "ORDER_NOT_EXIST"])
      const certificates = yield* merchant.call("get", "certificates", {})
      assert.deepStrictEqual([certificates.status, at(certificates.data, "code")], [404, "RESOURCE_NOT_EXISTS"])
    })
  )

  const wrong: ReadonlyArray<readonly [string, Record<string, unknown>]> = [
    ["/amount/total", { amount: { total: 0 } }],
    ["/amount/total", { amount: { total: 1.5 } }],
    ["/amount/total", { amount: { total: "100" } }],
    ["/amount/currency", { amount: { total: 1, currency: "USD" } }],
    ["/amount", { amount: undefined }],
    ["/description", { description: "长".repeat(128) }],
    ["/description", { description: "" }],
    ["/out_trade_no", { out_trade_no: "short" }],
    ["/out_trade_no", { out_trade_no: "x".repeat(33) }],
    ["/out_trade_no", { out_trade_no: "order 0001" }],
    ["/out_trade_no", { out_trade_no: "order\u00000001" }],
    ["/time_expire", { time_expire: "tomorrow" }],
    ["/time_expire", { time_expire: "2030-13-01T00:00:00Z" }],
    ["/notify_url", { notify_url: "not an address" }],
    ["/notify_url", { notify_url: "ftp://merchant.example/notify" }],
    ["/notify_url", { notify_url: "https://merchant.example/notify?order=1" }],
    ["/attach", { attach: "x".repeat(129) }]
  ]
  it.effect.each(wrong)("answers PARAM_ERROR for a wrong %s: %j", ([field, part]) =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const answer = yield* merchant.create({ out_trade_no: "wrong-0001", amount: { total: 100 }, ...part })
      assert.strictEqual(answer.status, 400)
      assert.deepInclude(answer.data, { code: "PARAM_ERROR" })
      assert.strictEqual(at(answer.data, "detail", "field"), field)
    })
  )

  it.effect("refuses another merchant's numbers", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const order = { out_trade_no: "other-0001", amount: { total: 100 } }
      assert.deepInclude((yield* merchant.create({ ...order, mchid: "1900000001" })).data, { code: "PARAM_ERROR" })
      assert.deepInclude((yield* merchant.create({ ...order, appid: "wx0" })).data, { code: "APPID_MCHID_NOT_MATCH" })
    })
  )
})
