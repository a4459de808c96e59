import { Payment } from "@mall/domain/payments/Payment"
import { PaymentDetails } from "@mall/domain/payments/PaymentDetails"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { aPayment, mall, newId } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "60 seconds" })("mall payments", (it) => {
  it.effect("schedules that a payment is canceled, and takes it back", () =>
    Effect.gen(function* () {
      const payment = yield* aPayment
      const schedule = (...flags: ReadonlyArray<string>) =>
        mall("payments", "schedule-cancel", payment.id, ...flags, "--reason", "buyer asked", "--json")
      const at = "2099-03-01T20:00:00+08:00"
      const scheduled = yield* decode(Payment, yield* schedule("--at", at))
      assert.deepStrictEqual([scheduled.status, scheduled.cancelAt], ["pending", new Date(at)])
      assert.include((yield* mall("payments", "show", payment.id)).out, "2099-03-01T12:00:00")
      assert.isNull((yield* decode(Payment, yield* schedule("--never"))).cancelAt)
      const { history } = yield* decode(PaymentDetails, yield* mall("payments", "show", payment.id, "--json"))
      assert.deepStrictEqual(
        history.slice(-2).map(({ actor, reason }) => [actor, reason]),
        [
          ["operator:olga", "to be canceled at 2099-03-01T12:00:00Z: buyer asked"],
          ["operator:olga", "not to be canceled by itself: buyer asked"]
        ]
      )
      for (const flags of [[], ["--at", at, "--never"], ["--at", "tomorrow"], ["--at", "2099-03-01T20:00:00"]]) {
        assert.strictEqual((yield* schedule(...flags)).code, 2, flags.join(" "))
      }
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE payments.intents SET status = 'succeeded', captured = amount WHERE id = ${payment.id}`
      const late = yield* schedule("--at", at)
      assert.deepStrictEqual([late.code, late.out], [1, ""])
      assert.include(late.err, "The payment is succeeded")
      const unknown = yield* mall("payments", "schedule-cancel", yield* newId, "--never", "--reason", "x")
      assert.match(unknown.err, /^There is no such payment/)
    })
  )
})
