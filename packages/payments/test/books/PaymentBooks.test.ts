import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { PaymentBooks } from "../../src/books/PaymentBooks.ts"
import { JournalMemory } from "../JournalMemory.ts"
import { aBuyer, aPayment, awaitStatus, cny, newRefundId, Peer, TestPayments, wechatpay } from "../TestPayments.ts"

const aPaidPayment = Effect.gen(function* () {
  const confirmations = yield* Confirmations
  const peer = yield* Peer
  const buyer = yield* aBuyer
  const { id } = yield* aPayment(buyer, 1000)
  const { attempt } = yield* confirmations.confirm(id, { channel: wechatpay }, buyer)
  yield* peer.pay(attempt.id)
  yield* awaitStatus(id, "succeeded")
  return { id, attemptId: attempt.id }
})

const booked = Effect.fnUntraced(function* (id: PaymentId) {
  const { postings } = yield* JournalMemory
  return postings
    .filter(({ subject }) => subject === id)
    .map(({ id, legs, purpose }) => ({
      id: String(id),
      purpose: String(purpose),
      legs: legs.map(({ account, amount, side }) => `${side} ${account} ${amount}`)
    }))
})

layer(TestPayments, { excludeTestServices: true })("The books of payments", (it) => {
  it.effect("say once what was captured and what was given back", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const { attemptId, id } = yield* aPaidPayment
      const captured = {
        id: attemptId,
        purpose: "capture",
        legs: ["debit platform:clearing:wechatpay:CNY 1000", "credit platform:payable:CNY 1000"]
      }
      assert.deepStrictEqual(yield* booked(id), [captured])
      const refundId = yield* newRefundId
      yield* gateway.refund({ id: refundId, paymentId: id, amount: cny(300), reason: "broken" })
      assert.deepStrictEqual(yield* booked(id), [captured])
      yield* awaitStatus(id, "partially_refunded")
      assert.deepStrictEqual(yield* booked(id), [
        captured,
        {
          id: refundId,
          purpose: "refund",
          legs: ["debit platform:payable:CNY 300", "credit platform:clearing:wechatpay:CNY 300"]
        }
      ])
    })
  )

  it.effect("are compared with every payment, and what differs is named", () =>
    Effect.gen(function* () {
      const books = yield* PaymentBooks
      const sql = yield* SqlClient.SqlClient
      const { id } = yield* aPaidPayment
      const before = yield* books.verify
      assert.deepStrictEqual(before.first, [])
      assert.isAbove(before.payments, 0)
      yield* sql`UPDATE payments.attempts SET amount = 999 WHERE payment_id = ${id}`
      const { differences, first } = yield* books.verify
      assert.deepStrictEqual(
        [differences, first],
        [1, [{ paymentId: id, held: 999, booked: 1000, merchantId: null, currency: "CNY" }]]
      )
    })
  )
})
