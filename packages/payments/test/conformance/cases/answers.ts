import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { assert } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { SqlClient } from "effect/sql"
import { Channels } from "../../../src/channel/Channels.ts"
import { toChannelAttempt } from "../../../src/lifecycle/Inquiries.ts"
import { Bench } from "../Bench.ts"
import type { Aftermath, Case } from "../Case.ts"
import { NoticeTap } from "../NoticeTap.ts"
import {
  anOffer,
  aPaidPayment,
  aPayment,
  aSecretlyPaidPayment,
  askNow,
  assertUnpayable,
  confirm,
  pay,
  refund,
  settle
} from "../steps.ts"
import { readBooks } from "../truth.ts"

/**
 * What may become of an answer. The worst of each kind: where it does not matter whether the channel did what was asked,
 * it did. `provesNothing`: what comes back must not be believed, whatever it seems to say.
 */
const faults = {
  "answered 429": { fault: { kind: "answer", with: "429", when: "before" }, provesNothing: true },
  "answered 500": { fault: { kind: "answer", with: "500", when: "after" }, provesNothing: true },
  "answered in HTML": { fault: { kind: "answer", with: "html", when: "after", status: 200 }, provesNothing: true },
  "answered with nothing": { fault: { kind: "answer", with: "empty", when: "after" }, provesNothing: true },
  "answered with half a body": { fault: { kind: "answer", with: "half", when: "after" }, provesNothing: true },
  "reset before it is done": { fault: { kind: "drop", when: "before" }, provesNothing: true },
  "reset after it is done": { fault: { kind: "drop", when: "after" }, provesNothing: true },
  "answered too late": { fault: { kind: "delay", milliseconds: 520, when: "after" }, provesNothing: true },
  "done after we gave up": { fault: { kind: "delay", milliseconds: 520, when: "before" }, provesNothing: true },
  "answered drop by drop": { fault: { kind: "slow-drip", milliseconds: 2 }, provesNothing: false },
  "answered with a forged signature": { fault: { kind: "tamper", what: "signature" }, provesNothing: true }
} as const

type FaultName = keyof typeof faults
type Fault = (typeof faults)[FaultName]

/** What is not the channel's lacks its signature, where the channel signs; it is counted as a failure of it. */
const forgedBy = ({ fault }: Fault): Pick<Aftermath, "forgedAnswers"> =>
  fault.kind === "tamper"
    ? { forgedAnswers: [1, 1] }
    : fault.kind === "answer" && (fault.with === "html" || fault.with === "half")
      ? { forgedAnswers: [0, 1] }
      : {}

const creation = (given: Fault): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const payee = yield* aPayment()
    yield* fault("create", given.fault)
    const first = yield* Effect.exit(confirm(payee))
    if (given.provesNothing && Exit.isSuccess(first)) assert.strictEqual(first.value.action.type, "none")
    assert.strictEqual((yield* readBooks(payee.id)).record.intent.captured, 0)
    const { action, attempt } = yield* confirm(payee)
    assert.notStrictEqual(action.type, "none")
    yield* pay(attempt.id)
    yield* settle(payee.id)
    assert.strictEqual((yield* readBooks(payee.id)).record.intent.status, "succeeded")
    return { payments: [payee.id], ...forgedBy(given) }
  })

const query = (given: Fault): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const gateway = yield* PaymentGateway
    const paid = yield* aSecretlyPaidPayment
    yield* fault("query", given.fault)
    const asked = yield* Effect.exit(gateway.settle(paid.id))
    const { captured } = (yield* readBooks(paid.id)).record.intent
    if (given.provesNothing) assert.deepStrictEqual([Exit.isSuccess(asked), captured], [false, 0])
    yield* settle(paid.id)
    assert.strictEqual((yield* readBooks(paid.id)).record.intent.status, "succeeded")
    return { payments: [paid.id], ...forgedBy(given) }
  })

/** An answer that is signed by the channel and says something untrue is not believed. */
const untrueQuery = (what: "amount" | "currency" | "merchant" | "reference"): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const gateway = yield* PaymentGateway
    const paid = yield* aSecretlyPaidPayment
    yield* fault("query", { kind: "tamper", what })
    yield* Effect.exit(gateway.settle(paid.id))
    assert.strictEqual((yield* readBooks(paid.id)).record.intent.captured, 0)
    yield* settle(paid.id)
    assert.strictEqual((yield* readBooks(paid.id)).record.intent.status, "succeeded")
    // what the adapter can see for itself is no answer; the rest is for payments to compare and to report
    return { payments: [paid.id], events: { payment_mismatch: "any number" } }
  })

/** The channel tells of a try the number that another one has: it may be the same money, and is not counted twice. */
const queryOfAnother: Case = Effect.gen(function* () {
  const channels = yield* Channels
  const gateway = yield* PaymentGateway
  const sql = yield* SqlClient.SqlClient
  const { profile } = yield* Bench
  const other = yield* anOffer()
  const paid = yield* aSecretlyPaidPayment
  const { attempts, intent } = (yield* readBooks(paid.id)).record
  const channel = yield* Effect.fromOption(channels.find(profile.id))
  const told = yield* Effect.forEach(attempts, (attempt) => channel.query(toChannelAttempt(intent, attempt)))
  const reference = told.flatMap((payment) => (payment._tag === "Paid" ? [payment.channelReference] : [])).join("")
  yield* sql`UPDATE payments.attempts SET channel_reference = ${reference} WHERE id = ${other.attemptId}`
  assert.strictEqual((yield* Effect.flip(gateway.settle(paid.id)))._tag, "PaymentUndecided")
  assert.strictEqual((yield* readBooks(paid.id)).record.intent.captured, 0)
  yield* sql`UPDATE payments.attempts SET channel_reference = NULL WHERE id = ${other.attemptId}`
  return { payments: [paid.id, other.id], events: { payment_mismatch: 1 } }
})

const capture = (given: Fault): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const gateway = yield* PaymentGateway
    const tap = yield* NoticeTap
    const offer = yield* anOffer()
    yield* tap.withhold
    yield* pay(offer.attemptId)
    yield* fault("capture", given.fault)
    const asked = yield* Effect.exit(gateway.settle(offer.id))
    const { captured } = (yield* readBooks(offer.id)).record.intent
    if (given.provesNothing) assert.deepStrictEqual([Exit.isSuccess(asked), captured], [false, 0])
    yield* settle(offer.id)
    yield* gateway.settle(offer.id)
    yield* settle(offer.id)
    assert.strictEqual((yield* readBooks(offer.id)).record.intent.status, "succeeded")
    return { payments: [offer.id], ...forgedBy(given) }
  })

const close = (given: Fault): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const gateway = yield* PaymentGateway
    const offer = yield* anOffer()
    yield* fault("close", given.fault)
    const asked = yield* Effect.exit(gateway.close(offer.id, "gave up"))
    // to close answers nothing, so nothing is the right answer of a channel that did it
    const isBodyless = given.fault.kind === "answer" && (given.fault.with === "empty" || given.fault.with === "half")
    if (given.provesNothing && !isBodyless) assert.strictEqual(Exit.isSuccess(asked), false)
    assert.strictEqual(yield* gateway.close(offer.id, "gave up"), "canceled")
    yield* assertUnpayable(offer)
    return { payments: [offer.id], ...forgedBy(given) }
  })

const refunding = (given: Fault): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const tap = yield* NoticeTap
    const paid = yield* aPaidPayment()
    yield* tap.withhold
    yield* fault("refund", given.fault)
    yield* refund(paid, 2000)
    const { held, refunded } = (yield* readBooks(paid.id)).record.intent
    if (given.provesNothing) assert.deepStrictEqual([held, refunded], [2000, 0])
    yield* settle(paid.id)
    assert.strictEqual((yield* readBooks(paid.id)).record.intent.refunded, 2000)
    return { payments: [paid.id], ...forgedBy(given) }
  })

const refundQuery = (given: Fault): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const tap = yield* NoticeTap
    const paid = yield* aPaidPayment()
    yield* tap.withhold
    // the channel does it, and we do not hear so: it has to be asked
    yield* fault("refund", { kind: "drop", when: "after" })
    yield* refund(paid, 2000)
    yield* fault("refundQuery", given.fault)
    yield* askNow(paid.id)
    const { held, refunded } = (yield* readBooks(paid.id)).record.intent
    if (given.provesNothing) assert.deepStrictEqual([held, refunded], [2000, 0])
    yield* settle(paid.id)
    assert.strictEqual((yield* readBooks(paid.id)).record.intent.refunded, 2000)
    return { payments: [paid.id], ...forgedBy(given) }
  })

const untrueRefundQuery: Case = Effect.gen(function* () {
  const { fault } = yield* Bench
  const tap = yield* NoticeTap
  const paid = yield* aPaidPayment()
  yield* tap.withhold
  yield* fault("refund", { kind: "drop", when: "after" })
  yield* refund(paid, 2000)
  yield* fault("refundQuery", { kind: "tamper", what: "amount" })
  yield* askNow(paid.id)
  const { held, refunded } = (yield* readBooks(paid.id)).record.intent
  assert.deepStrictEqual([held, refunded], [2000, 0])
  yield* settle(paid.id)
  assert.strictEqual((yield* readBooks(paid.id)).record.intent.refunded, 2000)
  return { payments: [paid.id], events: { refund_mismatch: "any number" } }
})

const table = <Operation extends string>(operation: Operation, make: (fault: Fault) => Case) =>
  Object.fromEntries(Object.entries(faults).map(([name, fault]) => [`${operation} ${name}`, make(fault)])) as Readonly<
    Record<`${Operation} ${FaultName}`, Case>
  >

/** Every operation with every way in which its answer can go wrong. */
export const answers = {
  ...table("creation", creation),
  ...table("query", query),
  ...table("close", close),
  ...table("refund", refunding),
  ...table("refund query", refundQuery),
  "query answered with another amount": untrueQuery("amount"),
  "query answered with another currency": untrueQuery("currency"),
  "query answered with another merchant": untrueQuery("merchant"),
  "query answered with another reference": untrueQuery("reference"),
  "query answered with another attempt's payment": queryOfAnother,
  "refund query answered with another amount": untrueRefundQuery
}

/** For the channels at which the buyer only agrees: the taking of the money, with every way in which its answer can go wrong. */
export const captures = table("capture", capture)
