import { assert, layer } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { FetchHttpClient, HttpClientRequest } from "effect/http"
import { at, TestMerchant } from "./TestMerchant.ts"

const visit = Effect.fnUntraced(function* (method: "GET" | "POST", path: string, headers: Record<string, string> = {}) {
  const { http, url } = yield* TestMerchant
  const response = yield* HttpClientRequest.make(method)(`${url}${path}`).pipe(
    HttpClientRequest.setHeaders(headers),
    http.execute,
    // a browser's own step: the test looks at the redirect itself
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" })
  )
  return { status: response.status, headers: response.headers, text: yield* response.text }
})

layer(TestMerchant.layer, { excludeTestServices: true })("pages", (it) => {
  it.effect("list orders and show one with its amount, code and buttons, in Chinese and English", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create({
        out_trade_no: "page-0001",
        description: `<script>alert("1")</script>`,
        amount: { total: 1999 }
      })
      const index = yield* visit("GET", "/")
      assert.strictEqual(index.status, 200)
      assert.include(index.text, `href="/pay/wechatpay/page-0001"`)
      assert.include(index.text, "CNY 19.99")

      const page = yield* visit("GET", "/pay/wechatpay/page-0001")
      assert.strictEqual(page.headers["content-type"], "text/html; charset=utf-8")
      for (const text of ["CNY 19.99", "订单未支付", "Not paid", "<svg", "微信支付", merchant.account.mchid]) {
        assert.include(page.text, text)
      }
      for (const action of ["pay", "fail", "cancel"]) {
        assert.include(page.text, `action="/pay/wechatpay/page-0001/${action}"`)
      }
      assert.notInclude(page.text, "<script>")
      assert.include(page.text, "&lt;script&gt;")
    })
  )

  it.effect("lead from what a QR code holds to its order", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const { data } = yield* merchant.create({ out_trade_no: "scan-0001", amount: { total: 100 } })
      const code = encodeURIComponent(String(at(data, "code_url")))
      const scanned = yield* visit("GET", `/scan?code=${code}`)
      assert.deepStrictEqual([scanned.status, scanned.headers["location"]], [303, "/pay/wechatpay/scan-0001"])
      const { data: order } = yield* merchant.control("GET", `/scan?code=${code}`)
      assert.deepInclude(order, { reference: "scan-0001", channel: "wechatpay" })
      for (const query of ["", "?code=", "?code=weixin%3A%2F%2Funknown"]) {
        assert.strictEqual((yield* visit("GET", `/scan${query}`)).status, 404, query)
      }
      assert.strictEqual((yield* merchant.control("GET", "/scan?code=unknown")).status, 404)
    })
  )

  it.effect("let a person fail, try again and pay with forms alone", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create({ out_trade_no: "form-0001", amount: { total: 100 } })
      const press = (action: string) => visit("POST", `/pay/wechatpay/form-0001/${action}`)
      const failed = yield* press("fail")
      assert.strictEqual(failed.status, 303)
      assert.strictEqual(failed.headers["location"], "/pay/wechatpay/form-0001")
      assert.include((yield* visit("GET", "/pay/wechatpay/form-0001")).text, "支付失败")

      assert.strictEqual((yield* press("pay")).status, 303)
      const page = yield* visit("GET", "/pay/wechatpay/form-0001")
      assert.include(page.text, "支付成功")
      assert.notInclude(page.text, "<form")
      const { resource } = merchant.open(yield* Queue.take(merchant.notices))
      assert.deepInclude(resource, { out_trade_no: "form-0001", trade_state: "SUCCESS" })

      const again = yield* press("pay")
      assert.strictEqual(again.status, 409)
      assert.include(again.text, `role="alert"`)
    })
  )

  it.effect("answer 404 for what does not exist", () =>
    Effect.gen(function* () {
      const paths = ["/pay/wechatpay/unknown-0001", "/pay/otherpay/page-0001", "/pay/wechatpay/%00", "/nowhere"]
      for (const path of paths) assert.strictEqual((yield* visit("GET", path)).status, 404, path)
      const posts = ["/pay/wechatpay/unknown-0001/pay", "/pay/wechatpay/page-0001/steal"]
      for (const path of posts) assert.strictEqual((yield* visit("POST", path)).status, 404, path)
    })
  )

  it.effect("and controls obey no form of another site", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create({ out_trade_no: "cross-0001", amount: { total: 100 } })
      const foreign = { "sec-fetch-site": "cross-site" }
      assert.strictEqual((yield* visit("POST", "/pay/wechatpay/cross-0001/pay", foreign)).status, 403)
      assert.strictEqual((yield* visit("POST", "/control/reset", foreign)).status, 403)
      assert.deepInclude((yield* merchant.query("cross-0001")).data, { trade_state: "NOTPAY" })
    })
  )
})

layer(TestMerchant.layer, { excludeTestServices: true })("controls", (it) => {
  it.effect("refuse what is unknown or makes no sense", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      yield* merchant.create({ out_trade_no: "control-0001", amount: { total: 100 } })
      const statuses = yield* Effect.all([
        merchant.pay("unknown-0001"),
        merchant.control("POST", "/otherpay/orders/control-0001/pay"),
        merchant.control("POST", "/wechatpay/orders/control-0001/steal"),
        merchant.pay("control-0001", { payerTotal: -1 }),
        merchant.pay("control-0001", { payerTotal: 101 }),
        merchant.control("GET", "/requests?limit=0")
      ])
      assert.deepStrictEqual(
        statuses.map(({ status }) => status),
        [404, 404, 400, 400, 409, 400]
      )
      assert.deepInclude((yield* merchant.query("control-0001")).data, { trade_state: "NOTPAY" })
    })
  )

  it.effect("list orders as data", () =>
    Effect.gen(function* () {
      const merchant = yield* TestMerchant
      const { data } = yield* merchant.control("GET", "/orders")
      assert.deepInclude(at(data, "data", 0), {
        reference: "control-0001",
        channel: "wechatpay",
        amount: 100,
        currency: "CNY",
        state: "NOTPAY"
      })
    })
  )
})
