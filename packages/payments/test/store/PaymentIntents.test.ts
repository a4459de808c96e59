import { transactionTimeout } from "@mall/domain/payments/PaymentTopics"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { Sweeps } from "@mall/platform/Sweeps"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Layer, Metric } from "effect"
import { SqlClient } from "effect/sql"
import { Outbox } from "@mall/platform/Outbox"
import * as PaymentWorker from "../../src/PaymentWorker.ts"
import { aBuyer, aPayment, awaitStatus, newPaymentId, TestPayments, told } from "../TestPayments.ts"

layer(TestPayments, { excludeTestServices: true })("Creating payments", (it) => {
  it.effect("for many at once makes each one once, with its time-out and its first line of history", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const sql = yield* SqlClient.SqlClient
      const buyer = yield* aBuyer
      const template = yield* aPayment(buyer)
      const ids = yield* Effect.replicateEffect(newPaymentId, 300)
      const requests = ids.map((id) => ({
        id,
        payerId: buyer.userId,
        amount: template.amount,
        reference: `many-${id}`,
        description: "many",
        expiresAt: template.expiresAt
      }))
      // each is asked for twice at the same time
      yield* Effect.forEach([...requests, ...requests], (request) => gateway.create(request), {
        concurrency: "unbounded"
      })
      const [count] = yield* sql`
        SELECT (SELECT count(*) FROM payments.intents WHERE description = 'many') AS intents,
          (SELECT count(*) FROM payments.history AS h JOIN payments.intents AS i ON i.id = h.payment_id
            WHERE i.description = 'many') AS history,
          (SELECT count(*) FROM outbox WHERE queue_name = 'transaction_timeout.payments' AND id = ANY(${ids})) AS timeouts`
      assert.deepStrictEqual(count, { intents: 300, history: 300, timeouts: 300 })
      const found = yield* gateway.find([...ids, yield* newPaymentId])
      assert.strictEqual(found.size, 300)
    })
  )

  it.effect("fails for the one that the database cannot hold, not for the others of its batch", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const { amount, expiresAt } = yield* aPayment(yield* aBuyer)
      const { userId: payerId } = yield* aBuyer
      const ids = yield* Effect.replicateEffect(newPaymentId, 10)
      const exits = yield* Effect.forEach(
        ids,
        (id, index) =>
          Effect.exit(
            gateway.create({
              id,
              payerId,
              amount,
              reference: index === 5 ? "\u0000" : "fine",
              description: "mixed",
              expiresAt
            })
          ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        exits.map(Exit.isSuccess),
        ids.map((_, index) => index !== 5)
      )
    })
  )

  it.effect("answers with the payment that exists, also when it is asked for with another amount", () =>
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const buyer = yield* aBuyer
      const first = yield* aPayment(buyer, 500)
      const again = yield* gateway.create({
        id: first.id,
        payerId: buyer.userId,
        amount: first.amount.times(2),
        reference: "other",
        description: "other",
        expiresAt: first.expiresAt
      })
      assert.deepStrictEqual([again.amount.amount, again.reference], [500, first.reference])
    })
  )

  it.effect("counts them by the names that dashboards ask for", () =>
    Effect.gen(function* () {
      const { id } = yield* aPayment(yield* aBuyer)
      const gateway = yield* PaymentGateway
      assert.strictEqual((yield* gateway.find([id])).size, 1)
      const names = (yield* Metric.snapshot).map((metric) => metric.id)
      assert.include(names, "payment_gateway_payment_duration_seconds")
      assert.include(names, "payment_gateway_payment_total")
    })
  )
})

const TestWorker = PaymentWorker.layer.pipe(
  Layer.provideMerge(Sweeps.layer),
  Layer.provideMerge(TestPayments),
  Layer.orDie
)

layer(TestWorker, { excludeTestServices: true })("The worker of payments", (it) => {
  it.effect("closes a payment when the message of its time-out comes", () =>
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const sql = yield* SqlClient.SqlClient
      const { id } = yield* aPayment(yield* aBuyer)
      assert.strictEqual(yield* told("transaction_timeout", id), 1)
      // its time has come
      yield* sql`DELETE FROM outbox WHERE id = ${id}`
      yield* outbox.publish(transactionTimeout, { paymentId: id })
      yield* awaitStatus(id, "canceled")
      assert.strictEqual(yield* told("mark_order_canceled", id), 1)
    })
  )

  it.effect("runs each of its sweeps", () =>
    Effect.gen(function* () {
      const sweeps = yield* Sweeps
      const known = yield* sweeps.list
      assert.deepStrictEqual(
        known.map(({ name }) => name),
        [
          "payment_attempts",
          "payment_callbacks",
          "payment_dispute_deadlines",
          "payment_dispute_discovery",
          "payment_disputes",
          "payment_expiry",
          "payment_gathering",
          "payment_log",
          "payment_nonces",
          "payment_refunds",
          "payment_security_events",
          "payment_tickets",
          "payment_watches"
        ]
      )
      const sql = yield* SqlClient.SqlClient
      yield* sql`INSERT INTO payments.nonces (channel, nonce, seen_at) VALUES ('wechatpay', 'old', '2020-01-01')`
      const { id } = yield* aPayment(yield* aBuyer)
      yield* sql`UPDATE payments.intents SET next_close_at = '2020-01-01' WHERE id = ${id}`
      const done = yield* Effect.forEach(known, ({ name }) =>
        Effect.map(sweeps.run(name, "test"), (items) => [name, items] as const)
      )
      assert.deepStrictEqual(
        done.filter(([, items]) => items > 0),
        [
          ["payment_expiry", 1],
          ["payment_nonces", 1]
        ]
      )
      yield* awaitStatus(id, "canceled")
    })
  )
})
