import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { Closing } from "../../src/lifecycle/Closing.ts"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { Inquiries } from "../../src/lifecycle/Inquiries.ts"
import { PaymentOperations } from "../../src/lifecycle/PaymentOperations.ts"
import { Payments } from "../../src/lifecycle/Payments.ts"
import { aBuyer, aPayment, awaitStatus, Peer, TestPayments, told, wechatpay } from "../TestPayments.ts"

const choice = { channel: wechatpay }

const expire = Effect.fnUntraced(function* (id: PaymentId) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE payments.intents SET expires_at = '2020-01-01', next_close_at = '2020-01-01' WHERE id = ${id}`
})

layer(TestPayments, { excludeTestServices: true })("Closing a payment", (it) => {
  it.effect("that nobody confirmed cancels it and tells so, once", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const { id } = yield* aPayment(yield* aBuyer)
      const outcomes = yield* Effect.all(
        Array.from({ length: 5 }, () => gateway.close(id, "gave up")),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(outcomes), new Set(["canceled"]))
      assert.strictEqual(yield* told("mark_order_canceled", id), 1)
    })
  )

  it.effect("closes it at the channel, so that the code on the screen is dead", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      assert.strictEqual(yield* gateway.close(id, "gave up"), "canceled")
      assert.isAbove(yield* peer.pay(attempt.id), 399)
      const error = yield* Effect.flip(confirmations.confirm(id, choice, buyer))
      assert.strictEqual(error._tag, "PaymentStateConflict")
    })
  )

  it.effect("while the buyer pays ends in exactly one of the two, and money is never lost (13.05)", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const peer = yield* Peer
      for (let round = 0; round < 8; round++) {
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        const { attempt } = yield* confirmations.confirm(id, choice, buyer)
        const [closed, paid] = yield* Effect.all([gateway.close(id, "raced"), peer.pay(attempt.id)], {
          concurrency: "unbounded"
        })
        assert.strictEqual(closed, paid === 200 ? "succeeded" : "canceled")
        yield* awaitStatus(id, closed)
        assert.strictEqual(yield* told("mark_order_paid", id), paid === 200 ? 1 : 0)
        assert.strictEqual(yield* told("mark_order_canceled", id), paid === 200 ? 0 : 1)
      }
    })
  )

  it.effect("while another call confirms leaves nothing that could be paid", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      for (let round = 0; round < 5; round++) {
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        yield* peer.fault("create", { kind: "delay", milliseconds: 30, when: "before" })
        yield* Effect.all([Effect.exit(confirmations.confirm(id, choice, buyer)), gateway.close(id, "raced")], {
          concurrency: "unbounded"
        })
        assert.strictEqual(yield* gateway.close(id, "again"), "canceled")
        for (const { id: attemptId } of (yield* operations.show(id)).attempts) {
          assert.isAbove(yield* peer.pay(attemptId), 399)
        }
        yield* peer.reset
      }
    })
  )

  it.effect("decides nothing while the channel does not answer", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* peer.fault("query", { kind: "drop", when: "before" })
      assert.strictEqual((yield* Effect.flip(gateway.close(id, "gave up")))._tag, "PaymentUndecided")
      yield* peer.fault("close", { kind: "answer", with: "500", when: "before" })
      assert.strictEqual((yield* Effect.flip(gateway.close(id, "gave up")))._tag, "PaymentUndecided")
      assert.strictEqual(yield* peer.pay(attempt.id), 200)
      yield* awaitStatus(id, "succeeded")
      assert.strictEqual(yield* gateway.close(id, "too late"), "succeeded")
    })
  )

  it.effect("happens by itself when the time is up, never to what was paid", () =>
    Effect.gen(function* () {
      const closing = yield* Closing
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const untouched = yield* aPayment(buyer)
      const confirmed = yield* aPayment(buyer)
      const paid = yield* aPayment(buyer)
      yield* confirmations.confirm(confirmed.id, choice, buyer)
      const { attempt } = yield* confirmations.confirm(paid.id, choice, buyer)
      yield* peer.fault("callback", { kind: "tamper", what: "signature" }, 1000)
      yield* peer.pay(attempt.id)
      for (const { id } of [untouched, confirmed, paid]) yield* expire(id)
      yield* Effect.all([closing.sweep(10), closing.sweep(10)], { concurrency: "unbounded" })
      const found = yield* gateway.find([untouched.id, confirmed.id, paid.id])
      assert.deepStrictEqual(
        [untouched, confirmed, paid].map(({ id }) => found.get(id)?.status),
        ["canceled", "canceled", "succeeded"]
      )
      yield* peer.reset
    })
  )

  it.effect("happens by itself when somebody said so, until then it may be paid", () =>
    Effect.gen(function* () {
      const closing = yield* Closing
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const operations = yield* PaymentOperations
      const payments = yield* Payments
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const later = new Date(Date.now() + 600_000)
      const [due, retracted, postponed] = yield* Effect.all([aPayment(buyer), aPayment(buyer), aPayment(buyer)])
      const { attempt } = yield* confirmations.confirm(due.id, choice, buyer)
      assert.deepStrictEqual((yield* payments.scheduleCancel(due.id, later, buyer)).cancelAt, later)
      for (const { id } of [due, retracted, postponed]) yield* payments.scheduleCancel(id, new Date(), buyer)
      assert.strictEqual((yield* Effect.flip(confirmations.confirm(due.id, choice, buyer)))._tag, "PaymentExpired")
      assert.isNull((yield* payments.scheduleCancel(retracted.id, null, buyer)).cancelAt)
      yield* payments.scheduleCancel(postponed.id, later, buyer)
      yield* Effect.all([closing.sweep(50), closing.sweep(50)], { concurrency: "unbounded" })
      const found = yield* gateway.find([due.id, retracted.id, postponed.id])
      assert.deepStrictEqual(
        [due, retracted, postponed].map(({ id }) => found.get(id)?.status),
        ["canceled", "pending", "pending"]
      )
      assert.isAbove(yield* peer.pay(attempt.id), 399)
      const { history } = yield* operations.show(due.id)
      assert.isTrue(history.some(({ actor, reason }) => actor !== "sweep" && reason === "canceled as scheduled"))
      const paid = yield* confirmations.confirm(postponed.id, choice, buyer)
      assert.strictEqual(yield* peer.pay(paid.attempt.id), 200)
      yield* awaitStatus(postponed.id, "succeeded")
      for (const { id } of [due, postponed]) {
        const refused = yield* Effect.flip(payments.scheduleCancel(id, later, buyer))
        assert.strictEqual(refused._tag, "PaymentStateConflict")
      }
      const other = yield* Effect.flip(payments.scheduleCancel(retracted.id, later, yield* aBuyer))
      assert.strictEqual(other._tag, "PaymentNotFound")
    })
  )

  it.effect("closes at the channel what was left open there when its payment is over", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const inquiries = yield* Inquiries
      const operations = yield* PaymentOperations
      const peer = yield* Peer
      const sql = yield* SqlClient.SqlClient
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* sql`UPDATE payments.intents SET status = 'canceled' WHERE id = ${id}`
      yield* sql`UPDATE payments.attempts SET next_query_at = '2020-01-01' WHERE id = ${attempt.id}`
      assert.isAbove(yield* inquiries.sweep(10), 0)
      assert.strictEqual((yield* operations.show(id)).attempts[0]?.status, "closed")
      assert.isAbove(yield* peer.pay(attempt.id), 399)
    })
  )

  it.effect("by its payer is a conflict once it was paid, and none of a stranger's business", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const payments = yield* Payments
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      assert.strictEqual((yield* Effect.flip(payments.cancel(id, yield* aBuyer)))._tag, "PaymentNotFound")
      const { attempt } = yield* confirmations.confirm(id, choice, buyer)
      yield* peer.pay(attempt.id)
      const error = yield* Effect.flip(payments.cancel(id, buyer))
      assert.strictEqual(error._tag, "PaymentStateConflict")
      if (error._tag === "PaymentStateConflict") assert.strictEqual(error.paymentStatus, "succeeded")
    })
  )
})
