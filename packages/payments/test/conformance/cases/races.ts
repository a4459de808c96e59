import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Confirmations } from "../../../src/Confirmations.ts"
import { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { anOffer, aPaidPayment, refund, settle } from "../steps.ts"
import { readBooks } from "../truth.ts"

const refunds: Case = Effect.gen(function* () {
  const paid = yield* aPaidPayment()
  const asked = yield* Effect.all(
    Array.from({ length: 50 }, () =>
      refund(paid, 150).pipe(
        Effect.as("taken" as const),
        Effect.catchTag("RefundExceedsCapture", ({ refundable }) => Effect.succeed(refundable.amount))
      )
    ),
    { concurrency: "unbounded" }
  )
  assert.strictEqual(asked.filter((result) => result === "taken").length, 33)
  assert.deepStrictEqual(new Set(asked.filter((result) => result !== "taken")), new Set([50]))
  yield* settle(paid.id)
  assert.strictEqual((yield* readBooks(paid.id)).record.intent.refunded, 4950)
  return { payments: [paid.id] }
})

const rounds = 5

const closing: Case = Effect.gen(function* () {
  const { act } = yield* Bench
  const gateway = yield* PaymentGateway
  const payments: Array<PaymentId> = []
  for (let round = 0; round < rounds; round++) {
    const { attemptId, id } = yield* anOffer()
    payments.push(id)
    const [closed, paid] = yield* Effect.all(
      [Effect.option(gateway.close(id, "raced")), Effect.delay(act(attemptId, "pay"), `${round * 4} millis`)],
      { concurrency: "unbounded" }
    )
    yield* settle(id)
    if (closed._tag === "Some") assert.strictEqual(closed.value, paid === 200 ? "succeeded" : "canceled")
  }
  return { payments }
})

const resuming: Case = Effect.gen(function* () {
  const { act } = yield* Bench
  const confirmations = yield* Confirmations
  const payments: Array<PaymentId> = []
  for (let round = 0; round < rounds; round++) {
    const { attemptId, id, owner } = yield* anOffer()
    payments.push(id)
    const [resumed] = yield* Effect.all(
      [Effect.option(confirmations.resume(id, owner)), Effect.delay(act(attemptId, "pay"), `${round * 4} millis`)],
      { concurrency: "unbounded" }
    )
    if (resumed._tag === "Some") yield* act(resumed.value.attempt.id, "pay")
    yield* settle(id)
    assert.strictEqual((yield* readBooks(id)).record.intent.captured, 5000)
  }
  return { payments }
})

/** What happens at the same time. */
export const races = {
  "fifty partial refunds at once": refunds,
  "close while the buyer pays": closing,
  "another try while the buyer pays the former": resuming
} satisfies Readonly<Record<string, Case>>
