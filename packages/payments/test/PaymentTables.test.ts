import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { Callbacks } from "../src/callbacks/Callbacks.ts"
import { Confirmations } from "../src/lifecycle/Confirmations.ts"
import { signer } from "./Signer.ts"
import { aBuyer, aPayment, awaitStatus, newPaymentId, TestPayments, wechatpay } from "./TestPayments.ts"

const aConfirmedPayment = Effect.gen(function* () {
  const confirmations = yield* Confirmations
  const buyer = yield* aBuyer
  const { id } = yield* aPayment(buyer)
  return { id, attemptId: (yield* confirmations.confirm(id, { channel: wechatpay }, buyer)).attempt.id }
})

/** Which rule of the tables stopped a statement. */
const stoppedBy = <A, E, R>(statement: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(statement), (error) => {
    const { constraint } = Object(Object(error).reason)
    return String(constraint ?? error)
  })

layer(TestPayments, { excludeTestServices: true })("The tables of payments", (it) => {
  it.effect("hold what no code may break: one event, one open try, one number of the channel (13.05, 13.10 P0-4)", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const callbacks = yield* Callbacks
      const { tellPaid } = yield* signer
      const paid = yield* aConfirmedPayment
      const open = yield* aConfirmedPayment
      yield* tellPaid(paid.attemptId, 1999)
      yield* callbacks.drained
      yield* awaitStatus(paid.id, "succeeded")

      const again = yield* newPaymentId
      const columns = sql`channel, event_id, event_type, notice, status, next_run_at, received_at`
      assert.strictEqual(
        yield* stoppedBy(sql`
          INSERT INTO payments.callback_inbox (id, ${columns})
          SELECT ${again}::uuid, ${columns} FROM payments.callback_inbox WHERE payment_id = ${paid.id}`),
        "callback_inbox_event_key"
      )
      assert.strictEqual(
        yield* stoppedBy(sql`
          INSERT INTO payments.attempts
            (id, payment_id, channel, method, amount, currency, status, created_at, updated_at)
          SELECT ${again}::uuid, payment_id, channel, method, amount, currency, 'created', created_at, updated_at
          FROM payments.attempts WHERE id = ${open.attemptId}`),
        "attempts_one_open_key"
      )
      assert.strictEqual(
        yield* stoppedBy(sql`
          UPDATE payments.attempts AS a SET channel_reference = b.channel_reference
          FROM payments.attempts AS b WHERE a.id = ${open.attemptId} AND b.id = ${paid.attemptId}`),
        "attempts_channel_reference_key"
      )
      for (const captured of [1, 1998, 2000]) {
        assert.isString(yield* stoppedBy(sql`UPDATE payments.intents SET captured = ${captured} WHERE id = ${paid.id}`))
      }
      const [{ version } = { version: 0 }] = yield* sql<{ version: number }>`
        SELECT version FROM payments.intents WHERE id = ${paid.id}`
      yield* tellPaid(paid.attemptId, 1999)
      yield* callbacks.drained
      assert.deepStrictEqual(yield* sql`SELECT version, captured FROM payments.intents WHERE id = ${paid.id}`, [
        { version, captured: 1999 }
      ])
    })
  )
})
