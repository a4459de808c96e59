import { ChannelId } from "@mall/domain/payments/Payment"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Schedule, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { SqlClient } from "effect/sql"
import { createHmac } from "node:crypto"
import { toHexId } from "../../src/channel/hexId.ts"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { PaymentOperations } from "../../src/lifecycle/PaymentOperations.ts"
import { aBuyer, aPayment, awaitStatus, cny, newRefundId, Peer, testPaymentsWith, told } from "../TestPayments.ts"

const StripeKeys = Schema.fromJsonString(Schema.Struct({ webhookSecret: Schema.String }))
const WithStripe = testPaymentsWith(Effect.map(Peer, ({ url }) => ({ STRIPE_BASE_URL: `${url}/stripe/` })))

/** A payment of 20 yuan, which its buyer paid through `channel`. */
const paidThrough = Effect.fnUntraced(function* (channel: string) {
  const confirmations = yield* Confirmations
  const peer = yield* Peer
  const buyer = yield* aBuyer
  const { id } = yield* aPayment(buyer, 2000)
  const { attempt } = yield* confirmations.confirm(id, { channel: ChannelId.make(channel) }, buyer)
  yield* peer.control("POST", `/${channel}/orders/${toHexId(attempt.id)}/pay`)
  yield* awaitStatus(id, "succeeded")
  return id
})

layer(WithStripe, { excludeTestServices: true })("A refund at Stripe", (it) => {
  it.effect("that a bank sends back after it succeeded is told to a person", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const fs = yield* FileSystem.FileSystem
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const sql = yield* SqlClient.SqlClient
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer, 2000)
      const { attempt } = yield* confirmations.confirm(id, { channel: ChannelId.make("stripe") }, buyer)
      yield* peer.control("POST", `/stripe/orders/${toHexId(attempt.id)}/pay`)
      yield* awaitStatus(id, "succeeded")
      const refundId = yield* newRefundId
      yield* gateway.refund({ id: refundId, paymentId: id, amount: cny(2000), reason: "back" })
      yield* awaitStatus(id, "refunded")
      const { webhookSecret } = yield* fs
        .readFileString(`${peer.folder}/sandbox/stripe/merchant.json`)
        .pipe(Effect.flatMap(Schema.decodeEffect(StripeKeys)))
      const now = Math.floor(Date.now() / 1000)
      const refund = {
        ...{ id: "re_1", object: "refund", amount: 2000, currency: "cny", status: "failed" },
        ...{ failure_reason: "expired_or_canceled_card", metadata: { refund_id: toHexId(refundId) } }
      }
      const body = JSON.stringify({
        ...{ id: "evt_late", object: "event", type: "refund.failed", created: now, livemode: false },
        data: { object: refund }
      })
      const v1 = createHmac("sha256", webhookSecret).update(`${now}.${body}`).digest("hex")
      const sent = yield* HttpClientRequest.post(peer.callbackUrl.replace("wechatpay", "stripe")).pipe(
        HttpClientRequest.setHeader("stripe-signature", `t=${now},v1=${v1}`),
        HttpClientRequest.bodyText(body, "application/json"),
        HttpClient.execute
      )
      assert.strictEqual(sent.status, 200)
      const events = yield* sql`SELECT kind, details FROM payments.security_events WHERE payment_id = ${id}`.pipe(
        Effect.repeat({ until: ({ length }) => length > 0, schedule: Schedule.spaced("20 millis") }),
        Effect.timeout("10 seconds")
      )
      assert.deepInclude(events[0], { kind: "refund_mismatch" })
      assert.include(JSON.stringify(events[0]), "expired_or_canceled_card")
      assert.strictEqual((yield* operations.show(id)).refunds[0]?.status, "succeeded")
    })
  )
})

const Others = testPaymentsWith(
  Effect.map(Peer, ({ url }) => ({ STRIPE_BASE_URL: `${url}/stripe/`, PAYPAL_BASE_URL: `${url}/paypal/` }))
)

layer(Others, { excludeTestServices: true })("A refund that is refused for good", (it) => {
  for (const [channel, status, code] of [
    ["stripe", 400, "charge_disputed"],
    ["stripe", 400, "charge_already_refunded"],
    ["paypal", 422, "CAPTURE_DISPUTED_PARTIAL_REFUND_NOT_ALLOWED"],
    ["paypal", 422, "MAX_NUMBER_OF_REFUNDS_EXCEEDED"],
    ["wechatpay_v2", 200, "TRADE_OVERDUE"],
    ["wechatpay_v2", 200, "ORDERNOTEXIST"],
    ["wechatpay_v2", 200, "ERROR"]
  ] as const) {
    it.effect(`comes to its end: ${channel} ${code}`, () =>
      Effect.gen(function* () {
        const gateway = yield* PaymentGateway
        const operations = yield* PaymentOperations
        const peer = yield* Peer
        const id = yield* paidThrough(channel)
        yield* peer.fault("refund", { kind: "answer", with: "error", when: "before", status, code }, 9)
        yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(2000), reason: "refused" })
        yield* peer.reset
        const { payment, refunds } = yield* operations.show(id)
        assert.deepStrictEqual(
          [payment.status, refunds[0]?.status, refunds[0]?.errorCode],
          ["succeeded", "failed", code]
        )
        assert.strictEqual(yield* told("payment_refunded", id), 1)
      })
    )
  }
})

layer(Others, { excludeTestServices: true })("A refund that a channel carries out though it had refused it", (it) => {
  it.effect("is asked about where the notice does not surely say what became of it", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const id = yield* paidThrough("wechatpay_v2")
      const refusal = { kind: "answer", with: "error", when: "after", status: 200, code: "TRADE_OVERDUE" }
      yield* peer.fault("refund", refusal)
      const refundId = yield* newRefundId
      yield* gateway.refund({ id: refundId, paymentId: id, amount: cny(2000), reason: "refused" })
      yield* peer.control("POST", "/callbacks", {
        ...{ channel: "wechatpay_v2", event: "REFUND", reference: toHexId(refundId) },
        url: peer.callbackUrl.replace("wechatpay", "wechatpay_v2"),
        payload: { out_refund_no: toHexId(refundId), refund_id: "50300000000000000001", refund_status: "SUCCESS" }
      })
      yield* awaitStatus(id, "refunded")
      assert.strictEqual((yield* operations.show(id)).refunds[0]?.status, "succeeded")
      // that it failed, and that it was done after all
      assert.strictEqual(yield* told("payment_refunded", id), 2)
    })
  )
})
