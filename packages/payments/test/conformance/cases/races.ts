import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { assert } from "@effect/vitest"
import { Effect, Fiber, Option, Schedule } from "effect"
import { Confirmations } from "../../../src/lifecycle/Confirmations.ts"
import { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { awaitSilence } from "../sandboxNotices.ts"
import { anOffer, aPaidPayment, aPayment, confirm, refund, settle } from "../steps.ts"
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
  const { act, profile } = yield* Bench
  const gateway = yield* PaymentGateway
  const payments: Array<PaymentId> = []
  for (let round = 0; round < rounds; round++) {
    const { attemptId, id } = yield* anOffer()
    payments.push(id)
    const [closed] = yield* Effect.all(
      [Effect.option(gateway.close(id, "raced")), Effect.delay(act(attemptId, "pay"), `${round * 4} millis`)],
      { concurrency: "unbounded" }
    )
    yield* settle(id)
    const { captured } = (yield* readBooks(id)).record.intent
    // Money that is on its way while we close, ours to take or the buyer's to send, comes late and is told as such.
    const mayComeLate = profile.captureOperation !== undefined || profile.chain !== undefined
    if (closed._tag === "Some" && !(mayComeLate && closed.value === "canceled")) {
      assert.strictEqual(closed.value, captured > 0 ? "succeeded" : "canceled")
    }
  }
  return { payments }
})

const resuming: Case = Effect.gen(function* () {
  const { act, profile } = yield* Bench
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
    // Where we take the money, an agreement to a try that is closed meanwhile takes none.
    if (resumed._tag === "Some" || profile.captureOperation === undefined) {
      assert.strictEqual((yield* readBooks(id)).record.intent.captured, 5000)
    }
  }
  return { payments }
})

/** The buyer pays, and we are told so, while the answer to the creation is still on its way. */
const overtaking: Case = Effect.gen(function* () {
  const { act, fault } = yield* Bench
  const payee = yield* aPayment()
  yield* fault("create", { kind: "delay", milliseconds: 250, when: "after" })
  const confirmation = yield* Effect.forkChild(Effect.exit(confirm(payee)), { startImmediately: true })
  yield* Effect.gen(function* () {
    const [attempt] = (yield* readBooks(payee.id)).record.attempts
    return attempt === undefined ? 0 : yield* act(attempt.id, "pay")
  }).pipe(
    Effect.repeat({ until: (status) => status === 200, schedule: Schedule.spaced("10 millis") }),
    Effect.timeout("5 seconds")
  )
  yield* Fiber.join(confirmation)
  yield* settle(payee.id)
  assert.strictEqual((yield* readBooks(payee.id)).record.intent.status, "succeeded")
  return { payments: [payee.id] }
})

/** The creation arrives at the channel after we gave it up and closed: whoever pays it then is heard, and has paid. */
const closedTooEarly: Case = Effect.gen(function* () {
  const { act, fault, order } = yield* Bench
  const gateway = yield* PaymentGateway
  const payee = yield* aPayment()
  yield* fault("create", { kind: "delay", milliseconds: 700, when: "before" })
  yield* Effect.exit(confirm(payee))
  yield* Effect.exit(gateway.close(payee.id, "gave up"))
  for (const { id } of (yield* readBooks(payee.id)).record.attempts) {
    yield* order(id).pipe(
      Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced("20 millis") }),
      Effect.timeout("5 seconds")
    )
    yield* act(id, "pay")
  }
  yield* awaitSilence
  return { payments: [payee.id] }
})

/** What happens at the same time. */
export const races = {
  "fifty partial refunds at once": refunds,
  "close while the buyer pays": closing,
  "payment before the creation is answered": overtaking,
  "close before the creation arrives": closedTooEarly,
  "another try while the buyer pays the former": resuming
} satisfies Readonly<Record<string, Case>>
