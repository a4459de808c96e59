import { Money } from "@mall/domain/kernel/Money"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { assert } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { Confirmations } from "../../../src/lifecycle/Confirmations.ts"
import { Payments } from "../../../src/lifecycle/Payments.ts"
import { SqlClient } from "effect/sql"
import { Closing } from "../../../src/lifecycle/Closing.ts"
import { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { NoticeTap } from "../NoticeTap.ts"
import {
  anOffer,
  aPaidPayment,
  aPayment,
  aSecretlyPaidPayment,
  assertUnpayable,
  awaitPaid,
  confirm,
  pay,
  refund,
  settle
} from "../steps.ts"
import { readBooks } from "../truth.ts"

const success: Case = Effect.gen(function* () {
  const { lastCreation, profile } = yield* Bench
  const payee = yield* aPayment()
  const { action, attempt } = yield* confirm(payee)
  assert.notStrictEqual(action.type, "none")
  assert.include(yield* lastCreation, profile.amountOnWire(Money.of(5000, profile.currency)))
  yield* pay(attempt.id)
  yield* settle(payee.id)
  yield* refund(payee, 1500)
  yield* settle(payee.id)
  yield* refund(payee)
  yield* settle(payee.id)
  const { record } = yield* readBooks(payee.id)
  assert.deepStrictEqual([record.intent.status, record.intent.refunded], ["refunded", 5000])
  return { payments: [payee.id] }
})

const notified: Case = Effect.gen(function* () {
  const { attemptId, id } = yield* anOffer()
  yield* pay(attemptId)
  yield* awaitPaid(id, "the notice")
  const { record } = yield* readBooks(id)
  assert.deepStrictEqual([record.intent.status, record.attempts[0]?.queries], ["succeeded", 0])
  return { payments: [id] }
})

const declined: Case = Effect.gen(function* () {
  const { fault, profile } = yield* Bench
  const payee = yield* aPayment()
  yield* fault("create", { kind: "answer", with: "error", when: "before", ...profile.decline })
  const error = yield* Effect.flip(confirm(payee))
  assert.strictEqual(error._tag, "PaymentDeclined")
  assert.strictEqual((yield* readBooks(payee.id)).record.intent.status, "failed")
  const { attempt } = yield* confirm(payee)
  yield* pay(attempt.id)
  yield* settle(payee.id)
  assert.strictEqual((yield* readBooks(payee.id)).record.intent.status, "succeeded")
  return { payments: [payee.id] }
})

/** Pays what the buyer is offered after a former try; the former one may be paid as well, where the channel lets them. */
const payAnew = Effect.fnUntraced(function* (payee: Effect.Success<ReturnType<typeof aPayment>>) {
  const confirmations = yield* Confirmations
  const { attempt } = yield* confirmations.resume(payee.id, payee.owner)
  yield* pay(attempt.id)
  yield* settle(payee.id)
  const { record } = yield* readBooks(payee.id)
  assert.deepStrictEqual([record.intent.status, record.intent.captured], ["succeeded", 5000])
  return attempt.id
})

const failedByBuyer: Case = Effect.gen(function* () {
  const { act } = yield* Bench
  const offer = yield* anOffer()
  assert.strictEqual(yield* act(offer.attemptId, "fail"), 200)
  yield* settle(offer.id)
  assert.strictEqual((yield* readBooks(offer.id)).record.intent.captured, 0)
  yield* payAnew(offer)
  return { payments: [offer.id] }
})

const canceledByBuyer: Case = Effect.gen(function* () {
  const { act } = yield* Bench
  const offer = yield* anOffer()
  assert.strictEqual(yield* act(offer.attemptId, "cancel"), 200)
  yield* settle(offer.id)
  assert.strictEqual((yield* readBooks(offer.id)).record.intent.captured, 0)
  yield* payAnew(offer)
  return { payments: [offer.id] }
})

const timeoutAfterSuccess: Case = Effect.gen(function* () {
  const { fault } = yield* Bench
  const payee = yield* aPayment()
  yield* fault("create", { kind: "delay", milliseconds: 520, when: "after" })
  yield* Effect.exit(confirm(payee))
  const { record } = yield* readBooks(payee.id)
  const [attempt] = record.attempts
  assert.strictEqual(attempt?.status, "unknown")
  if (attempt !== undefined) yield* pay(attempt.id)
  yield* settle(payee.id)
  assert.strictEqual((yield* readBooks(payee.id)).record.intent.status, "succeeded")
  return { payments: [payee.id] }
})

const timeoutAfterFailure: Case = Effect.gen(function* () {
  const { act, fault } = yield* Bench
  const payee = yield* aPayment()
  yield* fault("create", { kind: "delay", milliseconds: 520, when: "after" })
  yield* Effect.exit(confirm(payee))
  const { record } = yield* readBooks(payee.id)
  const [attempt] = record.attempts
  assert.strictEqual(attempt?.status, "unknown")
  if (attempt !== undefined) assert.strictEqual(yield* act(attempt.id, "fail"), 200)
  yield* settle(payee.id)
  assert.strictEqual((yield* readBooks(payee.id)).record.intent.captured, 0)
  yield* payAnew(payee)
  return { payments: [payee.id] }
})

const paidTwice: Case = Effect.gen(function* () {
  const { act } = yield* Bench
  const offer = yield* anOffer()
  yield* act(offer.attemptId, "fail")
  yield* settle(offer.id)
  const second = yield* payAnew(offer)
  if (second !== offer.attemptId) yield* act(offer.attemptId, "pay")
  yield* settle(offer.id)
  return { payments: [offer.id] }
})

const createdTogether: Case = Effect.gen(function* () {
  const payee = yield* aPayment()
  const exits = yield* Effect.all(
    Array.from({ length: 8 }, () => Effect.exit(confirm(payee))),
    { concurrency: "unbounded" }
  )
  const steps = exits.filter(Exit.isSuccess).map(({ value }) => value)
  assert.isAbove(steps.length, 0)
  assert.strictEqual(new Set(steps.map(({ attempt }) => attempt.id)).size, 1)
  const [first] = steps
  for (const { action } of steps) assert.deepStrictEqual(action, first?.action)
  if (first !== undefined) yield* pay(first.attempt.id)
  yield* settle(payee.id)
  assert.strictEqual((yield* readBooks(payee.id)).record.attempts.length, 1)
  return { payments: [payee.id] }
})

const canceledByOwner: Case = Effect.gen(function* () {
  const payments = yield* Payments
  const offer = yield* anOffer()
  yield* payments.cancel(offer.id, offer.owner)
  yield* assertUnpayable(offer)
  return { payments: [offer.id] }
})

const refundedAtOnce: Case = Effect.gen(function* () {
  const gateway = yield* PaymentGateway
  const tap = yield* NoticeTap
  const paid = yield* aPaidPayment()
  yield* tap.withhold
  yield* refund(paid)
  yield* settle(paid.id)
  assert.strictEqual(yield* gateway.close(paid.id, "too late"), "succeeded")
  return { payments: [paid.id] }
})

const expired: Case = Effect.gen(function* () {
  const closing = yield* Closing
  const sql = yield* SqlClient.SqlClient
  const unpaid = yield* anOffer()
  const paid = yield* aSecretlyPaidPayment
  yield* sql`
    UPDATE payments.intents SET expires_at = '2020-01-01', next_close_at = '2020-01-01'
    WHERE id = ANY(${[unpaid.id, paid.id]}::uuid[])`
  yield* Effect.all([closing.sweep(10), closing.sweep(10)], { concurrency: "unbounded" })
  const statuses = yield* Effect.forEach([unpaid, paid], ({ id }) => readBooks(id))
  assert.deepStrictEqual(
    statuses.map(({ record }) => record.intent.status),
    ["canceled", "succeeded"]
  )
  yield* assertUnpayable(unpaid)
  return { payments: [unpaid.id, paid.id] }
})

/** What buyers and merchants do when nothing is in the way, and when the channel or the buyer says no. */
export const journeys = {
  "success, a partial refund, then the rest": success,
  "success, told by the notice alone": notified,
  "refund, told by questions alone": refundedAtOnce,
  "decline by the channel, then another try": declined,
  "failure by the buyer, then another try": failedByBuyer,
  "refusal by the buyer, then another try": canceledByBuyer,
  "timeout after success": timeoutAfterSuccess,
  "timeout after failure": timeoutAfterFailure,
  "both of two tries paid": paidTwice,
  "eight creations at the same time": createdTogether,
  "cancellation closes the order": canceledByOwner,
  "expiry closes the order, unless it was paid": expired
} satisfies Readonly<Record<string, Case>>
