import { Currency } from "@mall/domain/kernel/Currency"
import { DateTime, Duration, Effect, FiberMap, Option, Schema, Semaphore } from "effect"
import { ActionRefused, ReferenceUnknown } from "./Channel.ts"
import type { PayerAction, PayerActionOptions, RefundOutcome } from "./Channel.ts"
import { Journal } from "./Journal.ts"
import { SandboxConfig } from "./SandboxConfig.ts"

const OrderState = Schema.Literals(["open", "paid", "failed", "closed"])

/** An order as a channel keeps it. Amounts in minor units, times in ISO 8601. */
export const Order = Schema.Struct({
  /** The merchant's number. */
  reference: Schema.String,
  /** The channel's own. */
  number: Schema.String,
  description: Schema.String,
  amount: Schema.Int,
  currency: Currency,
  notifyUrl: Schema.NullOr(Schema.String),
  returnUrl: Schema.NullOr(Schema.String),
  /** Nobody can pay afterwards. */
  expiresAt: Schema.NullOr(Schema.String),
  /** What the request said besides; the same number with another one of it is another order. */
  details: Schema.Record(Schema.String, Schema.String),
  /** What happened to it that only this channel knows of. */
  memory: Schema.Record(Schema.String, Schema.String),
  state: OrderState,
  /** Why it failed, by the channel's own code. */
  failure: Schema.NullOr(Schema.String),
  paidAt: Schema.NullOr(Schema.String),
  createdAt: Schema.String
})
export type Order = typeof Order.Type
export type NewOrder = Omit<Order, "memory" | "state" | "failure" | "paidAt" | "createdAt">

const RefundState = Schema.Literals(["processing", "succeeded", "failed", "closed"])

export const Refund = Schema.Struct({
  /** The merchant's number. */
  reference: Schema.String,
  number: Schema.String,
  /** The reference of its order. */
  order: Schema.String,
  amount: Schema.Int,
  reason: Schema.String,
  state: RefundState,
  createdAt: Schema.String,
  settledAt: Schema.NullOr(Schema.String)
})
export type Refund = typeof Refund.Type
export type NewRefund = Omit<Refund, "state" | "createdAt" | "settledAt">

/** Why the book takes an order or a refund not, in words that each channel says in its own way. */
export class BookRefused extends Schema.TaggedError<BookRefused>()("BookRefused", {
  reason: Schema.Literals(["unknown", "different", "paid", "closed", "notPaid", "exceeds", "expired"])
}) {
  override get message() {
    return `The order book refuses: ${this.reason}`
  }
}

const refuse = (reason: BookRefused["reason"]) => new BookRefused({ reason })

const isSameDetails = Schema.toEquivalence(Order.fields.details)

const isSame = (known: Order, given: NewOrder) =>
  known.amount === given.amount &&
  known.currency === given.currency &&
  known.description === given.description &&
  known.notifyUrl === given.notifyUrl &&
  known.expiresAt === given.expiresAt &&
  isSameDetails(known.details, given.details)

const outcomes: Readonly<Record<RefundOutcome, Refund["state"]>> = {
  succeed: "succeeded",
  close: "closed",
  abnormal: "failed"
}

/** A refund takes of the money while it is under way and once it has succeeded. */
const isStanding = ({ state }: Refund) => state === "processing" || state === "succeeded"

/**
 * Orders and refunds of one channel, kept over a restart, with the rules that channels share: a number is used once, what was
 * closed or paid stays so, refunds together never exceed what was paid. Changes happen one at a time.
 */
export const makeOrderBook = Effect.fnUntraced(function* (channel: string) {
  const journal = yield* Journal
  const { refundDelay } = yield* SandboxConfig
  const orders = yield* journal.open(`${channel}/orders`, { schema: Order, key: ({ reference }) => reference })
  const refunds = yield* journal.open(`${channel}/refunds`, { schema: Refund, key: ({ reference }) => reference })
  const byNumber = new Map(orders.values().map(({ number, reference }) => [number, reference]))
  const exclusively = (yield* Semaphore.make(1)).withPermits(1)
  const settlements = yield* FiberMap.make<string>()
  let whenSettled: (refund: Refund, order: Order) => Effect.Effect<void> = () => Effect.void
  const nowIso = Effect.map(DateTime.now, DateTime.formatIso)

  const find = (reference: string) =>
    Effect.fromNullishOr(orders.get(reference)).pipe(Effect.mapError(() => refuse("unknown")))
  const findByNumber = (number: string) => Effect.suspend(() => find(byNumber.get(number) ?? ""))
  const refundsOf = (reference: string) => refunds.values().filter(({ order }) => order === reference)
  const refunded = (reference: string) =>
    refundsOf(reference)
      .filter(isStanding)
      .reduce((sum, { amount }) => sum + amount, 0)

  const isExpired = (order: NewOrder, now: string) =>
    order.expiresAt !== null && Date.parse(order.expiresAt) <= Date.parse(now)

  /** The same order again is the one that exists, whatever became of it. */
  const create = Effect.fnUntraced(function* (given: NewOrder): Effect.fn.Return<Order, BookRefused> {
    const known = orders.get(given.reference)
    if (known !== undefined) return isSame(known, given) ? known : yield* refuse("different")
    const createdAt = yield* nowIso
    if (isExpired(given, createdAt)) return yield* refuse("expired")
    const order: Order = { ...given, memory: {}, state: "open", failure: null, paidAt: null, createdAt }
    yield* orders.set(order)
    byNumber.set(order.number, order.reference)
    return order
  }, exclusively)

  /** Nothing more can be paid afterwards; again is the same. */
  const close = Effect.fnUntraced(function* (reference: string): Effect.fn.Return<Order, BookRefused> {
    const order = yield* find(reference)
    if (order.state === "paid") return yield* refuse("paid")
    const closed: Order = { ...order, state: "closed" }
    yield* orders.set(closed)
    return closed
  }, exclusively)

  /** Adds to what the channel knows of an order. */
  const remember = Effect.fnUntraced(function* (reference: string, memory: Readonly<Record<string, string>>) {
    const order = yield* find(reference)
    const changed: Order = { ...order, memory: { ...order.memory, ...memory } }
    yield* orders.set(changed)
    return changed
  }, exclusively)

  /** What the payer does. `failure` is the code of the channel for what `fail` stands for. */
  const act = Effect.fnUntraced(function* (
    reference: string,
    action: PayerAction,
    failure: string
  ): Effect.fn.Return<Order, ReferenceUnknown | ActionRefused> {
    const order = orders.get(reference)
    if (order === undefined) return yield* new ReferenceUnknown({ reference })
    if (order.state === "paid" || order.state === "closed") {
      return yield* new ActionRefused({ reason: `The order is ${order.state}` })
    }
    const now = yield* nowIso
    if (action === "pay" && isExpired(order, now)) return yield* new ActionRefused({ reason: "The order expired" })
    const moved: Order =
      action === "pay"
        ? { ...order, state: "paid", failure: null, paidAt: now }
        : action === "fail"
          ? { ...order, state: "failed", failure }
          : order
    yield* orders.set(moved)
    return moved
  }, exclusively)

  const settle = Effect.fnUntraced(function* (
    reference: string,
    outcome: RefundOutcome
  ): Effect.fn.Return<void, ReferenceUnknown | ActionRefused> {
    const refund = refunds.get(reference)
    const order = orders.get(refund?.order ?? "")
    if (refund === undefined || order === undefined) return yield* new ReferenceUnknown({ reference })
    if (refund.state !== "processing") return yield* new ActionRefused({ reason: `The refund is ${refund.state}` })
    const settled: Refund = { ...refund, state: outcomes[outcome], settledAt: yield* nowIso }
    yield* refunds.set(settled)
    yield* whenSettled(settled, order)
  }, exclusively)

  const settleLater = Effect.fnUntraced(function* ({ createdAt, reference }: Refund) {
    const due = DateTime.addDuration(DateTime.makeUnsafe(createdAt), refundDelay)
    const wait = Duration.max(DateTime.distance(yield* DateTime.now, due), Duration.zero)
    const settlement = settle(reference, "succeed").pipe(
      // somebody settled it first
      Effect.catchTag(["ActionRefused", "ReferenceUnknown"], () => Effect.void)
    )
    yield* FiberMap.run(settlements, reference, Effect.delay(settlement, wait))
  })

  /** The same refund again is the one that exists. It is under way until `SANDBOX_REFUND_DELAY` has passed. */
  const refund = Effect.fnUntraced(function* (given: NewRefund): Effect.fn.Return<Refund, BookRefused> {
    const order = yield* find(given.order)
    const known = refunds.get(given.reference)
    if (known !== undefined) {
      return known.order === given.order && known.amount === given.amount ? known : yield* refuse("different")
    }
    if (order.state !== "paid") return yield* refuse("notPaid")
    if (refunded(order.reference) + given.amount > order.amount) return yield* refuse("exceeds")
    const accepted: Refund = { ...given, state: "processing", createdAt: yield* nowIso, settledAt: null }
    yield* refunds.set(accepted)
    yield* settleLater(accepted)
    return accepted
  }, exclusively)

  return {
    create,
    close,
    remember,
    act: (reference: string, action: PayerAction, options: PayerActionOptions & { readonly failure: string }) =>
      act(reference, action, options.failure),
    find,
    findByNumber,
    look: (reference: string) => Effect.sync(() => Option.fromUndefinedOr(orders.get(reference))),
    list: Effect.sync(() => orders.values().toReversed()),
    refund,
    findRefund: (reference: string) =>
      Effect.fromNullishOr(refunds.get(reference)).pipe(Effect.mapError(() => refuse("unknown"))),
    findRefundByNumber: (number: string) =>
      Effect.fromNullishOr(refunds.values().find((candidate) => candidate.number === number)).pipe(
        Effect.mapError(() => refuse("unknown"))
      ),
    refundsOf,
    refunded,
    settle,
    /** Says what happens when a refund ends, and takes up those that a restart left under way. */
    start: Effect.fnUntraced(function* (settled: (refund: Refund, order: Order) => Effect.Effect<void>) {
      whenSettled = settled
      yield* Effect.forEach(
        refunds.values().filter(({ state }) => state === "processing"),
        settleLater,
        { discard: true }
      )
    }),
    clear: Effect.andThen(
      FiberMap.clear(settlements),
      Effect.andThen(
        Effect.all([orders.clear, refunds.clear]),
        Effect.sync(() => byNumber.clear())
      )
    )
  }
})
export type OrderBook = Effect.Success<ReturnType<typeof makeOrderBook>>
