import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { BuyerErasure } from "../src/BuyerErasure.ts"
import { OrderCancellation } from "../src/OrderCancellation.ts"
import { OrderPayments } from "../src/OrderPayments.ts"
import { aBuyer, offer, paidMessage, pay, placeOrder, statusOf, TestTrade } from "./TestTrade.ts"

layer(TestTrade, { excludeTestServices: true })("BuyerErasure", (it) => {
  it.effect("lets go of an address whose order comes to its end while it looks", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const payments = yield* OrderPayments
      const cancellation = yield* OrderCancellation
      const erasure = yield* BuyerErasure
      const buyer = aBuyer()
      const { order, payment } = yield* placeOrder(yield* offer({ onHand: 1 }), 1, buyer)
      yield* pay(payment.id)
      yield* payments.markPaid(paidMessage(payment))
      yield* cancellation.cancel(buyer, order.id)
      assert.strictEqual(yield* statusOf(order.id), "refunding")
      yield* sql`
        CREATE FUNCTION trade.ends_now() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          UPDATE trade.orders SET status = 'refunded' WHERE status = 'refunding';
          RETURN NULL;
        END $$`
      yield* sql`
        CREATE TRIGGER ends_now AFTER UPDATE OF personal_data ON trade.orders
        FOR EACH STATEMENT EXECUTE FUNCTION trade.ends_now()`
      yield* erasure.begin(buyer.userId)
      yield* erasure.sweep(10)
      assert.strictEqual(yield* statusOf(order.id), "refunded")
      yield* sql`UPDATE trade.erased_buyers SET due_at = 'epoch'`
      assert.strictEqual(yield* erasure.sweep(10), 1)
      const [left] = yield* sql`SELECT personal_data FROM trade.orders WHERE id = ${order.id}`
      assert.deepStrictEqual(left, { personalData: null })
      assert.strictEqual(yield* erasure.sweep(10), 0)
    })
  )
})
