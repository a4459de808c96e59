import { assert, it, layer } from "@effect/vitest"
import { Effect, Layer, Queue, Schedule } from "effect"
import { at, merchantOn, temporaryFolder, TestMerchant } from "./TestMerchant.ts"

const order = (out_trade_no: string) => ({ out_trade_no, amount: { total: 100 } })

/** The one callback about `reference`, when it is in `state`. */
const settled = Effect.fnUntraced(function* (reference: string, state: string) {
  const merchant = yield* TestMerchant
  const find = Effect.flatMap(merchant.control("GET", "/callbacks?limit=1000"), ({ data }) => {
    const list = at(data, "data")
    const found = Array.isArray(list) ? list.find((item) => at(item, "reference") === reference) : undefined
    return at(found, "state") === state ? Effect.succeed(found) : Effect.fail("not yet" as const)
  })
  return yield* Effect.retry(find, Schedule.spaced("5 millis"))
})

layer(TestMerchant.layer, { excludeTestServices: true })("callbacks", (it) => {
  it.effect("come again until they are acknowledged, the same notice sealed anew", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      merchant.answers.push(500, 302, 200)
      yield* merchant.create(order("again-0001"))
      yield* merchant.pay("again-0001")
      const notices = yield* Queue.takeN(merchant.notices, 3)
      const opened = notices.map((notice) => merchant.open(notice))
      assert.strictEqual(new Set(opened.map(({ envelope }) => at(envelope, "id"))).size, 1)
      assert.strictEqual(new Set(notices.map(({ headers }) => headers["wechatpay-nonce"])).size, 3)
      assert.deepStrictEqual(opened[2]?.resource, opened[0]?.resource)
      const callback = yield* settled("again-0001", "acknowledged")
      assert.deepStrictEqual(
        [0, 1, 2, 3].map((index) => at(callback, "attempts", index, "outcome")),
        ["500", "302", "200", undefined]
      )
    })
  )

  it.effect("that the channel never meant are sealed by its own hand and sent on demand", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create(order("odd-0001"))
      yield* merchant.control("POST", "/callbacks", {
        channel: "wechatpay",
        event: "COUPON.USE",
        reference: "odd-0001",
        url: merchant.notifyUrl,
        payload: { hello: "world" }
      })
      const { envelope, resource } = merchant.open(yield* Queue.take(merchant.notices))
      assert.strictEqual(at(envelope, "event_type"), "COUPON.USE")
      assert.deepStrictEqual(resource, { hello: "world" })
      const { data } = yield* merchant.control("GET", "/wechatpay/orders/odd-0001")
      assert.deepInclude(data, { reference: "odd-0001", state: "NOTPAY" })
      const nobody = { channel: "nobody", event: "X", reference: "x", url: merchant.notifyUrl, payload: {} }
      assert.strictEqual((yield* merchant.control("POST", "/callbacks", nobody)).status, 404)
      assert.strictEqual((yield* merchant.control("GET", "/wechatpay/orders/unknown")).status, 404)
    })
  )

  it.effect("that nobody knows cannot be resent", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      assert.strictEqual((yield* merchant.control("POST", "/callbacks/unknown/resend")).status, 404)
    })
  )
})

const atOnce = Layer.unwrap(
  Effect.map(temporaryFolder, (folder) =>
    merchantOn(folder, { SANDBOX_RETRY_SCALE: "0", SANDBOX_REFUND_DELAY: "1 hour" })
  )
)

layer(atOnce, { excludeTestServices: true })("callbacks without pauses", (it) => {
  it.effect("are given up after sixteen deliveries, and sent once more on demand", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create(order("never-0001"))
      merchant.answers.push(...Array.from({ length: 16 }, () => 500))
      yield* merchant.pay("never-0001")
      const abandoned = yield* settled("never-0001", "abandoned")
      assert.strictEqual((yield* Queue.takeN(merchant.notices, 16)).length, 16)
      assert.strictEqual(yield* Queue.size(merchant.notices), 0)
      const resent = yield* merchant.control("POST", `/callbacks/${String(at(abandoned, "id"))}/resend`)
      assert.deepInclude(resent.data, { state: "acknowledged" })
      assert.isTrue(merchant.isGenuine(yield* Queue.take(merchant.notices)))
    })
  )

  it.effect("tell of refunds that failed", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create(order("fail-0001"))
      yield* merchant.pay("fail-0001")
      yield* Queue.take(merchant.notices)
      yield* merchant.refund({
        out_trade_no: "fail-0001",
        out_refund_no: "fail-r1",
        amount: { refund: 100, total: 100, currency: "CNY" }
      })
      assert.strictEqual((yield* merchant.control("POST", "/wechatpay/refunds/fail-r1/abnormal")).status, 204)
      const { envelope, resource } = merchant.open(yield* Queue.take(merchant.notices))
      assert.strictEqual(at(envelope, "event_type"), "REFUND.ABNORMAL")
      assert.deepInclude(resource, { refund_status: "ABNORMAL" })
      assert.strictEqual((yield* merchant.control("POST", "/wechatpay/refunds/fail-r1/succeed")).status, 409)
      assert.strictEqual((yield* merchant.control("POST", "/wechatpay/refunds/unknown/succeed")).status, 404)
    })
  )
})

const on = (folder: string, settings?: Record<string, string>) =>
  Effect.provide(merchantOn(folder, settings), { local: true })

it.live("keeps keys, orders, refunds and pending callbacks over a restart", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const before = yield* Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create(order("keep-0001"))
      yield* merchant.create(order("keep-0002"))
      merchant.answers.push(500)
      yield* merchant.pay("keep-0002")
      yield* Queue.take(merchant.notices)
      yield* merchant.refund({
        out_trade_no: "keep-0002",
        out_refund_no: "keep-r1",
        amount: { refund: 40, total: 100, currency: "CNY" }
      })
      const { data } = yield* merchant.query("keep-0002")
      return { account: merchant.account, data }
    }).pipe(on(folder, { SANDBOX_REFUND_DELAY: "1 hour", SANDBOX_RETRY_SCALE: "1" }))

    yield* Effect.gen(function* () {
      const merchant = yield* TestMerchant
      assert.deepStrictEqual(merchant.account, before.account)
      assert.deepInclude((yield* merchant.query("keep-0001")).data, { trade_state: "NOTPAY" })
      assert.deepStrictEqual((yield* merchant.query("keep-0002")).data, before.data)
      assert.deepInclude((yield* merchant.queryRefund("keep-r1")).data, { status: "PROCESSING" })
      const id = at(before.data, "transaction_id")
      assert.strictEqual((yield* merchant.queryById(String(id))).status, 200)
      assert.strictEqual((yield* merchant.control("POST", "/wechatpay/refunds/keep-r1/close")).status, 204)
      // the closed refund gave its money back
      const whole = yield* merchant.refund({
        out_trade_no: "keep-0002",
        out_refund_no: "keep-r2",
        amount: { refund: 100, total: 100, currency: "CNY" }
      })
      assert.strictEqual(whole.status, 200)
    }).pipe(on(folder, { SANDBOX_REFUND_DELAY: "1 hour" }))
  })
)

it.live("forgets everything but its keys on reset", () =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    yield* Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create(order("gone-0001"))
      yield* merchant.pay("gone-0001")
      yield* merchant.fault("create", { kind: "drop" })
      assert.strictEqual((yield* merchant.control("POST", "/reset")).status, 204)
      assert.deepInclude((yield* merchant.query("gone-0001")).data, { code: "ORDER_NOT_EXIST" })
      assert.strictEqual((yield* merchant.create(order("gone-0002"))).status, 200)
      assert.deepStrictEqual((yield* merchant.control("GET", "/callbacks")).data, { data: [] })
    }).pipe(on(folder))
    yield* Effect.gen(function* () {
      const merchant = yield* TestMerchant
      assert.deepInclude((yield* merchant.query("gone-0001")).data, { code: "ORDER_NOT_EXIST" })
      assert.strictEqual((yield* merchant.query("gone-0002")).status, 200)
    }).pipe(on(folder))
  })
)
