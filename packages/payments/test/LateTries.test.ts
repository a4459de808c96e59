import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { HttpClient } from "effect/http"
import { SqlClient } from "effect/sql"
import { toHexId } from "../src/channel/hexId.ts"
import { Confirmations } from "../src/lifecycle/Confirmations.ts"
import { Inquiries } from "../src/lifecycle/Inquiries.ts"
import { PaymentOperations } from "../src/lifecycle/PaymentOperations.ts"
import { aBuyer, aPayment, awaitStatus, cny, newRefundId, Peer, TestPayments, told, wechatpay } from "./TestPayments.ts"

const choice = { channel: wechatpay }

/** As a crash leaves a try between the channel's answer and our commit. */
const forgetAnswer = Effect.fnUntraced(function* (id: AttemptId) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE payments.attempts SET status = 'created', action = NULL WHERE id = ${id}`
})

/** Our books hold the try as ended, whatever its channel took meanwhile. */
const endInBooks = Effect.fnUntraced(function* (id: AttemptId) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE payments.attempts SET status = 'failed', next_query_at = NULL WHERE id = ${id}`
})

layer(TestPayments, { excludeTestServices: true })("A try that ended before its channel answered", (it) => {
  for (const [what, fault] of [
    ["is busy now", { kind: "answer", with: "429", when: "before" }],
    ["refuses us now", { kind: "answer", with: "error", when: "before", status: 403, code: "NO_AUTH" }]
  ] as const) {
    it.effect(`leads to no other channel after a crash, where the channel ${what}`, () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const operations = yield* PaymentOperations
        const peer = yield* Peer
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        const { attempt } = yield* confirmations.confirm(id, choice, buyer)
        yield* forgetAnswer(attempt.id)
        yield* peer.fault("create", fault)
        const error = yield* Effect.flip(confirmations.confirm(id, {}, buyer))
        assert.strictEqual(error._tag, "PaymentUndecided")
        assert.deepStrictEqual(
          (yield* operations.show(id)).attempts.map((tried) => [tried.id, tried.status]),
          [[attempt.id, "created"]]
        )
        // the same try goes on, and pays once
        const again = yield* confirmations.confirm(id, {}, buyer)
        assert.strictEqual(again.attempt.id, attempt.id)
        yield* peer.pay(attempt.id)
        yield* awaitStatus(id, "succeeded")
        assert.strictEqual(yield* told("mark_order_paid", id), 1)
      })
    )
  }

  it.effect("is closed at the channel where it is unpaid there", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const inquiries = yield* Inquiries
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* endInBooks(attempt.id)
      yield* inquiries.bury(id, attempt.id, null)
      assert.isAbove(yield* peer.pay(attempt.id), 399)
    })
  )

  it.effect("is recorded where it was paid there, once however often it is asked about", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const inquiries = yield* Inquiries
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
      assert.strictEqual(yield* peer.pay(attempt.id), 200)
      yield* endInBooks(attempt.id)
      yield* Effect.all([inquiries.bury(id, attempt.id, null), inquiries.bury(id, attempt.id, null)], {
        concurrency: "unbounded"
      })
      yield* peer.reset
      assert.strictEqual((yield* gateway.find([id])).get(id)?.status, "succeeded")
      assert.strictEqual(yield* told("mark_order_paid", id), 1)
    })
  )

  it.effect("can be given back before its notice has come", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const refund = { id: yield* newRefundId, paymentId: id, amount: cny(1999), reason: "changed their mind" }
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      assert.strictEqual((yield* Effect.flip(gateway.refund(refund)))._tag, "PaymentStateConflict")
      yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
      yield* peer.pay(attempt.id)
      yield* gateway.refund(refund)
      yield* peer.reset
      const summary = (yield* gateway.find([id])).get(id)
      assert.include(["refunding", "refunded"], summary?.status)
    })
  )

  for (const first of ["wechatpay", "alipay"] as const) {
    it.effect(`and is paid beside the one that took its place leaves one payment, ${first} being paid first`, () =>
      Effect.gen(function* () {
        const confirmations = yield* Confirmations
        const inquiries = yield* Inquiries
        const operations = yield* PaymentOperations
        const peer = yield* Peer
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        // the channel says that it took nothing, and did
        yield* peer.fault("create", { kind: "answer", with: "429", when: "after" })
        const step = yield* confirmations.confirm(id, {}, buyer)
        assert.strictEqual(step.attempt.channel, "alipay")
        // the order is made there when the buyer's browser comes
        if (step.action.type === "redirect") yield* HttpClient.get(step.action.url)
        const [former] = (yield* operations.show(id)).attempts
        assert.deepStrictEqual([former?.channel, former?.status], ["wechatpay", "failed"])
        if (former === undefined) return
        const pays = {
          wechatpay: peer.pay(former.id),
          // of this one we learn by the question
          alipay: Effect.andThen(
            peer.control("POST", `/alipay/orders/${toHexId(step.attempt.id)}/pay`),
            inquiries.tend(id, step.attempt.id)
          )
        }
        yield* pays[first]
        yield* awaitStatus(id, "succeeded")
        yield* pays[first === "alipay" ? "wechatpay" : "alipay"]
        const shown = yield* operations.show(id).pipe(
          Effect.repeat({
            until: ({ refunds }) => refunds.some(({ reason }) => reason === "paid twice"),
            schedule: Schedule.spaced("10 millis")
          }),
          Effect.timeout("10 seconds")
        )
        assert.deepStrictEqual(
          shown.attempts.map(({ status }) => status),
          ["succeeded", "succeeded"]
        )
        assert.deepStrictEqual(
          shown.refunds.map(({ amount, reason }) => [amount.amount, reason]),
          [[1999, "paid twice"]]
        )
        assert.strictEqual(shown.payment.captured.amount, 1999)
        assert.strictEqual(yield* told("mark_order_paid", id), 1)
      })
    )
  }
})
