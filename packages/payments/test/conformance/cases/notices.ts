import { generator } from "@mall/domain/kernel/Id"
import { AttemptId } from "@mall/domain/payments/Payment"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Callbacks } from "../../../src/callbacks/Callbacks.ts"
import { PaymentReads } from "../../../src/store/PaymentReads.ts"
import { Bench } from "../Bench.ts"
import type { Aftermath, Case } from "../Case.ts"
import { NoticeTap } from "../NoticeTap.ts"
import { awaitDelivery, awaitSilence, lastNotice, resend, say } from "../sandboxNotices.ts"
import { countOf } from "../securityWatch.ts"
import { anOffer, askNow, aSecretlyPaidPayment, awaitPaid, pay, payUnheard, refund, settle } from "../steps.ts"
import { readBooks } from "../truth.ts"

const newAttemptId = generator(AttemptId)

const capturedOf = Effect.fnUntraced(function* (id: Parameters<typeof readBooks>[0]) {
  return (yield* readBooks(id)).record.intent.captured
})

const twentyCopies: Case = Effect.gen(function* () {
  const { fault } = yield* Bench
  const reads = yield* PaymentReads
  const tap = yield* NoticeTap
  const before = yield* countOf("payment_callback_duplicate")
  const offer = yield* anOffer()
  const { id } = offer
  yield* payUnheard(offer, fault("callback", { kind: "duplicate", times: 20 }))
  yield* awaitDelivery()
  yield* awaitPaid(id, "the notice")
  assert.strictEqual((yield* reads.callbacksOf(id)).length, 1)
  const duplicates = (yield* countOf("payment_callback_duplicate")) - before
  assert.strictEqual(duplicates + (yield* tap.refusals), 19)
  return { payments: [id] }
})

const reordered: Case = Effect.gen(function* () {
  const { fault } = yield* Bench
  const callbacks = yield* Callbacks
  const paid = yield* anOffer()
  yield* fault("callback", { kind: "reorder", milliseconds: 1_000 })
  yield* pay(paid.attemptId)
  yield* settle(paid.id)
  yield* refund(paid, 2000)
  yield* awaitSilence
  yield* callbacks.drained
  yield* settle(paid.id)
  const { captured, refunded, status } = (yield* readBooks(paid.id)).record.intent
  assert.deepStrictEqual([status, captured, refunded], ["partially_refunded", 5000, 2000])
  return { payments: [paid.id] }
})

const concurrent: Case = Effect.gen(function* () {
  const { post } = yield* Bench
  const gateway = yield* PaymentGateway
  const tap = yield* NoticeTap
  const { id } = yield* aSecretlyPaidPayment
  const raw = yield* tap.taken
  const notice = yield* lastNotice
  yield* tap.release
  const many = <A, E, R>(effect: Effect.Effect<A, E, R>) => Array.from({ length: 5 }, () => Effect.exit(effect))
  yield* Effect.all([...many(post(raw)), ...many(resend(notice)), ...many(gateway.settle(id)), ...many(askNow(id))], {
    concurrency: "unbounded"
  })
  return { payments: [id] }
})

const aDayLate: Case = Effect.gen(function* () {
  const { ours, theirs } = yield* Bench
  const tap = yield* NoticeTap
  const { id } = yield* aSecretlyPaidPayment
  yield* tap.taken
  const notice = yield* lastNotice
  yield* tap.release
  yield* ours.shift("24 hours")
  yield* theirs.shift("24 hours")
  yield* resend(notice)
  yield* awaitPaid(id, "the late notice")
  yield* ours.shift(0)
  yield* theirs.shift(0)
  return { payments: [id] }
})

/** A notice whose seal does not hold is refused; the channel sends the genuine one again, and that counts. */
const brokenSeal = (what: "signature" | "body" | "timestamp" | "serial"): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const tap = yield* NoticeTap
    const offer = yield* anOffer()
    const { id } = offer
    yield* payUnheard(offer, fault("callback", { kind: "tamper", what }))
    yield* awaitPaid(id, "the genuine notice")
    yield* awaitSilence
    assert.strictEqual(yield* tap.refusals, 1)
    return { payments: [id] }
  })

/** A notice that is signed by the channel and says something untrue pays nothing: a person has to look, or the channel is asked. */
const untrue = (what: "amount" | "currency" | "merchant" | "reference"): Case =>
  Effect.gen(function* () {
    const { fault } = yield* Bench
    const callbacks = yield* Callbacks
    const tap = yield* NoticeTap
    const offer = yield* anOffer()
    const { id } = offer
    yield* payUnheard(offer, fault("callback", { kind: "tamper", what }))
    yield* awaitDelivery()
    yield* callbacks.drained
    // refused, it comes again and is true then
    if ((yield* tap.refusals) > 0) return { payments: [id] }
    assert.strictEqual(yield* capturedOf(id), 0)
    yield* settle(id)
    assert.strictEqual(yield* capturedOf(id), 5000)
    // an order that is not of our making may be that of another shop of the same merchant
    const events: Aftermath["events"] = what === "reference" ? {} : { payment_mismatch: 1 }
    return { payments: [id], events }
  })

const untrueRefund: Case = Effect.gen(function* () {
  const { fault } = yield* Bench
  const callbacks = yield* Callbacks
  const paid = yield* anOffer()
  yield* pay(paid.attemptId)
  yield* awaitPaid(paid.id, "the notice")
  yield* awaitSilence
  yield* fault("callback", { kind: "tamper", what: "amount" })
  yield* refund(paid, 2000)
  yield* settle(paid.id)
  yield* awaitSilence
  yield* callbacks.drained
  assert.strictEqual((yield* readBooks(paid.id)).record.intent.refunded, 2000)
  return { payments: [paid.id], events: { refund_mismatch: 1 } }
})

const otherAttempt: Case = Effect.gen(function* () {
  const callbacks = yield* Callbacks
  const paid = yield* anOffer()
  const unpaid = yield* anOffer()
  yield* pay(paid.attemptId)
  yield* awaitPaid(paid.id, "the notice")
  yield* say(yield* lastNotice, { of: paid.attemptId, instead: unpaid.attemptId })
  yield* callbacks.drained
  assert.strictEqual(yield* capturedOf(unpaid.id), 0)
  return { payments: [paid.id, unpaid.id], events: { payment_mismatch: 1 } }
})

const unknownOrder: Case = Effect.gen(function* () {
  const callbacks = yield* Callbacks
  const paid = yield* anOffer()
  yield* pay(paid.attemptId)
  yield* awaitPaid(paid.id, "the notice")
  yield* say(yield* lastNotice, { of: paid.attemptId, instead: yield* newAttemptId })
  yield* callbacks.drained
  return { payments: [paid.id], events: { callback_unknown_order: 1 } }
})

const unknownEvent: Case = Effect.gen(function* () {
  const callbacks = yield* Callbacks
  const tap = yield* NoticeTap
  const { id } = yield* aSecretlyPaidPayment
  yield* tap.taken
  yield* tap.release
  yield* say(yield* lastNotice, { event: "SOMETHING.NEW" })
  yield* callbacks.drained
  assert.deepStrictEqual([yield* tap.refusals, yield* capturedOf(id)], [0, 0])
  return { payments: [id] }
})

const onTheWire = (fault: Readonly<Record<string, unknown>>): Case =>
  Effect.gen(function* () {
    const bench = yield* Bench
    const offer = yield* anOffer()
    const { id } = offer
    yield* payUnheard(offer, bench.fault("callback", fault))
    yield* awaitPaid(id, "the notice")
    yield* awaitSilence
    return { payments: [id] }
  })

/** What channels tell by themselves, and what others tell in their name. */
export const notices = {
  "notice twenty times at once": twentyCopies,
  "notice overtaken by the refund's": reordered,
  "notice while the channel is asked": concurrent,
  "notice a day late": aDayLate,
  "notice with a forged signature": brokenSeal("signature"),
  "notice altered after signing": brokenSeal("body"),
  "notice with an old timestamp": brokenSeal("timestamp"),
  "notice with an unknown key": brokenSeal("serial"),
  "notice with another amount": untrue("amount"),
  "notice with another currency": untrue("currency"),
  "notice with another merchant": untrue("merchant"),
  "notice with another reference": untrue("reference"),
  "notice of a refund with another amount": untrueRefund,
  "notice with another attempt's payment": otherAttempt,
  "notice about an order nobody made": unknownOrder,
  "notice of an unknown type": unknownEvent,
  "notice drop by drop": onTheWire({ kind: "slow-drip", milliseconds: 1 }),
  "notice lost on the way": onTheWire({ kind: "drop", when: "before" }),
  "notice whose acknowledgement is lost": onTheWire({ kind: "drop", when: "after" })
} satisfies Readonly<Record<string, Case>>
