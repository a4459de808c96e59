import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Channels } from "../../../src/channel/Channels.ts"
import { PaymentReads } from "../../../src/store/PaymentReads.ts"
import { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { handNear } from "../chainHand.ts"
import { anOffer, aPaidPayment, aSecretlyPaidPayment, askNow, awaitPaid, look, pay, refund, settle } from "../steps.ts"
import type { Offer } from "../steps.ts"
import { readBooks } from "../truth.ts"

type Hand = Effect.Success<ReturnType<typeof handNear>>

/** More than a transfer has to be deep. */
const deep = 12

const assertUnpaid = Effect.fnUntraced(function* ({ id }: Offer) {
  const gateway = yield* PaymentGateway
  yield* look
  yield* Effect.exit(gateway.settle(id))
  assert.strictEqual((yield* readBooks(id)).record.intent.captured, 0)
})

/** Something that looks like a payment and is none; then the payment. */
const noPayment = <E, R>(happens: (hand: Hand) => Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    const offer = yield* anOffer()
    const hand = yield* handNear(offer)
    yield* happens(hand)
    yield* hand.mine(deep)
    yield* assertUnpaid(offer)
    yield* pay(offer.attemptId)
    yield* awaitPaid(offer.id, "the payment")
    return { payments: [offer.id] }
  })

/** The payment is seen while the node does this, which is believed in nothing; then as it is. */
const seenThrough = (operation: string, fault: Readonly<Record<string, unknown>>, provesNothing = true): Case =>
  Effect.gen(function* () {
    const bench = yield* Bench
    const { id } = yield* aSecretlyPaidPayment
    yield* bench.fault(operation, fault)
    yield* look
    if (provesNothing) assert.strictEqual((yield* readBooks(id)).record.intent.captured, 0)
    yield* awaitPaid(id, "the payment")
    return { payments: [id] }
  })

/** A node that leaves logs out is caught by its witness, and the look does not go on behind them. */
const leftOut: Case = Effect.gen(function* () {
  const bench = yield* Bench
  const { id } = yield* aSecretlyPaidPayment
  yield* bench.fault("query", { kind: "tamper", what: "reference" })
  yield* look
  assert.strictEqual((yield* readBooks(id)).record.intent.captured, 0)
  yield* awaitPaid(id, "the payment")
  return { payments: [id], events: { chain_nodes_differ: "any number" } }
})

/** Looks many times at once, with others who ask. */
const together = (others: (offer: Offer) => ReadonlyArray<Effect.Effect<unknown, unknown, CaseR>>): Case =>
  Effect.gen(function* () {
    const reads = yield* PaymentReads
    const offer = yield* aSecretlyPaidPayment
    yield* Effect.all([...Array.from({ length: 20 }, () => look), ...others(offer).map(Effect.exit)], {
      concurrency: "unbounded"
    })
    yield* awaitPaid(offer.id, "the payment")
    assert.isAtMost((yield* reads.callbacksOf(offer.id)).length, 1)
    return { payments: [offer.id] }
  })
type CaseR = Effect.Services<Case>

const overtaken: Case = Effect.gen(function* () {
  const gateway = yield* PaymentGateway
  const paid = yield* aSecretlyPaidPayment
  yield* gateway.settle(paid.id)
  yield* refund(paid, 2000)
  yield* settle(paid.id)
  yield* look
  const { captured, refunded, status } = (yield* readBooks(paid.id)).record.intent
  assert.deepStrictEqual([status, captured, refunded], ["partially_refunded", 5000, 2000])
  return { payments: [paid.id] }
})

const aDayLate: Case = Effect.gen(function* () {
  const { ours } = yield* Bench
  const { id } = yield* aSecretlyPaidPayment
  yield* ours.shift("24 hours")
  yield* awaitPaid(id, "the payment")
  yield* ours.shift(0)
  return { payments: [id] }
})

const slowClock: Case = Effect.gen(function* () {
  const { ours } = yield* Bench
  const { id } = yield* aSecretlyPaidPayment
  for (const by of ["1 hour", "-1 hours"] as const) {
    yield* ours.shift(by)
    yield* look
  }
  yield* ours.shift(0)
  yield* awaitPaid(id, "the payment")
  return { payments: [id] }
})

const fastBlocks: Case = Effect.gen(function* () {
  const offer = yield* anOffer()
  const hand = yield* handNear(offer)
  yield* hand.passTime(3_600)
  yield* pay(offer.attemptId)
  yield* awaitPaid(offer.id, "the payment")
  return { payments: [offer.id] }
})

const reorganised = noPayment(
  Effect.fnUntraced(function* (hand: Hand) {
    const before = yield* hand.snapshot
    yield* hand.send(5000)
    yield* look
    yield* hand.revert(before)
  })
)

/** Less than the amount pays nothing, and the rest completes it. */
const inParts: Case = Effect.gen(function* () {
  const offer = yield* anOffer()
  const hand = yield* handNear(offer)
  yield* hand.send(4999)
  yield* hand.mine(deep)
  yield* assertUnpaid(offer)
  const { attempts } = (yield* readBooks(offer.id)).record
  assert.deepStrictEqual(
    attempts.map(({ received }) => received),
    [4999]
  )
  // what is too much is no part of the payment
  yield* hand.send(3)
  yield* hand.mine(deep)
  yield* settle(offer.id)
  const { intent } = (yield* readBooks(offer.id)).record
  assert.deepStrictEqual([intent.status, intent.captured], ["succeeded", 5000])
  return { payments: [offer.id] }
})

const ofAnother: Case = Effect.gen(function* () {
  const paid = yield* anOffer()
  const unpaid = yield* anOffer()
  yield* pay(paid.attemptId)
  yield* awaitPaid(paid.id, "the payment")
  yield* assertUnpaid(unpaid)
  return { payments: [paid.id, unpaid.id] }
})

/** What is told again, because nobody kept it, counts once. */
const toldAgain: Case = Effect.gen(function* () {
  const { profile } = yield* Bench
  const channels = yield* Channels
  const reads = yield* PaymentReads
  const { id } = yield* aSecretlyPaidPayment
  const channel = yield* Effect.fromOption(channels.find(profile.id))
  const watch = yield* Effect.fromNullishOr(channel.watch)
  const first = yield* watch.look(50)
  const again = yield* watch.look(50)
  assert.isAbove(first.notices.length, 0)
  assert.deepStrictEqual(again.notices, first.notices)
  yield* awaitPaid(id, "the payment")
  assert.strictEqual((yield* reads.callbacksOf(id)).length, 1)
  return { payments: [id] }
})

const lookedAgain: Case = Effect.gen(function* () {
  const { id } = yield* aSecretlyPaidPayment
  yield* awaitPaid(id, "the payment")
  const before = (yield* readBooks(id)).record
  for (let times = 0; times < 5; times++) yield* look
  assert.deepStrictEqual((yield* readBooks(id)).record, before)
  return { payments: [id] }
})

const otherReceipt: Case = Effect.gen(function* () {
  const { fault } = yield* Bench
  const paid = yield* aPaidPayment()
  yield* fault("refund", { kind: "drop", when: "after" })
  yield* refund(paid, 2000)
  yield* fault("refundQuery", { kind: "tamper", what: "reference" })
  yield* askNow(paid.id)
  const { held, refunded } = (yield* readBooks(paid.id)).record.intent
  assert.deepStrictEqual([held, refunded], [2000, 0])
  yield* settle(paid.id)
  assert.strictEqual((yield* readBooks(paid.id)).record.intent.refunded, 2000)
  return { payments: [paid.id] }
})

const elsewhere = Effect.gen(function* () {
  const gateway = yield* PaymentGateway
  const { fault } = yield* Bench
  const paid = yield* aSecretlyPaidPayment
  yield* fault("create", { kind: "tamper", what: "merchant" })
  yield* Effect.exit(gateway.settle(paid.id))
  assert.strictEqual((yield* readBooks(paid.id)).record.intent.captured, 0)
  yield* settle(paid.id)
  assert.strictEqual((yield* readBooks(paid.id)).record.intent.status, "succeeded")
  return { payments: [paid.id] }
})

const nobody = "0x000000000000000000000000000000000000dEaD"

/** What comes nearest, at a chain, to the cases of channels that send notices and keep orders. */
export const nearestAtChain = {
  "decline by the channel, then another try": {
    as: "a transfer that is reverted, then one that is not",
    run: Effect.gen(function* () {
      const { act } = yield* Bench
      const offer = yield* anOffer()
      assert.strictEqual(yield* act(offer.attemptId, "fail"), 200)
      yield* assertUnpaid(offer)
      yield* pay(offer.attemptId)
      yield* awaitPaid(offer.id, "the payment")
      return { payments: [offer.id] }
    })
  },
  "query answered with another amount": { as: "less came than was due, then too much", run: inParts },
  "query answered with another merchant": { as: "by a node of another chain", run: elsewhere },
  "refund query answered with another amount": { as: "with the receipt of another transaction", run: otherReceipt },
  "notice twenty times at once": { as: "twenty looks at once", run: together(() => []) },
  "notice while the channel is asked": {
    as: "looks while it is asked",
    run: together(({ id }) => [
      ...Array.from({ length: 5 }, () => Effect.flatMap(PaymentGateway, (gateway) => gateway.settle(id))),
      ...Array.from({ length: 5 }, () => askNow(id))
    ])
  },
  "notice overtaken by the refund's": { as: "the look comes after the refund", run: overtaken },
  "notice a day late": { as: "nobody looked for a day", run: aDayLate },
  "notice with a forged signature": {
    as: "a transfer of a false token of the same name",
    run: noPayment((hand) => hand.sendFalse(5000))
  },
  "notice altered after signing": {
    as: "the node tells of another token",
    run: seenThrough("query", { kind: "tamper", what: "currency" })
  },
  "notice with an old timestamp": { as: "a transfer that a reorganisation takes away", run: reorganised },
  "notice with another amount": { as: "a transfer of nothing", run: noPayment((hand) => hand.send(0)) },
  "notice with another currency": {
    as: "ether in the place of the token",
    run: noPayment((hand) => hand.sendEther(5000))
  },
  "notice with another merchant": {
    as: "the node is of another chain",
    run: seenThrough("create", { kind: "tamper", what: "merchant" })
  },
  "notice with another reference": {
    as: "the node tells of another recipient",
    run: leftOut
  },
  "notice with another attempt's payment": { as: "a transfer to another try's address", run: ofAnother },
  "notice about an order nobody made": {
    as: "a transfer to nobody's address",
    run: noPayment((hand) => hand.send(5000, nobody))
  },
  "notice drop by drop": {
    as: "the node tells drop by drop",
    run: seenThrough("query", { kind: "slow-drip", milliseconds: 1 }, false)
  },
  "notice lost on the way": {
    as: "the node's answer does not come",
    run: seenThrough("query", { kind: "drop", when: "before" })
  },
  "notice whose acknowledgement is lost": { as: "told again, because nobody kept it", run: toldAgain },
  "notice played back byte by byte": { as: "looked at again and again", run: lookedAgain },
  "notice by a wrong clock of theirs": { as: "blocks of an hour that is to come", run: fastBlocks },
  "notice by a wrong clock of ours": { as: "looks by a wrong clock", run: slowClock }
} satisfies Readonly<Record<string, { readonly as: string; readonly run: Case }>>
