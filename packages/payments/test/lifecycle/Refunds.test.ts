import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { PaymentOperations } from "../../src/lifecycle/PaymentOperations.ts"
import { Payments } from "../../src/lifecycle/Payments.ts"
import { Refunds } from "../../src/lifecycle/Refunds.ts"
import {
  aBuyer,
  aMerchant,
  aPayment,
  awaitStatus,
  cny,
  newOperationId,
  newRefundId,
  Peer,
  TestPayments,
  told,
  wechatpay
} from "../TestPayments.ts"

const aPaidPayment = Effect.fnUntraced(function* (amount = 1999) {
  const confirmations = yield* Confirmations
  const peer = yield* Peer
  const buyer = yield* aBuyer
  const { id } = yield* aPayment(buyer, amount)
  const { attempt } = yield* confirmations.confirm(id, { channel: wechatpay }, buyer)
  yield* peer.pay(attempt.id)
  yield* awaitStatus(id, "succeeded")
  return id
})

/** Lets the sweep come to everything that is open until the refunds of the payment have ended. */
const sweepUntil = Effect.fnUntraced(function* (
  id: Parameters<PaymentOperations["Service"]["show"]>[0],
  status: string
) {
  const operations = yield* PaymentOperations
  const refunds = yield* Refunds
  const sql = yield* SqlClient.SqlClient
  const round = Effect.gen(function* () {
    // those that a notice is settling at this moment are left to the next round
    yield* sql`
      UPDATE payments.refunds SET next_query_at = '2020-01-01' WHERE id IN (
        SELECT id FROM payments.refunds WHERE payment_id = ${id} AND next_query_at IS NOT NULL FOR UPDATE SKIP LOCKED)`
    yield* refunds.sweep(50)
    return yield* operations.show(id)
  })
  return yield* round.pipe(
    Effect.repeat({ until: ({ payment }) => payment.status === status, schedule: Schedule.spaced("20 millis") }),
    Effect.timeout("10 seconds")
  )
})

layer(TestPayments, { excludeTestServices: true })("A refund", (it) => {
  it.effect("never passes what was captured, however many ask at once", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const id = yield* aPaidPayment(1000)
      const results = yield* Effect.all(
        Array.from({ length: 50 }, () =>
          Effect.flatMap(newRefundId, (refundId) =>
            gateway.refund({ id: refundId, paymentId: id, amount: cny(30), reason: "one of many" }).pipe(
              Effect.as("ok" as const),
              Effect.catchTag("RefundExceedsCapture", ({ refundable }) => Effect.succeed(refundable.amount))
            )
          )
        ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(results.filter((result) => result === "ok").length, 33)
      assert.deepStrictEqual(new Set(results.filter((result) => result !== "ok")), new Set([10]))
      const { payment, refunds } = yield* sweepUntil(id, "partially_refunded")
      assert.strictEqual(payment.refunded.amount, 990)
      assert.strictEqual(refunds.filter(({ status }) => status === "succeeded").length, 33)
      assert.strictEqual(yield* told("payment_refunded", id), 33)
    })
  )

  it.effect("with the same id is made once, at the same time and later", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const id = yield* aPaidPayment()
      const refundId = yield* newRefundId
      const ask = gateway.refund({ id: refundId, paymentId: id, amount: cny(1999), reason: "all of it" })
      yield* Effect.all(
        Array.from({ length: 10 }, () => ask),
        { concurrency: "unbounded" }
      )
      yield* awaitStatus(id, "refunded")
      yield* ask
      assert.strictEqual((yield* operations.show(id)).refunds.length, 1)
      assert.strictEqual(yield* told("payment_refunded", id), 1)
    })
  )

  for (const when of ["before", "after"]) {
    it.effect(`whose answer is lost ${when} the channel did it is asked about and happens once`, () =>
      Effect.gen(function* () {
        const gateway = yield* PaymentGateway
        const operations = yield* PaymentOperations
        const peer = yield* Peer
        const id = yield* aPaidPayment()
        yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
        yield* peer.fault("refund", { kind: "drop", when })
        yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(500), reason: "lost" })
        assert.deepStrictEqual(
          (yield* operations.show(id)).refunds.map(({ status }) => status),
          ["unknown"]
        )
        const { payment } = yield* sweepUntil(id, "partially_refunded")
        assert.strictEqual(payment.refunded.amount, 500)
        yield* peer.reset
      })
    )
  }

  it.effect("that the channel refuses frees what it held and tells so", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const id = yield* aPaidPayment()
      yield* peer.fault("refund", {
        kind: "answer",
        with: "error",
        when: "before",
        status: 403,
        code: "USER_ACCOUNT_ABNORMAL"
      })
      yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(1999), reason: "refused" })
      const { payment, refunds } = yield* operations.show(id)
      assert.deepStrictEqual(
        [payment.status, refunds[0]?.status, refunds[0]?.errorCode],
        ["succeeded", "failed", "USER_ACCOUNT_ABNORMAL"]
      )
      assert.strictEqual(yield* told("payment_refunded", id), 1)
      yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(1999), reason: "again" })
      yield* awaitStatus(id, "refunded")
    })
  )

  it.effect("for which the merchant's balance is too low waits and goes out later", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const id = yield* aPaidPayment()
      yield* peer.fault("refund", { kind: "answer", with: "error", when: "before", status: 403, code: "NOT_ENOUGH" })
      yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(1999), reason: "no balance" })
      assert.strictEqual((yield* operations.show(id)).refunds[0]?.status, "pending")
      yield* sweepUntil(id, "refunded")
    })
  )

  it.effect("of an unpaid payment is a conflict, of too much or another currency an error", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const { id } = yield* aPayment(yield* aBuyer)
      const refund = { paymentId: id, amount: cny(1), reason: "early" }
      const early = yield* Effect.flip(gateway.refund({ ...refund, id: yield* newRefundId }))
      assert.strictEqual(early._tag, "PaymentStateConflict")
      const paid = yield* aPaidPayment()
      const tooMuch = yield* Effect.flip(
        gateway.refund({ id: yield* newRefundId, paymentId: paid, amount: cny(2000), reason: "too much" })
      )
      assert.strictEqual(tooMuch._tag, "RefundExceedsCapture")
    })
  )

  it.effect("is for the merchant who asked for the payment, not for its payer or another merchant", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const payments = yield* Payments
      const peer = yield* Peer
      const merchant = yield* aMerchant
      const created = yield* payments.create(
        { amount: cny(700), reference: "invoice-7", description: "a lamp" },
        merchant,
        yield* newOperationId
      )
      const { attempt } = yield* confirmations.confirm(created.id, { channel: wechatpay }, merchant)
      yield* peer.pay(attempt.id)
      yield* awaitStatus(created.id, "succeeded")
      const stranger = yield* Effect.flip(
        payments.refund(created.id, { reason: "mine" }, yield* aMerchant, yield* newOperationId)
      )
      assert.strictEqual(stranger._tag, "PaymentNotFound")
      const operationId = yield* newRefundId
      const refund = yield* payments.refund(created.id, { reason: "broken" }, merchant, operationId)
      assert.strictEqual(refund.id, operationId)
      assert.strictEqual(refund.amount.amount, 700)
      const again = yield* payments.refund(created.id, { reason: "broken" }, merchant, operationId)
      assert.strictEqual(again.id, operationId)
      const { data } = yield* payments.listRefunds(created.id, {}, merchant)
      assert.strictEqual(data.length, 1)
      const hidden = yield* Effect.flip(payments.showRefund(created.id, refund.id, yield* aMerchant))
      assert.strictEqual(hidden._tag, "RefundNotFound")
    })
  )
})
