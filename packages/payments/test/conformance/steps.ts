import type { Currency } from "@mall/domain/kernel/Currency"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import { Money } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { assert } from "@effect/vitest"
import { Effect, Option, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { Callbacks } from "../../src/callbacks/Callbacks.ts"
import { ChannelWatches } from "../../src/lifecycle/ChannelWatches.ts"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { Inquiries } from "../../src/lifecycle/Inquiries.ts"
import { Payments } from "../../src/lifecycle/Payments.ts"
import { Refunds } from "../../src/lifecycle/Refunds.ts"
import { aMerchant, newOperationId } from "../TestPayments.ts"
import { Bench } from "./Bench.ts"
import { NoticeTap } from "./NoticeTap.ts"
import { awaitSilence } from "./sandboxNotices.ts"
import { readBooks } from "./truth.ts"

/** Divides by ten, for the channels that take thousandths only in whole hundredths, and leaves a rest by 33 refunds of 150. */
const usualAmount = 5000

/** A payment, and the one who asked for it and pays it. */
export interface Payee {
  readonly id: PaymentId
  readonly owner: Principal
}

export const aPayment = Effect.fnUntraced(function* (
  options: { readonly amount?: number; readonly currency?: Currency } = {}
) {
  const { profile } = yield* Bench
  const payments = yield* Payments
  const owner = yield* aMerchant
  const amount = Money.of(options.amount ?? usualAmount, options.currency ?? profile.currency)
  const operationId = yield* newOperationId
  const { id } = yield* payments.create(
    {
      amount,
      reference: `order-${operationId}`,
      description: "Two shirts 两件衬衫",
      channels: [ChannelId.make(profile.id)],
      returnUrl: "https://shop.example/thanks"
    },
    owner,
    operationId
  )
  const payee: Payee = { id, owner }
  return payee
})

export const choiceOf = Effect.map(Bench, ({ profile }) => ({
  channel: ChannelId.make(profile.id),
  method: profile.method,
  ...(profile.payer === undefined ? {} : { payer: profile.payer })
}))

/** The buyer asks to pay. */
export const confirm = Effect.fnUntraced(function* ({ id, owner }: Payee) {
  const confirmations = yield* Confirmations
  return yield* confirmations.confirm(id, yield* choiceOf, owner)
})

export interface Offer extends Payee {
  readonly attemptId: AttemptId
}

/** A payment whose buyer was told what to do. */
export const anOffer = Effect.fnUntraced(function* (
  options: { readonly amount?: number; readonly currency?: Currency } = {}
) {
  const payee = yield* aPayment(options)
  const { attempt } = yield* confirm(payee)
  const offer: Offer = { ...payee, attemptId: attempt.id }
  return offer
})

/** The buyer pays at the channel, which has to let them. */
export const pay = Effect.fnUntraced(function* (attempt: AttemptId) {
  const { act } = yield* Bench
  const status = yield* act(attempt, "pay")
  if (status !== 200) return yield* Effect.die(new Error(`The channel does not take the payment: ${status}`))
})

/** We look at the channel, where it tells nothing by itself. */
export const look = Effect.gen(function* () {
  const watches = yield* ChannelWatches
  const bench = yield* Effect.serviceOption(Bench)
  if (Option.exists(bench, ({ profile }) => profile.chain !== undefined)) yield* watches.sweep(50)
})

/** Every question that is due some time is due now, once. */
export const askNow = Effect.fnUntraced(function* (id: PaymentId) {
  const callbacks = yield* Callbacks
  const inquiries = yield* Inquiries
  const refunds = yield* Refunds
  const sql = yield* SqlClient.SqlClient
  yield* callbacks.drained
  // those that a notice is settling at this moment are left to the next round
  yield* sql`
    UPDATE payments.attempts SET next_query_at = '2020-01-01' WHERE id IN (
      SELECT id FROM payments.attempts WHERE payment_id = ${id} AND next_query_at IS NOT NULL FOR UPDATE SKIP LOCKED)`
  yield* sql`
    UPDATE payments.refunds SET next_query_at = '2020-01-01' WHERE id IN (
      SELECT id FROM payments.refunds WHERE payment_id = ${id} AND next_query_at IS NOT NULL FOR UPDATE SKIP LOCKED)`
  yield* sql`UPDATE payments.callback_inbox SET next_run_at = '2020-01-01' WHERE status = 'received'`
  yield* callbacks.sweep(50)
  yield* inquiries.sweep(50)
  yield* refunds.sweep(50)
  // last, for a look asks too
  yield* look
})

/** Asks until our books and the channel's agree; dies with what they disagree about. */
export const settle = Effect.fnUntraced(function* (id: PaymentId) {
  const { profile } = yield* Bench
  const round = Effect.andThen(askNow(id), readBooks(id))
  const { disagreements } = yield* round.pipe(
    Effect.repeat({
      until: ({ disagreements }) => disagreements.length === 0,
      schedule: Schedule.spaced("20 millis")
    }),
    // blocks take their time
    Effect.timeoutOrElse({
      duration: profile.chain === undefined ? "8 seconds" : "50 seconds",
      orElse: () => readBooks(id)
    })
  )
  if (disagreements.length > 0) return yield* Effect.die(new Error(disagreements.join("; ")))
})

/** Waits until a notice has paid the payment, without asking the channel. */
export const awaitPaid = Effect.fnUntraced(function* (id: PaymentId, what: string) {
  const { profile } = yield* Bench
  const { disagreements, record } = yield* Effect.andThen(look, readBooks(id)).pipe(
    Effect.repeat({
      until: ({ disagreements, record }) => disagreements.length === 0 && record.intent.captured > 0,
      schedule: Schedule.spaced("10 millis")
    }),
    Effect.timeoutOrElse({
      duration: profile.chain === undefined ? "5 seconds" : "30 seconds",
      orElse: () => readBooks(id)
    })
  )
  if (disagreements.length > 0 || record.intent.captured === 0) {
    return yield* Effect.die(
      new Error(`${what} did not come, the payment is ${record.intent.status}; ${disagreements.join("; ")}`)
    )
  }
})

/** A payment that the channel took the money of, and that we know is paid. */
export const aPaidPayment = Effect.fnUntraced(function* (
  options: { readonly amount?: number; readonly currency?: Currency } = {}
) {
  const offer = yield* anOffer(options)
  yield* pay(offer.attemptId)
  yield* settle(offer.id)
  return offer
})

/**
 * The channel takes the money of the offer, and nothing but its notice can tell us. `armed` is run just before that notice is
 * sent. Where the buyer only agrees, we take the money, and the answer to that is lost.
 */
export const payUnheard = Effect.fnUntraced(function* <E, R>(offer: Offer, armed: Effect.Effect<void, E, R>) {
  const { fault, profile } = yield* Bench
  if (profile.captureOperation === undefined) {
    yield* armed
    return yield* pay(offer.attemptId)
  }
  const gateway = yield* PaymentGateway
  const tap = yield* NoticeTap
  yield* tap.withhold
  yield* pay(offer.attemptId)
  yield* tap.taken
  yield* tap.release
  yield* armed
  yield* fault(profile.captureOperation, { kind: "drop", when: "after" })
  yield* Effect.exit(gateway.settle(offer.id))
})

/** A payment that the channel took the money of, of which we have heard nothing. Its notice is taken away. */
export const aSecretlyPaidPayment = Effect.gen(function* () {
  const tap = yield* NoticeTap
  const offer = yield* anOffer()
  yield* payUnheard(offer, tap.withhold)
  return offer
})

/** However the buyer tries, no money is taken for the try any more. */
export const assertUnpayable = Effect.fnUntraced(function* ({ attemptId, id }: Offer) {
  const { act, order, profile } = yield* Bench
  const callbacks = yield* Callbacks
  const status = yield* act(attemptId, "pay")
  if (status >= 400) return
  // a chain closes no address: what comes late is heard, for who canceled to give back
  if (profile.chain !== undefined) {
    yield* settle(id)
    const { amount, captured, status } = (yield* readBooks(id)).record.intent
    assert.deepStrictEqual([status, captured], ["succeeded", amount])
    return
  }
  // to agree is not to pay: nobody may take the money
  yield* awaitSilence
  yield* callbacks.drained
  yield* askNow(id)
  const found = yield* order(attemptId)
  if (
    profile.captureOperation === undefined ||
    Option.exists(found, ({ state }) => profile.paidStates.includes(state))
  ) {
    return yield* Effect.die(new Error("What was closed can still be paid"))
  }
})

/** Gives back `amount` minor units, or all that is left. */
export const refund = Effect.fnUntraced(function* ({ id, owner }: Payee, amount?: number) {
  const payments = yield* Payments
  const { currency } = (yield* payments.show(id, owner)).amount
  return yield* payments.refund(
    id,
    { reason: "broken", ...(amount === undefined ? {} : { amount: Money.of(amount, currency) }) },
    owner,
    yield* newOperationId
  )
})
