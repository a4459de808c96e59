import type { SkuId } from "@mall/domain/catalog/Catalog"
import { systemActor } from "@mall/domain/trade/Order"
import { Stock } from "@mall/domain/trade/Stock"
import { OrderCancellation } from "../src/OrderCancellation.ts"
import { OrderExpiry } from "../src/OrderExpiry.ts"
import { OrderPayments } from "../src/OrderPayments.ts"
import { PendingOrders } from "../src/PendingOrders.ts"
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import {
  aBuyer,
  Bank,
  letExpire,
  newSkuId,
  offer,
  paidMessage,
  pay,
  placeOrder,
  shopId,
  stockOf,
  TestTrade
} from "./TestTrade.ts"

/** What the books must say of a SKU, from its orders and from its movements. */
const audit = Effect.fnUntraced(function* (skuIds: ReadonlyArray<SkuId>) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<Record<"onHand" | "reserved" | "open" | "movedOnHand" | "movedReserved", number>>`
    SELECT
      stock.on_hand, stock.reserved,
      (
        SELECT coalesce(sum(line.quantity), 0)::bigint FROM trade.order_lines line
        JOIN trade.orders ON orders.id = line.order_id
        WHERE line.sku_id = stock.sku_id AND orders.status = 'pending_payment'
      ) AS open,
      (
        SELECT sum(
          CASE kind WHEN 'sell' THEN -quantity WHEN 'receive' THEN quantity WHEN 'adjust' THEN quantity
            WHEN 'return' THEN quantity ELSE 0 END
        )::bigint FROM trade.stock_movements moved WHERE moved.sku_id = stock.sku_id
      ) AS moved_on_hand,
      (
        SELECT sum(CASE kind WHEN 'reserve' THEN quantity WHEN 'release' THEN -quantity WHEN 'sell' THEN -quantity ELSE 0 END)
          ::bigint FROM trade.stock_movements moved WHERE moved.sku_id = stock.sku_id
      ) AS moved_reserved
    FROM trade.stock WHERE stock.sku_id = ANY (${skuIds}::uuid[])
  `
  for (const row of rows) {
    assert.strictEqual(row.reserved, row.open, "reserved pieces are those of the open orders")
    assert.strictEqual(row.onHand, row.movedOnHand, "every piece on hand came by a movement")
    assert.strictEqual(row.reserved, row.movedReserved, "every reservation came by a movement")
  }
  assert.strictEqual(rows.length, skuIds.length)
})

const Step = Schema.Struct({
  sku: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
  quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
  fate: Schema.Literals(["wait", "pay", "pay twice", "cancel", "expire", "pay late", "pay and refund", "receive"])
})

const live = Effect.fnUntraced(function* (skuIds: ReadonlyArray<SkuId>, { fate, quantity, sku }: typeof Step.Type) {
  const payments = yield* OrderPayments
  const pending = yield* PendingOrders
  const expiry = yield* OrderExpiry
  const cancellation = yield* OrderCancellation
  const stock = yield* Stock
  const bank = yield* Bank
  const skuId = skuIds[sku] ?? (yield* newSkuId)
  if (fate === "receive") {
    yield* Effect.ignore(stock.setOnHand([{ skuId, merchantId: shopId, onHand: quantity * 5 }], aBuyer().userId))
    return
  }
  const { buyer, checkoutId, order, payment } = yield* placeOrder(skuId, quantity)
  const paid = Effect.andThen(pay(payment.id), payments.markPaid(paidMessage(payment)))
  const canceled = pending.cancel([checkoutId], { actor: systemActor, reason: "test", at: new Date(), traceId: null })
  switch (fate) {
    case "wait":
      return
    case "pay":
      return yield* paid
    case "pay twice":
      return yield* Effect.all([paid, paid], { concurrency: 2, discard: true })
    case "cancel":
      return yield* Effect.asVoid(cancellation.cancel(buyer, order.id))
    case "expire":
      return yield* Effect.andThen(letExpire([checkoutId]), expiry.expire(checkoutId))
    case "pay late":
      return yield* Effect.all([canceled, paid, canceled], { concurrency: "unbounded", discard: true })
    case "pay and refund": {
      yield* paid
      yield* cancellation.cancel(buyer, order.id)
      for (const [refundId, amount] of bank.payments.get(payment.id)?.refunds ?? []) {
        yield* payments.markRefunded({
          refundId,
          paymentId: payment.id,
          reference: checkoutId,
          amount,
          outcome: quantity % 2 === 0 ? "succeeded" : "failed"
        })
      }
    }
  }
})

layer(TestTrade, { excludeTestServices: true })("Inventory", (it) => {
  it.effect("knows what is available within a second, 0 for what it does not know", () =>
    Effect.gen(function* () {
      const stock = yield* Stock
      const [tea, unknown] = [yield* offer({ onHand: 7 }), yield* newSkuId]
      assert.deepStrictEqual(
        yield* stock.available([tea, unknown]),
        new Map([
          [tea, 7],
          [unknown, 0]
        ])
      )
      yield* stock.setOnHand([{ skuId: tea, merchantId: shopId, onHand: 9 }], "system")
      assert.strictEqual((yield* stock.available([tea])).get(tea), 9)
      yield* placeOrder(tea, 4)
      // Another process would see it as late as this one.
      const shown = yield* stock.available([tea]).pipe(
        Effect.map((levels) => levels.get(tea)),
        Effect.repeat({ until: (level) => level === 5, schedule: Schedule.spaced("20 millis") })
      )
      assert.strictEqual(shown, 5)
    })
  )

  it.effect("states levels, all or none, never below what open orders hold", () =>
    Effect.gen(function* () {
      const stock = yield* Stock
      const sql = yield* SqlClient.SqlClient
      const [tea, pot] = [yield* offer({ onHand: 7 }), yield* offer({ onHand: 7 })]
      yield* placeOrder(tea, 4)
      const error = yield* Effect.flip(
        stock.setOnHand(
          [
            { skuId: pot, merchantId: shopId, onHand: 1 },
            { skuId: tea, merchantId: shopId, onHand: 3 }
          ],
          "system"
        )
      )
      assert.deepStrictEqual([error._tag, error.skuId, error.reserved], ["StockBelowReserved", tea, 4])
      assert.deepStrictEqual(yield* stockOf(pot), { onHand: 7, reserved: 0 })
      const clerk = aBuyer().userId
      yield* stock.setOnHand(
        [
          { skuId: pot, merchantId: shopId, onHand: 9 },
          { skuId: tea, merchantId: shopId, onHand: 4 },
          { skuId: pot, merchantId: shopId, onHand: 5 }
        ],
        clerk
      )
      const movements = yield* sql`
        SELECT kind, quantity, actor FROM trade.stock_movements
        WHERE sku_id = ${pot} ORDER BY stock_movements.id
      `
      assert.deepStrictEqual(movements, [
        { kind: "receive", quantity: 7, actor: "system" },
        { kind: "adjust", quantity: -2, actor: clerk }
      ])
    })
  )

  it.effect("takes thousands of levels at once, from many sides", () =>
    Effect.gen(function* () {
      const stock = yield* Stock
      const skuIds = yield* Effect.all(Array.from({ length: 3000 }, () => newSkuId))
      const levels = skuIds.map((skuId, n) => ({ skuId, merchantId: shopId, onHand: n % 50 }))
      yield* Effect.forEach([levels, levels.toReversed(), levels], (all) => stock.setOnHand(all, "system"), {
        concurrency: "unbounded"
      })
      const available = yield* stock.available(skuIds)
      assert.isTrue(levels.every(({ onHand, skuId }) => available.get(skuId) === onHand))
    })
  )

  it.effect.prop(
    "adds up after any history",
    { steps: Schema.Array(Step).check(Schema.isMinLength(1), Schema.isMaxLength(24)) },
    ({ steps }) =>
      Effect.gen(function* () {
        const skuIds = yield* Effect.forEach([6, 10, 14], (onHand) => offer({ onHand }))
        yield* Effect.forEach(steps, (step) => Effect.catchTag(live(skuIds, step), "StockShort", () => Effect.void), {
          concurrency: 6
        })
        yield* audit(skuIds)
      }),
    { arbitrary: { runs: 25 } }
  )
})
