import type { SkuId } from "@mall/domain/catalog/Catalog"
import { OrderCancellation } from "../src/OrderCancellation.ts"
import { Fulfilment } from "../src/Fulfilment.ts"
import { OrderPayments } from "../src/OrderPayments.ts"
import { Orders } from "../src/Orders.ts"
import { boughtBy, soldBy, within } from "../src/OrderScope.ts"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import {
  aBuyer,
  address,
  Bank,
  historyOf,
  newMerchantId,
  offer,
  paidMessage,
  pay,
  placeOrder,
  principalOf,
  statusOf,
  stockOf,
  TestTrade
} from "./TestTrade.ts"

const shipment = { carrier: "SF Express", trackingNumber: "SF1029384756" }

const placePaid = Effect.fnUntraced(function* (skuId: SkuId) {
  const payments = yield* OrderPayments
  const placed = yield* placeOrder(skuId)
  yield* pay(placed.payment.id)
  yield* payments.markPaid(paidMessage(placed.payment))
  return placed
})

const aShop = Effect.gen(function* () {
  const merchantId = yield* newMerchantId
  return { skuId: yield* offer({ onHand: 1000, merchantId }), staff: principalOf(["merchant"], merchantId) }
})

layer(TestTrade, { excludeTestServices: true })("Fulfilment", (it) => {
  it.effect("leads an order from its payment to its completion, and tells the way", () =>
    Effect.gen(function* () {
      const fulfilment = yield* Fulfilment
      const { skuId, staff } = yield* aShop
      const { buyer, order } = yield* placePaid(skuId)
      const shipped = yield* fulfilment.ship(staff, order.id, shipment)
      assert.deepStrictEqual([shipped.status, shipped.shipment], ["shipped", shipment])
      assert.strictEqual((yield* fulfilment.deliver(staff, order.id)).status, "delivered")
      const completed = yield* fulfilment.confirmReceipt(buyer, order.id)
      assert.deepStrictEqual(
        completed.history.map(({ actor, to }) => [to, actor.kind, actor.id]),
        [
          ["pending_payment", "buyer", buyer.userId],
          ["paid", "system", null],
          ["shipped", "merchant", staff.userId],
          ["delivered", "merchant", staff.userId],
          ["completed", "buyer", buyer.userId]
        ]
      )
    })
  )

  it.effect("lets a buyer confirm what nobody reported as delivered", () =>
    Effect.gen(function* () {
      const fulfilment = yield* Fulfilment
      const { skuId, staff } = yield* aShop
      const { buyer, order } = yield* placePaid(skuId)
      yield* fulfilment.ship(staff, order.id, shipment)
      yield* fulfilment.confirmReceipt(buyer, order.id)
      assert.deepStrictEqual((yield* historyOf(order.id)).slice(-2), ["shipped>delivered", "delivered>completed"])
    })
  )

  it.effect("refuses every step out of its turn and changes nothing", () =>
    Effect.gen(function* () {
      const fulfilment = yield* Fulfilment
      const { skuId, staff } = yield* aShop
      const unpaid = yield* placeOrder(skuId)
      const paid = yield* placePaid(skuId)
      const refused = [
        fulfilment.ship(staff, unpaid.order.id, shipment),
        fulfilment.deliver(staff, unpaid.order.id),
        fulfilment.confirmReceipt(unpaid.buyer, unpaid.order.id),
        fulfilment.deliver(staff, paid.order.id),
        fulfilment.confirmReceipt(paid.buyer, paid.order.id)
      ]
      for (const step of refused) assert.strictEqual((yield* Effect.flip(step))._tag, "OrderStateConflict")
      assert.deepStrictEqual(yield* historyOf(unpaid.order.id), [">pending_payment"])
      assert.strictEqual(yield* statusOf(paid.order.id), "paid")
    })
  )

  it.effect("cancels for an operator, who is named in the history; what is shipped stays", () =>
    Effect.gen(function* () {
      const cancellation = yield* OrderCancellation
      const fulfilment = yield* Fulfilment
      const { skuId, staff } = yield* aShop
      const act = { by: "olga", reason: "buyer phoned" }
      const { order } = yield* placePaid(skuId)
      const refunding = yield* cancellation.cancelAsOperator(order.id, act)
      assert.strictEqual(refunding.status, "refunding")
      assert.deepInclude(refunding.history.at(-1), {
        actor: { kind: "admin", id: null },
        reason: "buyer phoned (operator olga)"
      })
      const shipped = yield* placePaid(skuId)
      yield* fulfilment.ship(staff, shipped.order.id, shipment)
      const refused = cancellation.cancelAsOperator(shipped.order.id, act)
      assert.strictEqual((yield* Effect.flip(refused))._tag, "OrderStateConflict")
      assert.strictEqual(yield* statusOf(shipped.order.id), "shipped")
    })
  )

  it.effect("shows and moves nobody else's orders", () =>
    Effect.gen(function* () {
      const fulfilment = yield* Fulfilment
      const orders = yield* Orders
      const cancellation = yield* OrderCancellation
      const { skuId, staff } = yield* aShop
      const other = principalOf(["merchant"], yield* newMerchantId)
      const { buyer, order } = yield* placePaid(skuId)
      const stranger = aBuyer()
      const refused = [
        orders.get(boughtBy(stranger), order.id),
        orders.get(within(other), order.id),
        orders.get(soldBy(buyer), order.id),
        orders.edit(stranger, order.id, { remark: "mine" }),
        orders.edit(staff, order.id, { remark: "mine" }),
        fulfilment.ship(other, order.id, shipment),
        fulfilment.ship(buyer, order.id, shipment),
        fulfilment.confirmReceipt(staff, order.id),
        cancellation.cancel(stranger, order.id),
        cancellation.cancel(other, order.id)
      ]
      for (const step of refused) assert.strictEqual((yield* Effect.flip(step))._tag, "OrderNotFound")
      for (const scope of [
        boughtBy(buyer),
        within(buyer),
        within(staff),
        soldBy(staff),
        within(principalOf(["admin"]))
      ]) {
        assert.strictEqual((yield* orders.get(scope, order.id)).id, order.id)
      }
    })
  )

  it.effect("either ships or refunds when both are tried at once", () =>
    Effect.gen(function* () {
      const fulfilment = yield* Fulfilment
      const cancellation = yield* OrderCancellation
      const bank = yield* Bank
      const { skuId, staff } = yield* aShop
      const placed = yield* Effect.forEach(Array.from({ length: 12 }), () => placePaid(skuId))
      yield* Effect.forEach(
        placed,
        ({ buyer, order }) =>
          Effect.all(
            [
              Effect.result(fulfilment.ship(staff, order.id, shipment)),
              Effect.result(cancellation.cancel(buyer, order.id))
            ],
            { concurrency: "unbounded" }
          ),
        { concurrency: "unbounded" }
      )
      for (const { order, payment } of placed) {
        const refunds = bank.payments.get(payment.id)?.refunds.size
        const status = yield* statusOf(order.id)
        assert.isTrue((status === "shipped" && refunds === 0) || (status === "refunding" && refunds === 1))
      }
    })
  )

  it.effect("takes a new address until the order is shipped, never after", () =>
    Effect.gen(function* () {
      const fulfilment = yield* Fulfilment
      const orders = yield* Orders
      const { skuId, staff } = yield* aShop
      const moved = { ...address, street: "2 Nanjing Road" }
      const placed = yield* Effect.forEach(Array.from({ length: 12 }), () => placePaid(skuId))
      const outcomes = yield* Effect.forEach(
        placed,
        ({ buyer, order }) =>
          Effect.all(
            [
              Effect.result(orders.edit(buyer, order.id, { address: moved, remark: "moved" })),
              fulfilment.ship(staff, order.id, shipment)
            ],
            { concurrency: "unbounded" }
          ),
        { concurrency: "unbounded" }
      )
      for (const [n, { buyer, order }] of placed.entries()) {
        const now = yield* orders.get(boughtBy(buyer), order.id)
        const wasEdited = outcomes[n]?.[0]._tag === "Success"
        assert.deepStrictEqual(
          [now.address.street, now.remark],
          wasEdited ? [moved.street, "moved"] : [address.street, ""]
        )
        const error = yield* Effect.flip(orders.edit(buyer, order.id, { remark: "too late" }))
        assert.strictEqual(error._tag, "OrderStateConflict")
        const edits = now.history.filter(({ from, to }) => from === to)
        assert.deepStrictEqual(
          edits.map(({ reason }) => reason),
          wasEdited ? ["changed the address and the remark"] : []
        )
      }
    })
  )

  it.effect("completes by itself what was delivered long ago", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const fulfilment = yield* Fulfilment
      const { skuId, staff } = yield* aShop
      const [old, recent] = [yield* placePaid(skuId), yield* placePaid(skuId)]
      for (const { order } of [old, recent]) {
        yield* fulfilment.ship(staff, order.id, shipment)
        yield* fulfilment.deliver(staff, order.id)
      }
      yield* sql`UPDATE trade.orders SET delivered_at = delivered_at - interval '8 days' WHERE id = ${old.order.id}`
      assert.strictEqual(yield* fulfilment.completeDelivered(100), 1)
      assert.deepStrictEqual(
        [yield* statusOf(old.order.id), yield* statusOf(recent.order.id)],
        ["completed", "delivered"]
      )
    })
  )
})

layer(TestTrade, { excludeTestServices: true })("Orders", (it) => {
  it.effect("lists page by page, newest first, by state, without repeats or gaps", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const payments = yield* OrderPayments
      const { skuId, staff } = yield* aShop
      const buyer = aBuyer()
      const placed = yield* Effect.forEach(Array.from({ length: 7 }), () => placeOrder(skuId, 1, buyer))
      for (const { payment } of placed.slice(0, 3)) {
        yield* pay(payment.id)
        yield* payments.markPaid(paidMessage(payment))
      }
      const ids = placed.map(({ order }) => order.id).toReversed()
      const all = Effect.fnUntraced(function* (scope: ReturnType<typeof boughtBy>, status?: "paid") {
        const seen: Array<string> = []
        let after: string | null = null
        do {
          const page: Effect.Success<ReturnType<typeof orders.list>> = yield* orders.list(scope, {
            limit: 2,
            ...(after === null ? {} : { after }),
            ...(status === undefined ? {} : { status })
          })
          seen.push(...page.data.map(({ id }) => id))
          after = page.nextCursor
        } while (after !== null)
        return seen
      })
      assert.deepStrictEqual(yield* all(boughtBy(buyer)), ids)
      assert.deepStrictEqual(yield* all(soldBy(staff)), ids)
      assert.deepStrictEqual(yield* all(boughtBy(buyer), "paid"), ids.slice(4))
      assert.deepStrictEqual(yield* all(boughtBy(aBuyer())), [])
      const error = yield* Effect.flip(orders.list(boughtBy(buyer), { after: "Zm9v" }))
      assert.strictEqual(error._tag, "InvalidCursor")
    })
  )

  it.effect("cancels an unpaid order with its checkout once the payment is closed", () =>
    Effect.gen(function* () {
      const cancellation = yield* OrderCancellation
      const bank = yield* Bank
      const { skuId, staff } = yield* aShop
      const { buyer, order, payment } = yield* placeOrder(skuId)
      assert.strictEqual((yield* Effect.flip(cancellation.cancel(staff, order.id)))._tag, "OrderStateConflict")
      bank.undecided.add(payment.id)
      assert.strictEqual((yield* Effect.flip(cancellation.cancel(buyer, order.id)))._tag, "PaymentUndecided")
      bank.undecided.clear()
      assert.strictEqual(yield* statusOf(order.id), "pending_payment")
      const canceled = yield* cancellation.cancel(buyer, order.id)
      assert.deepStrictEqual([canceled.status, canceled.payment?.status], ["canceled", "canceled"])
      assert.strictEqual((yield* stockOf(skuId))?.reserved, 0)
      assert.strictEqual((yield* Effect.flip(cancellation.cancel(buyer, order.id)))._tag, "OrderStateConflict")
    })
  )

  it.effect("does not cancel what the buyer has just paid", () =>
    Effect.gen(function* () {
      const cancellation = yield* OrderCancellation
      const { skuId } = yield* aShop
      const { buyer, order, payment } = yield* placeOrder(skuId)
      yield* pay(payment.id)
      const error = yield* Effect.flip(cancellation.cancel(buyer, order.id))
      assert.strictEqual(error._tag, "OrderStateConflict")
      assert.strictEqual(yield* statusOf(order.id), "pending_payment")
      assert.strictEqual((yield* stockOf(skuId))?.reserved, 1)
    })
  )

  it.effect("cancels also what never got its payment", () =>
    Effect.gen(function* () {
      const cancellation = yield* OrderCancellation
      const bank = yield* Bank
      const { skuId } = yield* aShop
      const { buyer, order, payment } = yield* placeOrder(skuId)
      bank.payments.delete(payment.id)
      assert.strictEqual((yield* cancellation.cancel(buyer, order.id)).status, "canceled")
    })
  )
})
