import type { AttemptId } from "@mall/domain/payments/Payment"
import type { RefundId } from "@mall/domain/payments/PaymentGateway"
import { Context, Effect } from "effect"
import type { Channel } from "../channel/Channel.ts"

interface Subject {
  readonly attemptId: AttemptId
  readonly refundId: RefundId | null
}

/** The try or refund that a call to a channel is about; undefined where it is about none, as a look at a chain's head. */
export const CallSubject = Context.Reference<Subject | undefined>("@mall/payments/log/CallSubject", {
  defaultValue: () => undefined
})

const about =
  (attemptId: AttemptId, refundId: RefundId | null = null) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, CallSubject, { attemptId, refundId })

/** The same channel, whose calls tell the payment log what they are about. */
export const withSubject = (channel: Channel): Channel => ({
  ...channel,
  create: (attempt) => channel.create(attempt).pipe(about(attempt.id)),
  query: (attempt) => channel.query(attempt).pipe(about(attempt.id)),
  close: (attempt) => channel.close(attempt).pipe(about(attempt.id)),
  refund: (refund) => channel.refund(refund).pipe(about(refund.attempt.id, refund.id)),
  queryRefund: (refund) => channel.queryRefund(refund).pipe(about(refund.attempt.id, refund.id))
})
