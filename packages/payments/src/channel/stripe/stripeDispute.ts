import { DisputeStatus } from "@mall/domain/payments/DisputeLifecycle"
import { Effect, Option, Schema } from "effect"
import { ChannelText } from "../Channel.ts"
import type { ChannelDispute } from "../Channel.ts"
import { Id, moneyOf, ObjectUnreadable, Timestamp } from "./stripeObjects.ts"

const NamedObject = Schema.Union([Id, Schema.Struct({ id: Id })])
const nameOf = (object: typeof NamedObject.Type) => (typeof object === "string" ? object : object.id)

/** A movement of the account's balance: what was taken is below zero; `fee` is what Stripe took besides. */
const BalanceTransaction = Schema.Struct({ amount: Schema.Int, fee: Schema.Int, currency: Schema.String })

/** What is read of a dispute. Amounts as Stripe counts them. */
export const StripeDispute = Schema.Struct({
  id: Id,
  object: Schema.Literal("dispute"),
  amount: Schema.Int,
  currency: Schema.String,
  status: Schema.String,
  reason: ChannelText,
  charge: NamedObject,
  payment_intent: Schema.NullOr(NamedObject),
  created: Timestamp,
  livemode: Schema.Boolean,
  evidence_details: Schema.Struct({ due_by: Schema.NullOr(Timestamp) }),
  balance_transactions: Schema.Array(BalanceTransaction)
})
export type StripeDispute = typeof StripeDispute.Type

const decodeStatus = Schema.decodeUnknownOption(DisputeStatus)

/** An appeal is read as the state that it opens again. `accepted` is a word of ours alone. */
const statusOf = (status: string) =>
  status === "accepted" ? Option.none() : decodeStatus(status.replace(/^appeal_/, ""))

/** The sum of all movements; fails where they are of several currencies. */
const balanceOf = (movements: StripeDispute["balance_transactions"]) =>
  Option.gen(function* () {
    const [first] = movements
    if (first === undefined) return null
    if (movements.some(({ currency }) => currency !== first.currency)) return yield* Option.none()
    const sum = (of: (movement: typeof BalanceTransaction.Type) => number) =>
      movements.reduce((total, movement) => total + of(movement), 0)
    const taken = yield* moneyOf(
      sum(({ amount }) => 0 - amount),
      first.currency
    )
    const fees = yield* moneyOf(
      sum(({ fee }) => fee),
      first.currency
    )
    return { withdrawn: taken.amount, fees: fees.amount, currency: taken.currency }
  })

export const toDispute = (dispute: StripeDispute): Effect.Effect<ChannelDispute, ObjectUnreadable> =>
  Option.gen(function* () {
    const { amount, currency } = yield* moneyOf(dispute.amount, dispute.currency)
    const { due_by } = dispute.evidence_details
    const told: ChannelDispute = {
      channelReference: dispute.id,
      paymentReference: nameOf(dispute.payment_intent ?? dispute.charge),
      account: { livemode: String(dispute.livemode) },
      status: yield* statusOf(dispute.status),
      amount,
      currency,
      reason: dispute.reason,
      evidenceDueAt: due_by === null ? null : new Date(due_by * 1000),
      balance: yield* balanceOf(dispute.balance_transactions),
      openedAt: new Date(dispute.created * 1000)
    }
    return told
  }).pipe(
    Effect.fromOption,
    Effect.mapError(() => new ObjectUnreadable())
  )
