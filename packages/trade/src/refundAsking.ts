import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import type { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import { DateTime, Duration, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** For how long the one who set a refund going, or who resumes it, is left alone with it. */
const lease = Duration.minutes(1)

/** Until when a refund that is asked for at `at` is left alone. */
const leaseFrom = (at: Date) => new Date(at.getTime() + Duration.toMillis(lease))

/** Assignments to the row of an order or a return that waits for the refund `refundId` from `at` on. */
export const askedAnew = (sql: SqlClient.SqlClient, refundId: RefundId, at: Date) => sql`
  refund_id = ${refundId}, refund_due_at = ${leaseFrom(at)},
  former_refund_ids = array_remove(former_refund_ids || refund_id, NULL)
`

/** The order or return that waits for the refund, or waited for it before it asked for another: the channel may carry out each. */
export const everAskedFor = (sql: SqlClient.SqlClient, table: "orders" | "returns", refundId: RefundId) =>
  sql`(${sql(table)}.refund_id = ${refundId} OR ${refundId} = ANY (${sql(table)}.former_refund_ids))`

/** A refund that the pay platform has not answered for yet, of what `id` says: an order or a return. */
export const OpenRefund = <Id extends Schema.Codec<string>>(id: Id) =>
  Schema.Struct({ id, refundId: RefundId, paymentId: PaymentId, amount: MinorUnits, currency: Currency })

interface OpenRefundOf<Id> {
  readonly id: Id
  readonly refundId: RefundId
  readonly paymentId: PaymentId
  readonly amount: MinorUnits
  readonly currency: Currency
}

/**
 * Asks the pay platform for refunds as often as it takes, for it knows each by its id: `ask` once and now, `resume` for up
 * to `limit` that were left without an answer, of which it tells the number. What the platform cannot take now is left to
 * the next `resume`.
 */
export const refundAsking = <Id extends string>(
  gateway: PaymentGateway["Service"],
  owner: {
    /** What the pay platform is told. */
    readonly reason: string
    /** Takes refunds that are due at `now`, so that nobody else does before `until`. */
    readonly claim: (request: {
      readonly now: Date
      readonly until: Date
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<OpenRefundOf<Id>>, SqlError | Schema.SchemaError>
    readonly accepted: (refund: OpenRefundOf<Id>) => Effect.Effect<unknown, SqlError>
    /** The platform refused, since all of the payment went back by other refunds, and so did this part of it. */
    readonly allBack: (refund: OpenRefundOf<Id>) => Effect.Effect<unknown, SqlError>
    /** The platform refused for good, and has the money. */
    readonly refused: (refund: OpenRefundOf<Id>, why: string) => Effect.Effect<unknown, SqlError>
  }
) => {
  const refused = Effect.fnUntraced(function* (refund: OpenRefundOf<Id>, why: string) {
    const payment = (yield* gateway.find([refund.paymentId])).get(refund.paymentId)
    const isAllBack = payment !== undefined && payment.refunded.equals(payment.amount)
    return yield* isAllBack ? owner.allBack(refund) : owner.refused(refund, why)
  })

  const ask = (refund: OpenRefundOf<Id>) =>
    gateway
      .refund({
        id: refund.refundId,
        paymentId: refund.paymentId,
        amount: Money.of(refund.amount, refund.currency),
        reason: owner.reason
      })
      .pipe(
        Effect.andThen(owner.accepted(refund)),
        Effect.catchTag(["PaymentNotFound", "PaymentStateConflict", "RefundExceedsCapture"], (error) =>
          refused(refund, `${error._tag}: ${error.message}`)
        ),
        Effect.catchTag("SqlError", Effect.die),
        Effect.catchDefect((defect) =>
          Effect.logWarning("A refund could not be asked for and will be asked for again", defect).pipe(
            Effect.annotateLogs({ of: refund.id, refundId: refund.refundId })
          )
        )
      )

  const resume = Effect.fnUntraced(
    function* (limit: number) {
      const now = yield* DateTime.nowAsDate
      const due = yield* owner.claim({ now, until: leaseFrom(now), limit })
      yield* Effect.forEach(due, ask, { concurrency: 8, discard: true })
      return due.length
    },
    Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
  )

  return { ask, resume }
}
