import type { SkuId } from "@mall/domain/catalog/Catalog"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { ReturnId } from "@mall/domain/trade/Return"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { SqlClient } from "effect/sql"
import { Fulfilment } from "../src/Fulfilment.ts"
import { OrderPayments } from "../src/OrderPayments.ts"
import { Orders } from "../src/Orders.ts"
import { boughtBy, soldBy } from "../src/OrderScope.ts"
import { PaymentIncidents } from "../src/PaymentIncidents.ts"
import { ReturnRefunds } from "../src/returns/ReturnRefunds.ts"
import { Returns } from "../src/returns/Returns.ts"
import {
  aBuyer,
  Bank,
  cny,
  newMerchantId,
  newSkuId,
  offer,
  paidMessage,
  pay,
  placeOrder,
  principalOf,
  stockOf,
  TestTrade
} from "./TestTrade.ts"

const newReturnId = generator(ReturnId)

const aShop = Effect.gen(function* () {
  const merchantId = yield* newMerchantId
  return { skuId: yield* offer({ onHand: 1000, merchantId }), staff: principalOf(["merchant"], merchantId) }
})

/** A delivered order of `quantity` pieces of one SKU. */
const delivered = Effect.fnUntraced(function* (quantity: number) {
  const payments = yield* OrderPayments
  const fulfilment = yield* Fulfilment
  const { skuId, staff } = yield* aShop
  const placed = yield* placeOrder(skuId, quantity)
  yield* pay(placed.payment.id)
  yield* payments.markPaid(paidMessage(placed.payment))
  yield* fulfilment.ship(staff, placed.order.id, { carrier: "SF", trackingNumber: "SF1" })
  yield* fulfilment.deliver(staff, placed.order.id)
  return { ...placed, skuId, staff, orderId: placed.order.id, price: placed.order.lines[0]?.unitPrice ?? cny(0) }
})

const ask = (skuId: SkuId, quantity: number) => ({ lines: [{ skuId, quantity }], reason: "does not fit" })

/** What the pay platform tells when the refund of the return has come to its end. */
const settle = Effect.fnUntraced(function* (
  { payment }: { readonly payment: { readonly id: string } },
  refundId: string | null,
  outcome: "succeeded" | "failed"
) {
  const payments = yield* OrderPayments
  const bank = yield* Bank
  for (const [paymentId, paid] of bank.payments) {
    if (paymentId !== payment.id) continue
    for (const [id, amount] of paid.refunds) {
      if (id === refundId) {
        yield* payments.markRefunded({ refundId: id, paymentId, reference: paid.reference, amount, outcome })
      }
    }
  }
})

layer(TestTrade, { excludeTestServices: true })("Returns", (it) => {
  it.effect("leads goods back into stock and their money to the buyer", () =>
    Effect.gen(function* () {
      const returns = yield* Returns
      const orders = yield* Orders
      const sold = yield* delivered(5)
      const { buyer, orderId, price, skuId, staff } = sold
      const before = yield* stockOf(skuId)
      const id = yield* newReturnId
      const asked = yield* returns.request(buyer, orderId, id, ask(skuId, 2))
      assert.deepStrictEqual([asked.status, asked.amount], ["requested", price.times(2)])
      assert.deepStrictEqual(yield* returns.request(buyer, orderId, id, ask(skuId, 2)), asked)
      assert.strictEqual((yield* returns.approve(staff, orderId, id)).status, "approved")
      const received = yield* returns.receive(staff, orderId, id, true)
      assert.deepStrictEqual([received.status, received.restocked], ["received", true])
      assert.strictEqual((yield* stockOf(skuId))?.onHand, (before?.onHand ?? 0) + 2)

      yield* settle(sold, received.refundId, "succeeded")
      yield* settle(sold, received.refundId, "succeeded")
      const refunded = yield* returns.get(boughtBy(buyer), orderId, id)
      assert.deepStrictEqual(
        refunded.history.map(({ actor, from, to }) => [from, to, actor.kind]),
        [
          [null, "requested", "buyer"],
          ["requested", "approved", "merchant"],
          ["approved", "received", "merchant"],
          ["received", "refunded", "system"]
        ]
      )
      const order = yield* orders.get(boughtBy(buyer), orderId)
      assert.strictEqual(order.status, "delivered")
      assert.deepStrictEqual(
        order.lines.map(({ refunded, returned }) => [returned, refunded]),
        [[2, price.times(2)]]
      )
    })
  )

  it.effect("never takes more pieces than were bought, however many ask at once", () =>
    Effect.gen(function* () {
      const returns = yield* Returns
      const { buyer, orderId, price, skuId } = yield* delivered(7)
      const exits = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => Effect.flatMap(newReturnId, (id) => Effect.exit(returns.request(buyer, orderId, id, ask(skuId, 2)))),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(exits.filter(Exit.isSuccess), 3)
      const id = yield* newReturnId
      const short = yield* Effect.flip(returns.request(buyer, orderId, id, ask(skuId, 2)))
      assert.deepStrictEqual([short.code, "returnable" in short && short.returnable], ["ReturnQuantityExceeded", 1])
      const last = yield* returns.request(buyer, orderId, id, ask(skuId, 1))
      assert.deepStrictEqual(last.amount, price)
      // what is not sent after all may be asked for again
      yield* returns.cancel(buyer, orderId, id)
      assert.strictEqual(
        (yield* returns.request(buyer, orderId, yield* newReturnId, ask(skuId, 1))).status,
        "requested"
      )
      const unknown = yield* Effect.flip(returns.request(buyer, orderId, yield* newReturnId, ask(yield* newSkuId, 1)))
      assert.deepStrictEqual(
        [unknown.code, "returnable" in unknown && unknown.returnable],
        ["ReturnQuantityExceeded", 0]
      )
    })
  )

  it.effect("is received once, and refunded once, by however many of the staff", () =>
    Effect.gen(function* () {
      const returns = yield* Returns
      const bank = yield* Bank
      const { buyer, orderId, payment, price, skuId, staff } = yield* delivered(3)
      const before = (yield* stockOf(skuId))?.onHand ?? 0
      const { id } = yield* returns.request(buyer, orderId, yield* newReturnId, ask(skuId, 3))
      yield* returns.approve(staff, orderId, id)
      const exits = yield* Effect.forEach(
        Array.from({ length: 8 }),
        () => Effect.exit(returns.receive(staff, orderId, id, true)),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(exits.filter(Exit.isSuccess), 1)
      assert.strictEqual((yield* stockOf(skuId))?.onHand, before + 3)
      assert.deepStrictEqual([...(bank.payments.get(payment.id)?.refunds.values() ?? [])], [price.times(3)])
    })
  )

  it.effect("asks again for a refund that nobody answered, and lets staff ask anew for one that failed", () =>
    Effect.gen(function* () {
      const returns = yield* Returns
      const refunds = yield* ReturnRefunds
      const bank = yield* Bank
      const sql = yield* SqlClient.SqlClient
      const sold = yield* delivered(1)
      const { buyer, orderId, payment, skuId, staff } = sold
      const { id } = yield* returns.request(buyer, orderId, yield* newReturnId, ask(skuId, 1))
      yield* returns.approve(staff, orderId, id)
      bank.isAway = true
      const received = yield* returns.receive(staff, orderId, id, false)
      bank.isAway = false
      assert.strictEqual(bank.payments.get(payment.id)?.refunds.size, 0)
      assert.strictEqual(yield* refunds.resume(10), 0)
      yield* sql`UPDATE trade.returns SET refund_due_at = requested_at WHERE id = ${id}`
      assert.strictEqual(yield* refunds.resume(10), 1)
      assert.deepStrictEqual([...(bank.payments.get(payment.id)?.refunds.keys() ?? [])], [received.refundId])

      assert.strictEqual((yield* Effect.flip(returns.refundAgain(staff, orderId, id)))._tag, "ReturnStateConflict")
      yield* settle(sold, received.refundId, "failed")
      const failed = yield* returns.get(soldBy(staff), orderId, id)
      assert.deepStrictEqual([failed.status, failed.refundId], ["received", received.refundId])
      assert.include(failed.refundFailure ?? "", "channel")
      // the bank forgets what failed, as the pay platform does
      bank.payments.get(payment.id)?.refunds.clear()
      const again = yield* returns.refundAgain(staff, orderId, id)
      assert.notStrictEqual(again.refundId, received.refundId)
      assert.isNull(again.refundFailure)
      yield* settle(sold, again.refundId, "succeeded")
      assert.strictEqual((yield* returns.get(soldBy(staff), orderId, id)).status, "refunded")
    })
  )

  it.effect("is refunded by what the channel did in the end with a refund that it had given up", () =>
    Effect.gen(function* () {
      const returns = yield* Returns
      const orders = yield* Orders
      const sold = yield* delivered(1)
      const { buyer, orderId, price, skuId, staff } = sold
      const { id } = yield* returns.request(buyer, orderId, yield* newReturnId, ask(skuId, 1))
      yield* returns.approve(staff, orderId, id)
      const { refundId } = yield* returns.receive(staff, orderId, id, false)
      for (const outcome of ["failed", "failed", "succeeded", "succeeded", "failed"] as const) {
        yield* settle(sold, refundId, outcome)
      }
      const refunded = yield* returns.get(boughtBy(buyer), orderId, id)
      assert.deepStrictEqual([refunded.status, refunded.refundFailure], ["refunded", null])
      assert.strictEqual(refunded.history.filter(({ reason }) => reason.startsWith("the refund failed")).length, 1)
      assert.strictEqual((yield* Effect.flip(returns.refundAgain(staff, orderId, id)))._tag, "ReturnStateConflict")
      const { lines } = yield* orders.get(boughtBy(buyer), orderId)
      assert.deepStrictEqual(
        lines.map((line) => line.refunded),
        [price]
      )
    })
  )

  it.effect("goes by a former refund that the channel carried out after another was asked for", () =>
    Effect.gen(function* () {
      const returns = yield* Returns
      const payments = yield* OrderPayments
      const incidents = yield* PaymentIncidents
      const bank = yield* Bank
      const sold = yield* delivered(1)
      const { buyer, checkoutId, orderId, payment, skuId, staff } = sold
      const { id } = yield* returns.request(buyer, orderId, yield* newReturnId, ask(skuId, 1))
      yield* returns.approve(staff, orderId, id)
      const first = yield* returns.receive(staff, orderId, id, false)
      yield* settle(sold, first.refundId, "failed")
      const refunds = bank.payments.get(payment.id)?.refunds
      const [refundId = RefundId.make(checkoutId)] = refunds?.keys() ?? []
      refunds?.clear()
      const second = yield* returns.refundAgain(staff, orderId, id)
      const told = {
        paymentId: payment.id,
        reference: checkoutId,
        amount: payment.amount,
        outcome: "succeeded" as const
      }
      yield* payments.markRefunded({ ...told, refundId })
      const refunded = yield* returns.get(soldBy(staff), orderId, id)
      assert.deepStrictEqual([refunded.status, refunded.refundId], ["refunded", refundId])
      const reported = Effect.map(incidents.list(100), (all) => all.filter((each) => each.checkoutId === checkoutId))
      assert.lengthOf(yield* reported, 0)
      yield* settle(sold, second.refundId, "succeeded")
      assert.include((yield* reported)[0]?.detail, second.refundId ?? "none")
    })
  )

  it.effect("is refunded where all of the payment went back another way", () =>
    Effect.gen(function* () {
      const returns = yield* Returns
      const orders = yield* Orders
      const bank = yield* Bank
      const { buyer, checkoutId, orderId, payment, price, skuId, staff } = yield* delivered(2)
      const { id } = yield* returns.request(buyer, orderId, yield* newReturnId, ask(skuId, 1))
      yield* returns.approve(staff, orderId, id)
      const byHand = bank.payments.get(payment.id)?.refunds
      byHand?.set(RefundId.make(checkoutId), price.times(2).minus(Money.of(1, "CNY")))
      const received = yield* returns.receive(staff, orderId, id, true)
      assert.deepStrictEqual([received.status, received.refundFailure === null], ["received", false])
      byHand?.set(RefundId.make(checkoutId), price.times(2))
      const refunded = yield* returns.refundAgain(staff, orderId, id)
      assert.deepStrictEqual([refunded.status, refunded.refundFailure, refunded.refundId], ["refunded", null, null])
      assert.strictEqual(refunded.history.at(-1)?.reason, "all of the payment went back already")
      const { lines } = yield* orders.get(boughtBy(buyer), orderId)
      assert.deepStrictEqual(
        lines.map((line) => line.refunded),
        [price]
      )
    })
  )

  it.effect("refuses what comes too soon or too late, and every step out of its turn", () =>
    Effect.gen(function* () {
      const returns = yield* Returns
      const sql = yield* SqlClient.SqlClient
      const { skuId } = yield* aShop
      const unpaid = yield* placeOrder(skuId)
      const soon = yield* Effect.flip(returns.request(unpaid.buyer, unpaid.order.id, yield* newReturnId, ask(skuId, 1)))
      assert.strictEqual(soon._tag, "OrderStateConflict")

      const sold = yield* delivered(2)
      const { buyer, orderId, staff } = sold
      const { id } = yield* returns.request(buyer, orderId, yield* newReturnId, ask(sold.skuId, 1))
      assert.strictEqual((yield* Effect.flip(returns.receive(staff, orderId, id, true)))._tag, "ReturnStateConflict")
      const rejected = yield* returns.reject(staff, orderId, id, "worn")
      assert.deepStrictEqual([rejected.status, rejected.history.at(-1)?.reason], ["rejected", "worn"])
      for (const step of [returns.approve(staff, orderId, id), returns.cancel(buyer, orderId, id)]) {
        assert.strictEqual((yield* Effect.flip(step))._tag, "ReturnStateConflict")
      }
      yield* sql`UPDATE trade.orders SET delivered_at = delivered_at - interval '8 days' WHERE id = ${orderId}`
      const late = yield* Effect.flip(returns.request(buyer, orderId, yield* newReturnId, ask(sold.skuId, 1)))
      assert.strictEqual(late._tag, "ReturnWindowPassed")
    })
  )

  it.effect("shows and does nothing for those whom it does not concern", () =>
    Effect.gen(function* () {
      const returns = yield* Returns
      const sold = yield* delivered(2)
      const { buyer, orderId, skuId, staff } = sold
      const { id } = yield* returns.request(buyer, orderId, yield* newReturnId, ask(skuId, 1))
      const other = yield* delivered(1)
      const taken = yield* Effect.flip(returns.request(other.buyer, other.orderId, id, ask(other.skuId, 1)))
      assert.strictEqual(taken._tag, "ReturnIdTaken")
      yield* returns.request(other.buyer, other.orderId, yield* newReturnId, ask(other.skuId, 1))
      const [stranger, rival] = [aBuyer(), (yield* aShop).staff]
      const none = yield* Effect.flip(returns.request(stranger, orderId, yield* newReturnId, ask(skuId, 1)))
      assert.strictEqual(none._tag, "OrderNotFound")
      for (const step of [
        returns.cancel(stranger, orderId, id),
        returns.get(boughtBy(stranger), orderId, id),
        returns.approve(rival, orderId, id),
        returns.receive(rival, orderId, id, true),
        returns.get(boughtBy(buyer), other.orderId, id)
      ]) {
        assert.strictEqual((yield* Effect.flip(step))._tag, "ReturnNotFound")
      }
      assert.lengthOf((yield* returns.list(soldBy(rival), {})).data, 0)
      const mine = yield* returns.list(soldBy(staff), { status: "requested" })
      assert.deepStrictEqual(
        mine.data.map((one) => one.id),
        [id]
      )
    })
  )
})
