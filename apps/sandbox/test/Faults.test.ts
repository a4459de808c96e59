import { assert, layer } from "@effect/vitest"
import { Effect, Queue, Schedule } from "effect"
import { Formatter } from "wechatpay-axios-plugin"
import { at, TestMerchant, Unusable } from "./TestMerchant.ts"

const order = (out_trade_no: string) => ({ out_trade_no, amount: { total: 100 } })

layer(TestMerchant.layer, { excludeTestServices: true })("faults of answers", (it) => {
  it.effect("reset the connection before the work is done", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("create", { kind: "drop", when: "before" })
      const error = yield* Effect.flip(merchant.create(order("drop-0001")))
      assert.strictEqual(error.code, "ECONNRESET")
      assert.deepInclude((yield* merchant.query("drop-0001")).data, { code: "ORDER_NOT_EXIST" })
    })
  )

  it.effect("reset the connection after the work is done", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("create", { kind: "drop", when: "after" })
      const error = yield* Effect.flip(merchant.create(order("drop-0002")))
      assert.strictEqual(error.code, "ECONNRESET")
      assert.deepInclude((yield* merchant.query("drop-0002")).data, { trade_state: "NOTPAY" })
    })
  )

  it.effect("answer 500, 429 or an error of choice, before or after the work", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("create", { kind: "answer", with: "500" })
      const before = yield* merchant.create(order("error-0001"))
      assert.deepStrictEqual([before.status, at(before.data, "code")], [500, "SYSTEM_ERROR"])
      assert.deepInclude((yield* merchant.query("error-0001")).data, { code: "ORDER_NOT_EXIST" })

      yield* merchant.fault("create", { kind: "answer", with: "429", when: "after" })
      const after = yield* merchant.create(order("error-0001"))
      assert.deepStrictEqual([after.status, at(after.data, "code")], [429, "FREQUENCY_LIMITED"])
      assert.deepInclude((yield* merchant.query("error-0001")).data, { trade_state: "NOTPAY" })

      yield* merchant.fault("refund", { kind: "answer", with: "error", status: 403, code: "NOT_ENOUGH" })
      const refund = yield* merchant.refund({
        out_trade_no: "error-0001",
        out_refund_no: "r",
        amount: { refund: 1, total: 100, currency: "CNY" }
      })
      assert.deepStrictEqual([refund.status, at(refund.data, "code")], [403, "NOT_ENOUGH"])
    })
  )

  it.effect("answer a page of HTML, nothing, or half of the truth", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create(order("body-0001"))
      yield* merchant.fault("query", { kind: "answer", with: "html" })
      const html = yield* merchant.query("body-0001")
      assert.strictEqual(html.status, 502)
      assert.match(String(html.data), /^<html>/)

      yield* merchant.fault("query", { kind: "answer", with: "empty" })
      assert.deepStrictEqual(yield* merchant.query("body-0001"), { status: 200, data: "" })

      yield* merchant.fault("query", { kind: "answer", with: "half" })
      assert.deepStrictEqual(
        yield* Effect.flip(merchant.query("body-0001")),
        new Unusable({ code: "EV3_RES_HEADER_SIGNATURE_DIGEST" })
      )
    })
  )

  it.effect("break the seal in ways that the client library notices", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create(order("seal-0001"))
      const codes = yield* Effect.forEach(["signature", "body", "timestamp", "serial"], (what) =>
        Effect.gen(function* () {
          yield* merchant.fault("query", { kind: "tamper", what })
          return (yield* Effect.flip(merchant.query("seal-0001"))).code
        })
      )
      assert.deepStrictEqual(codes, [
        "EV3_RES_HEADER_SIGNATURE_DIGEST",
        "EV3_RES_HEADER_SIGNATURE_DIGEST",
        "EV3_RES_HEADER_TIMESTAMP_OFFSET",
        "EV3_RES_HEADER_PLATFORM_SERIAL"
      ])
    })
  )

  it.effect("sign untruths that only a comparison with the order finds", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create(order("lies-0001"))
      const lie = (what: string) =>
        Effect.andThen(merchant.fault("query", { kind: "tamper", what }), merchant.query("lies-0001"))
      assert.strictEqual(at((yield* lie("amount")).data, "amount", "total"), 101)
      assert.strictEqual(at((yield* lie("currency")).data, "amount", "currency"), "USD")
      assert.notStrictEqual(at((yield* lie("merchant")).data, "mchid"), merchant.account.mchid)
      assert.notStrictEqual(at((yield* lie("reference")).data, "out_trade_no"), "lies-0001")
      assert.strictEqual(at((yield* merchant.query("lies-0001")).data, "amount", "total"), 100)
    })
  )

  it.effect("hold an answer back, and let it drip", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("create", { kind: "delay", milliseconds: 600_000, when: "after" })
      const patient = merchant.create(order("slow-0001"), { timeout: 200 })
      assert.strictEqual((yield* Effect.flip(patient)).code, "ECONNABORTED")
      assert.deepInclude((yield* merchant.query("slow-0001")).data, { trade_state: "NOTPAY" })

      yield* merchant.fault("query", { kind: "slow-drip", milliseconds: 1 })
      assert.deepInclude((yield* merchant.query("slow-0001")).data, { trade_state: "NOTPAY" })
    })
  )

  it.effect("do the work of a client that has gone", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("create", { kind: "delay", milliseconds: 100, when: "before" })
      yield* Effect.flip(merchant.create(order("gone-0001"), { timeout: 20 }))
      const query = Effect.flatMap(merchant.query("gone-0001"), ({ data, status }) =>
        status === 200 ? Effect.succeed(data) : Effect.fail("not yet" as const)
      )
      const data = yield* Effect.retry(query, Schedule.spaced("10 millis"))
      assert.deepInclude(data, { trade_state: "NOTPAY" })
    })
  )

  it.effect("strike as often as ordered, by chance that a seed repeats, until cleared", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create(order("often-0001"))
      const struck = Effect.map(
        Effect.forEach(Array.from({ length: 20 }), () => merchant.query("often-0001")),
        (answers) => answers.map(({ status }) => status === 500)
      )
      const fault = { kind: "answer", with: "500" }
      yield* merchant.fault("query", fault, { times: 2 })
      assert.strictEqual((yield* struck).filter((hit) => hit).length, 2)

      yield* merchant.fault("query", fault, { probability: 0.5, seed: 42 })
      const first = yield* struck
      yield* merchant.control("DELETE", "/faults")
      assert.deepStrictEqual(new Set(yield* struck), new Set([false]))
      yield* merchant.fault("query", fault, { probability: 0.5, seed: 42 })
      assert.deepStrictEqual(yield* struck, first)
      assert.deepStrictEqual(new Set(first), new Set([true, false]))
      yield* merchant.control("DELETE", "/faults")
    })
  )

  it.effect("are entered in the ledger with what was decided", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("create", { kind: "drop", when: "after" })
      yield* Effect.flip(merchant.create(order("ledger-0001")))
      yield* merchant.create({ ...order("ledger-0001"), amount: { total: 1 } })
      const { data } = yield* merchant.control("GET", "/requests?operation=create&limit=2")
      assert.deepInclude(at(data, "data", 0), { status: 403, verdict: "OUT_TRADE_NO_USED", fault: null })
      assert.deepInclude(at(data, "data", 1), { status: null, verdict: "accepted", fault: "drop" })
      assert.match(String(at(data, "data", 1, "request")), /ledger-0001/)
    })
  )

  const wrong: ReadonlyArray<unknown> = [
    { operation: "callback", fault: { kind: "answer", with: "500" } },
    { operation: "query", fault: { kind: "duplicate", times: 2 } },
    { operation: "query", fault: { kind: "explode" } },
    { operation: "query", fault: { kind: "delay", milliseconds: -1 } },
    { operation: "query", fault: { kind: "drop", when: "never" } },
    { operation: "query", fault: { kind: "drop" }, times: 0 },
    { operation: "query", fault: { kind: "drop" }, probability: 2 },
    { operation: "nothing", fault: { kind: "drop" } },
    { fault: { kind: "drop" } },
    []
  ]
  it.effect.each(wrong)("are refused when they make no sense: %j", (rule) =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      assert.strictEqual((yield* merchant.control("POST", "/faults", rule)).status, 400)
      assert.deepStrictEqual((yield* merchant.control("GET", "/faults")).data, { data: [] })
    })
  )
})

layer(TestMerchant.layer, { excludeTestServices: true })("faults of callbacks", (it) => {
  const paid = Effect.fnUntraced(function* (outTradeNo: string) {
    const merchant = yield* TestMerchant
    yield* merchant.create(order(outTradeNo))
    yield* merchant.pay(outTradeNo)
  })

  it.effect("send a notice several times at once", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("callback", { kind: "duplicate", times: 5 })
      yield* paid("twice-0001")
      const notices = yield* Queue.takeN(merchant.notices, 5)
      const ids = new Set(notices.map((notice) => at(merchant.open(notice).envelope, "id")))
      assert.strictEqual(ids.size, 1)
      assert.isTrue(notices.every((notice) => merchant.isGenuine(notice)))
    })
  )

  it.effect("let a later notice overtake", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("callback", { kind: "reorder", milliseconds: 600_000 })
      yield* paid("order-0001")
      yield* merchant.refund({
        out_trade_no: "order-0001",
        out_refund_no: "order-r1",
        amount: { refund: 1, total: 100, currency: "CNY" }
      })
      const notices = yield* Queue.takeN(merchant.notices, 2)
      assert.deepStrictEqual(
        notices.map((notice) => at(merchant.open(notice).envelope, "event_type")),
        ["REFUND.SUCCESS", "TRANSACTION.SUCCESS"]
      )
    })
  )

  it.effect("lose a notice, or the answer to it, and deliver it again", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("callback", { kind: "drop", when: "before" })
      yield* merchant.fault("callback", { kind: "drop", when: "after" })
      yield* paid("lost-0001")
      const [first, second] = yield* Queue.takeN(merchant.notices, 2)
      assert.isDefined(first)
      assert.isDefined(second)
      assert.strictEqual(at(merchant.open(first).envelope, "id"), at(merchant.open(second).envelope, "id"))
    })
  )

  it.effect("break the seal, or sign an untruth", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      for (const what of ["signature", "body", "serial"]) {
        yield* merchant.fault("callback", { kind: "tamper", what })
        yield* paid(`seal-${what}`)
        assert.isFalse(merchant.isGenuine(yield* Queue.take(merchant.notices)), what)
      }
      yield* merchant.fault("callback", { kind: "tamper", what: "amount" })
      yield* paid("seal-amount")
      const lie = yield* Queue.take(merchant.notices)
      assert.isTrue(merchant.isGenuine(lie))
      assert.strictEqual(at(merchant.open(lie).resource, "amount", "total"), 101)

      yield* merchant.fault("callback", { kind: "tamper", what: "timestamp" })
      yield* paid("seal-timestamp")
      const old = yield* Queue.take(merchant.notices)
      assert.isTrue(merchant.isGenuine(old))
      assert.isBelow(Number(old.headers["wechatpay-timestamp"]), Formatter.timestamp() - 300)
    })
  )

  it.effect("let it drip, or come late", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.fault("callback", { kind: "slow-drip", milliseconds: 0 })
      yield* paid("slow-0001")
      assert.isTrue(merchant.isGenuine(yield* Queue.take(merchant.notices)))
      yield* merchant.fault("callback", { kind: "delay", milliseconds: 5 })
      yield* paid("slow-0002")
      assert.isTrue(merchant.isGenuine(yield* Queue.take(merchant.notices)))
    })
  )
})
