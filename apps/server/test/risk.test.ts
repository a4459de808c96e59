import { assert, layer } from "@effect/vitest"
import { ChannelId } from "@mall/domain/payments/Payment"
import { RuleId } from "@mall/domain/risk/RiskRule"
import type { RuleChange } from "@mall/domain/risk/RiskRule"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import type { TestServer } from "@mall/testing/TestServer"
import { Context, Effect, Layer } from "effect"
import { call } from "./rawHttp.ts"
import { newBuyer, signIn, skusInStock } from "./shoppers.ts"
import type { Buyer } from "./shoppers.ts"

class Mall extends Context.Service<Mall, TestServer>()("@mall/server/test/risk/Mall") {
  static readonly layer = Layer.effect(
    Mall,
    Effect.flatMap(acquireDatabase, (database) =>
      startServer({ database, environment: { TRUSTED_PROXIES: "127.0.0.1" } })
    )
  )
}

const wechatpay = ChannelId.make("wechatpay")

const aPayment = Effect.fnUntraced(function* (buyer: Buyer) {
  const [sku] = yield* skusInStock(buyer, 1)
  const items = sku === undefined ? [] : [{ skuId: sku.id, quantity: 1 }]
  const { payment } = yield* buyer.mall.checkout.checkout({ payload: { items, addressId: buyer.addressId } })
  return payment.id
})

layer(Mall.layer, { excludeTestServices: true, timeout: "2 minutes" })("risk in a running mall", (it) => {
  it.effect("refuses who is blocked by HTTP and RPC, says so to nobody else, and counts it", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const admin = yield* signIn(url, "admin@demo.mall")
      const buyer = yield* newBuyer(url, "blocked")
      const id = yield* aPayment(buyer)
      const entry = { list: "block", kind: "user", value: buyer.user.id, reason: "stolen cards" } as const
      const listed = yield* admin.mall.risk.enlist({ payload: entry })
      assert.include(listed.author, "user:")
      const confirm = buyer.mall.payments.confirm({ params: { id }, payload: { channel: wechatpay } })
      const refused = yield* Effect.flip(confirm)
      assert.strictEqual(refused._tag, "PaymentRefused")
      const byRpc = yield* Effect.flip(buyer.storefront["payments.confirm"]({ id, channel: wechatpay }))
      assert.strictEqual(byRpc._tag, "PaymentRefused")
      const path = `/api/v1/payments/${id}/confirm`
      const raw = yield* call(url, { method: "POST", path, token: buyer.token, body: `{"channel":"wechatpay"}` })
      assert.strictEqual(raw.status, 403)
      assert.notMatch(raw.text, /block|list|stolen/)
      const { history } = yield* admin.admin["admin.payments.show"]({ id })
      assert.include(history.at(-1)?.reason, "risk: deny by block_list")
      const metrics = yield* call(url, { method: "GET", path: "/metrics" })
      assert.match(metrics.text, /payment_gateway_payment_total\{[^}]*status="risk_rejected"[^}]*\} 3/)
      yield* admin.mall.risk.delist({ payload: entry })
      assert.strictEqual((yield* confirm).attempt.status, "processing")
    })
  )

  it.effect("knows the buyer's network behind a trusted proxy", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const admin = yield* signIn(url, "admin@demo.mall")
      const buyer = yield* newBuyer(url, "networked")
      const id = yield* aPayment(buyer)
      yield* call(url, {
        ...{ method: "POST", path: `/api/v1/payments/${id}/confirm`, token: buyer.token },
        ...{ body: `{"channel":"wechatpay","device":"phone"}`, headers: { "x-forwarded-for": "203.0.113.77" } }
      })
      const { data } = yield* admin.mall.risk.checks({ query: { paymentId: id } })
      assert.deepStrictEqual(
        data.map(({ facts, verdict }) => [verdict, facts.network, facts.device, facts.user]),
        [["allow", "203.0.113.77", "phone", buyer.user.id]]
      )
    })
  )

  it.effect(
    "knows the country of the buyer's network from the packaged file, and that it is not what the buyer says",
    () =>
      Effect.gen(function* () {
        const { url } = yield* Mall
        const admin = yield* signIn(url, "admin@demo.mall")
        const buyer = yield* newBuyer(url, "travelling")
        const checked = Effect.fnUntraced(function* (address: string, country: string) {
          const id = yield* aPayment(buyer)
          yield* call(url, {
            ...{ method: "POST", path: `/api/v1/payments/${id}/confirm`, token: buyer.token },
            ...{ body: `{"channel":"wechatpay","country":"${country}"}`, headers: { "x-forwarded-for": address } }
          })
          const { data } = yield* admin.mall.risk.checks({ query: { paymentId: id } })
          return data.map(({ facts, hits }) => [facts.ipCountry, hits.some(({ rule }) => rule === "geoip_mismatch")])
        })
        // of Google in the United States, and of nobody
        assert.deepStrictEqual(yield* checked("8.8.8.8", "CN"), [["US", true]])
        assert.deepStrictEqual(yield* checked("8.8.8.8", "US"), [["US", false]])
        assert.deepStrictEqual(yield* checked("10.1.2.3", "CN"), [[null, false]])
      })
  )

  it.effect("holds a payment back by a rule that an operator puts, until one approves it", () =>
    Effect.gen(function* () {
      const { url } = yield* Mall
      const admin = yield* signIn(url, "admin@demo.mall")
      const buyer = yield* newBuyer(url, "reviewed")
      const id = yield* aPayment(buyer)
      const rule: RuleChange = {
        version: 0,
        name: "Under suspicion",
        score: 0,
        action: "review",
        mode: "live",
        reason: "a hint",
        when: { type: "fact", fact: "user", is: "=", value: buyer.user.id }
      }
      const put = yield* admin.admin["admin.risk.put"]({ id: RuleId.make("suspect"), ...rule })
      assert.strictEqual(put.version, 1)
      const confirm = buyer.mall.payments.confirm({ params: { id }, payload: { channel: wechatpay } })
      assert.strictEqual((yield* Effect.flip(confirm))._tag, "PaymentInReview")
      const report = yield* admin.mall.risk.backtest({
        payload: { rule: { id: RuleId.make("suspect"), when: rule.when, score: 0, action: "deny" }, days: 1 }
      })
      assert.deepStrictEqual(report.hits, { checks: 1, payments: 1 })
      assert.deepStrictEqual(report.changes, [{ from: "review", to: "deny", checks: 1 }])
      const { data } = yield* admin.mall.risk.reviews({ query: { status: "open" } })
      const review = data.find(({ paymentId }) => paymentId === id)
      assert.isDefined(review)
      if (review === undefined) return
      const byBuyer = yield* Effect.flip(
        buyer.mall.risk.approve({ params: { id: review.id }, payload: { reason: "please" } })
      )
      assert.strictEqual(byBuyer._tag, "Forbidden")
      yield* admin.mall.risk.approve({ params: { id: review.id }, payload: { reason: "called them" } })
      const late = yield* Effect.flip(admin.admin["admin.risk.reject"]({ id: review.id, reason: "no" }))
      assert.strictEqual(late._tag, "RiskReviewClosed")
      const step = yield* confirm
      assert.strictEqual(step.attempt.status, "processing")
      yield* admin.mall.risk.setMode({ params: { id: RuleId.make("suspect") }, payload: { mode: "off", reason: "x" } })
      const versions = yield* admin.mall.risk.history({ params: { id: RuleId.make("suspect") } })
      assert.deepStrictEqual(
        versions.map(({ mode, version }) => [version, mode]),
        [
          [2, "off"],
          [1, "live"]
        ]
      )
    })
  )
})
