import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { PaymentOperations } from "../../src/lifecycle/PaymentOperations.ts"
import {
  aBuyer,
  aPayment,
  awaitStatus,
  cny,
  newRefundId,
  Peer,
  TestPayments,
  told,
  wechatpay
} from "../TestPayments.ts"

layer(TestPayments, { excludeTestServices: true })("A payment through WeChat Pay", (it) => {
  it.effect("is confirmed, paid by the buyer, told to the mall and refunded in parts", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)

      const step = yield* confirmations.confirm(id, { channel: wechatpay }, buyer)
      assert.strictEqual(step.status, "processing")
      assert.strictEqual(step.action.type, "qr")
      assert.strictEqual(yield* peer.pay(step.attempt.id), 200)
      yield* awaitStatus(id, "succeeded")
      assert.strictEqual(yield* told("mark_order_paid", id), 1)

      yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(999), reason: "one shirt" })
      yield* awaitStatus(id, "partially_refunded")
      yield* gateway.refund({ id: yield* newRefundId, paymentId: id, amount: cny(1000), reason: "the other" })
      yield* awaitStatus(id, "refunded")
      assert.strictEqual(yield* told("payment_refunded", id), 2)

      const { attempts, history, payment, refunds } = yield* operations.show(id)
      assert.strictEqual(payment.refunded.amount, 1999)
      assert.deepStrictEqual(
        attempts.map(({ status }) => status),
        ["succeeded"]
      )
      assert.deepStrictEqual(
        refunds.map(({ status }) => status),
        ["succeeded", "succeeded"]
      )
      assert.deepStrictEqual(
        history.filter(({ subject }) => subject === "payment").map(({ toStatus }) => toStatus),
        ["pending", "processing", "succeeded", "refunding", "partially_refunded", "refunding", "refunded"]
      )
    })
  )
})
