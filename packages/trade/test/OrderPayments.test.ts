import { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { OrderCancellation } from "../src/OrderCancellation.ts"
import { OrderPayments } from "../src/OrderPayments.ts"
import { OrderRefunds } from "../src/OrderRefunds.ts"
import { PaymentIncidents } from "../src/PaymentIncidents.ts"
import { PendingOrders } from "../src/PendingOrders.ts"
import { systemActor } from "@mall/domain/trade/Order"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import {
  Bank,
  cny,
  historyOf,
  idOf,
  newUserId,
  offer,
  paidMessage,
  pay,
  placeOrder,
  statusOf,
  stockOf,
  TestTrade
} from "./TestTrade.ts"

const doing = { actor: systemActor, reason: "test", at: new Date(), traceId: null }

layer(TestTrade, { excludeTestServices: true })("OrderPayments", (it) => {
  it.effect("sells once, though told twenty times at once", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const skuId = yield* offer({ onHand: 10 })
      const { order, payment } = yield* placeOrder(skuId, 3)
      yield* pay(payment.id)
      yield* Effect.all(
        Array.from({ length: 20 }, () => payments.markPaid(paidMessage(payment))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(yield* statusOf(order.id), "paid")
      assert.deepStrictEqual(yield* historyOf(order.id), [">pending_payment", "pending_payment>paid"])
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 7, reserved: 0 })
    })
  )

  it.effect("ignores a payment that is not the mall's", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const { order, payment } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* payments.markPaid({ ...paidMessage(payment), paymentId: PaymentId.make(idOf(newUserId)) })
      assert.strictEqual(yield* statusOf(order.id), "pending_payment")
    })
  )

  it.effect("parks another amount or currency visibly and marks nothing", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const incidents = yield* PaymentIncidents
      const skuId = yield* offer({ onHand: 10 })
      const { checkoutId, order, payment } = yield* placeOrder(skuId)
      yield* payments.markPaid({ ...paidMessage(payment), amount: cny(999) })
      yield* payments.markPaid({ ...paidMessage(payment), amount: cny(1001) })
      assert.strictEqual(yield* statusOf(order.id), "pending_payment")
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 10, reserved: 1 })
      const reported = (yield* incidents.list(100)).filter((incident) => incident.checkoutId === checkoutId)
      assert.deepStrictEqual(
        reported.map(({ detail, kind }) => [kind, detail]),
        [["amount_mismatch", "999 CNY were paid, 1000 CNY are due"]]
      )
    })
  )

  it.effect("refunds in full, once, what is paid after the order was canceled", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const pending = yield* PendingOrders
      const bank = yield* Bank
      const skuId = yield* offer({ onHand: 10 })
      const { checkoutId, order, payment } = yield* placeOrder(skuId, 2)
      yield* pending.cancel([checkoutId], doing)
      yield* pay(payment.id)
      yield* Effect.all(
        Array.from({ length: 5 }, () => payments.markPaid(paidMessage(payment))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(yield* statusOf(order.id), "canceled")
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 10, reserved: 0 })
      assert.deepStrictEqual(
        Array.from(bank.payments.get(payment.id)?.refunds.values() ?? [], ({ amount }) => amount),
        [2000]
      )
      assert.deepStrictEqual(yield* historyOf(order.id), [
        ">pending_payment",
        "pending_payment>canceled",
        "canceled>canceled"
      ])
    })
  )

  it.effect("asks for the late refund again when the platform was away", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const pending = yield* PendingOrders
      const bank = yield* Bank
      const { checkoutId, payment } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* pending.cancel([checkoutId], doing)
      yield* pay(payment.id)
      bank.isAway = true
      const exit = yield* Effect.exit(payments.markPaid(paidMessage(payment)))
      bank.isAway = false
      assert.strictEqual(exit._tag, "Failure")
      yield* payments.markPaid(paidMessage(payment))
      assert.strictEqual(bank.payments.get(payment.id)?.refunds.size, 1)
    })
  )

  it.effect("either sells or refunds when paying and canceling race", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const pending = yield* PendingOrders
      const bank = yield* Bank
      const skuId = yield* offer({ onHand: 40 })
      const placed = yield* Effect.forEach(Array.from({ length: 40 }), () => placeOrder(skuId), { concurrency: 10 })
      yield* Effect.forEach(
        placed,
        ({ checkoutId, payment }, n) => {
          const race = [
            Effect.andThen(pay(payment.id), payments.markPaid(paidMessage(payment))),
            pending.cancel([checkoutId], doing)
          ]
          return Effect.all(n % 2 === 0 ? race : race.toReversed(), { concurrency: "unbounded" })
        },
        { concurrency: "unbounded" }
      )
      let sold = 0
      for (const { order, payment } of placed) {
        const status = yield* statusOf(order.id)
        const refunds = bank.payments.get(payment.id)?.refunds.size
        assert.isTrue((status === "paid" && refunds === 0) || (status === "canceled" && refunds === 1))
        if (status === "paid") sold += 1
      }
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 40 - sold, reserved: 0 })
    })
  )

  it.effect("cancels when nothing can be paid any more, unless it was paid", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const skuId = yield* offer({ onHand: 2 })
      const [unpaid, paid] = [yield* placeOrder(skuId), yield* placeOrder(skuId)]
      yield* pay(paid.payment.id)
      yield* payments.markPaid(paidMessage(paid.payment))
      for (const { checkoutId, payment } of [unpaid, paid, unpaid]) {
        yield* payments.markCanceled({ paymentId: payment.id, reference: checkoutId, reason: "time is up" })
      }
      assert.strictEqual(yield* statusOf(unpaid.order.id), "canceled")
      assert.strictEqual(yield* statusOf(paid.order.id), "paid")
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 1, reserved: 0 })
    })
  )

  it.effect("refunds a paid order at its buyer's wish, and its pieces come back once", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const cancellation = yield* OrderCancellation
      const bank = yield* Bank
      const skuId = yield* offer({ onHand: 5 })
      const { buyer, checkoutId, order, payment } = yield* placeOrder(skuId, 2)
      yield* pay(payment.id)
      yield* payments.markPaid(paidMessage(payment))
      const canceled = yield* cancellation.cancel(buyer, order.id)
      assert.strictEqual(canceled.status, "refunding")
      assert.strictEqual((yield* Effect.flip(cancellation.cancel(buyer, order.id)))._tag, "OrderStateConflict")
      const [refundId] = Array.from(bank.payments.get(payment.id)?.refunds.keys() ?? [])
      assert.isDefined(refundId)
      const message = {
        refundId: refundId ?? RefundId.make(idOf(newUserId)),
        paymentId: payment.id,
        reference: checkoutId,
        amount: payment.amount,
        outcome: "succeeded" as const
      }
      yield* Effect.all(
        Array.from({ length: 6 }, () => payments.markRefunded(message)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(yield* statusOf(order.id), "refunded")
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 5, reserved: 0 })
    })
  )

  it.effect("owes the order again when the refund failed, and can refund it anew", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const cancellation = yield* OrderCancellation
      const bank = yield* Bank
      const skuId = yield* offer({ onHand: 1 })
      const { buyer, checkoutId, order, payment } = yield* placeOrder(skuId)
      yield* pay(payment.id)
      yield* payments.markPaid(paidMessage(payment))
      yield* cancellation.cancel(buyer, order.id)
      const refunds = bank.payments.get(payment.id)?.refunds
      for (const refundId of Array.from(refunds?.keys() ?? [])) {
        refunds?.clear()
        yield* payments.markRefunded({
          refundId,
          paymentId: payment.id,
          reference: checkoutId,
          amount: payment.amount,
          outcome: "failed"
        })
      }
      assert.strictEqual(yield* statusOf(order.id), "paid")
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 0, reserved: 0 })
      assert.strictEqual((yield* cancellation.cancel(buyer, order.id)).status, "refunding")
      assert.strictEqual(refunds?.size, 1)
    })
  )

  it.effect("ends an order whose payment went back by hand, as a whole; of a part it says that it cannot", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const cancellation = yield* OrderCancellation
      const incidents = yield* PaymentIncidents
      const bank = yield* Bank
      const skuId = yield* offer({ onHand: 1 })
      const { buyer, checkoutId, order, payment } = yield* placeOrder(skuId)
      yield* pay(payment.id)
      yield* payments.markPaid(paidMessage(payment))
      const byHand = Effect.fnUntraced(function* (amount: number) {
        const refundId = RefundId.make(idOf(newUserId))
        bank.payments.get(payment.id)?.refunds.set(refundId, cny(amount))
        const told = { refundId, paymentId: payment.id, reference: checkoutId, amount: cny(amount) }
        yield* payments.markRefunded({ ...told, outcome: "succeeded" })
      })
      yield* byHand(300)
      const refused = yield* Effect.flip(cancellation.cancel(buyer, order.id))
      assert.deepStrictEqual(
        [refused._tag, "orderStatus" in refused && refused.orderStatus],
        ["OrderStateConflict", "paid"]
      )
      yield* byHand(700)
      assert.strictEqual((yield* cancellation.cancel(buyer, order.id)).status, "refunded")
      assert.deepStrictEqual(yield* stockOf(skuId), { onHand: 1, reserved: 0 })
      assert.deepStrictEqual(
        (yield* incidents.list(100)).flatMap((each) => (each.checkoutId === checkoutId ? [each.kind] : [])),
        ["refund_unmatched"]
      )
    })
  )

  it.effect("goes by what the channel did in the end with a refund that it had given up", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const cancellation = yield* OrderCancellation
      const incidents = yield* PaymentIncidents
      const bank = yield* Bank
      const paidAndGivenUp = Effect.fnUntraced(function* () {
        const skuId = yield* offer({ onHand: 1 })
        const { buyer, checkoutId, order, payment } = yield* placeOrder(skuId)
        yield* pay(payment.id)
        yield* payments.markPaid(paidMessage(payment))
        yield* cancellation.cancel(buyer, order.id)
        const refunds = bank.payments.get(payment.id)?.refunds
        const [refundId = RefundId.make(checkoutId)] = refunds?.keys() ?? []
        const told = { refundId, paymentId: payment.id, reference: checkoutId, amount: payment.amount }
        yield* payments.markRefunded({ ...told, outcome: "failed" })
        assert.strictEqual(yield* statusOf(order.id), "paid")
        const reported = Effect.map(incidents.list(100), (all) =>
          all.flatMap((incident) => (incident.checkoutId === checkoutId ? [incident.kind] : []))
        )
        return { buyer, order, refunds, reported, skuId, done: { ...told, outcome: "succeeded" as const } }
      })

      const simple = yield* paidAndGivenUp()
      yield* Effect.all([payments.markRefunded(simple.done), payments.markRefunded(simple.done)], { concurrency: 2 })
      assert.strictEqual(yield* statusOf(simple.order.id), "refunded")
      assert.deepStrictEqual(yield* stockOf(simple.skuId), { onHand: 1, reserved: 0 })
      assert.deepStrictEqual(yield* simple.reported, [])

      // another one was asked for meanwhile: where that is carried out too, somebody has to look
      const again = yield* paidAndGivenUp()
      again.refunds?.clear()
      yield* cancellation.cancel(again.buyer, again.order.id)
      const [second = again.done.refundId] = again.refunds?.keys() ?? []
      assert.strictEqual(yield* statusOf(again.order.id), "refunding")
      yield* payments.markRefunded(again.done)
      yield* payments.markRefunded({ ...again.done, refundId: second, outcome: "failed" })
      yield* payments.markRefunded(again.done)
      assert.strictEqual(yield* statusOf(again.order.id), "refunded")
      assert.deepStrictEqual(yield* stockOf(again.skuId), { onHand: 1, reserved: 0 })
      assert.deepStrictEqual(yield* again.reported, [])
      yield* payments.markRefunded({ ...again.done, refundId: second })
      assert.deepStrictEqual(yield* again.reported, ["refund_unmatched"])

      // another one was refused, for this one is done and only not told of
      const untold = yield* paidAndGivenUp()
      assert.strictEqual((yield* cancellation.cancel(untold.buyer, untold.order.id)).status, "refunded")
      yield* payments.markRefunded(untold.done)
      assert.deepStrictEqual(yield* untold.reported, [])
    })
  )

  it.effect("reports each refund that nothing waits for, once", () =>
    Effect.gen(function* () {
      const payments = yield* OrderPayments
      const incidents = yield* PaymentIncidents
      const { checkoutId, payment } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* pay(payment.id)
      yield* payments.markPaid(paidMessage(payment))
      const [first, second] = [RefundId.make(idOf(newUserId)), RefundId.make(idOf(newUserId))]
      for (const refundId of [first, second, first, second]) {
        yield* payments.markRefunded({
          ...{ refundId, paymentId: payment.id, reference: checkoutId, amount: payment.amount, outcome: "succeeded" }
        })
      }
      const reported = (yield* incidents.list(100)).filter((each) => each.checkoutId === checkoutId)
      assert.deepStrictEqual(
        reported.map(({ kind }) => kind),
        ["refund_unmatched"]
      )
      for (const id of [first, second]) assert.strictEqual(reported[0]?.detail.split(id).length, 2)
    })
  )

  it.effect("resumes a refund that the platform was not there to take", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const payments = yield* OrderPayments
      const refunds = yield* OrderRefunds
      const cancellation = yield* OrderCancellation
      const bank = yield* Bank
      const { buyer, order, payment } = yield* placeOrder(yield* offer({ onHand: 1 }))
      yield* pay(payment.id)
      yield* payments.markPaid(paidMessage(payment))
      bank.isAway = true
      const canceled = yield* cancellation.cancel(buyer, order.id)
      bank.isAway = false
      assert.strictEqual(canceled.status, "refunding")
      assert.strictEqual(yield* refunds.resume(10), 0)
      yield* sql`UPDATE trade.orders SET refund_due_at = ${new Date(0)} WHERE id = ${order.id}`
      assert.strictEqual(yield* refunds.resume(10), 1)
      assert.strictEqual(bank.payments.get(payment.id)?.refunds.size, 1)
      assert.strictEqual(yield* refunds.resume(10), 0)
    })
  )
})
