import { UserId } from "@mall/domain/identity/CurrentUser"
import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { CheckoutId } from "@mall/domain/trade/Order"
import { gatherReads } from "@mall/platform/gatherReads"
import { beside } from "@mall/platform/planning"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

/** A checkout's orders are unpaid, paid or canceled together, for they share one payment; afterwards each goes its own way. */
const CheckoutStatus = Schema.Literals(["pending_payment", "paid", "canceled"])

const CheckoutRow = Schema.Struct({
  id: CheckoutId,
  userId: UserId,
  paymentId: PaymentId,
  status: CheckoutStatus,
  currency: Currency,
  total: MinorUnits,
  expiresAt: Schema.Date
})
export type CheckoutRow = typeof CheckoutRow.Type

const Due = Schema.Struct({ id: CheckoutId, paymentId: PaymentId })
export type DueCheckout = typeof Due.Type

const Identified = Schema.Struct({ id: CheckoutId })

/** Rows of checkouts. Who changes the state of a checkout locks it before its orders and their stock. */
export class CheckoutRepo extends Context.Service<
  CheckoutRepo,
  {
    lockByPayment(paymentId: PaymentId): Effect.Effect<Option.Option<CheckoutRow>, SqlError>
    /** Those of `paymentIds` that are checkouts of the mall, locked in ascending order of the checkouts' ids. */
    lockByPayments(paymentIds: ReadonlyArray<PaymentId>): Effect.Effect<ReadonlyMap<PaymentId, CheckoutRow>, SqlError>
    /** Those of `paymentIds` whose checkouts still wait for them, as is committed now; nothing is locked. */
    findPending(paymentIds: ReadonlyArray<PaymentId>): Effect.Effect<ReadonlyMap<PaymentId, CheckoutId>, SqlError>
    /** Cancels those of `ids` that still wait for their payment, locking in ascending order, and answers which. */
    cancelPending(ids: ReadonlyArray<CheckoutId>): Effect.Effect<ReadonlyArray<CheckoutId>, SqlError>
    /**
     * Takes up to `limit` unpaid checkouts that are due at `now`, so that nobody else looks at them until `until`. Any number
     * of workers may claim at once: each gets others.
     */
    claimDue(now: Date, until: Date, limit: number): Effect.Effect<ReadonlyArray<DueCheckout>, SqlError>
    /** The same for one checkout. */
    claimOne(id: CheckoutId, now: Date, until: Date): Effect.Effect<Option.Option<DueCheckout>, SqlError>
    /** When the unpaid checkout is due that is due first. */
    readonly oldestDue: Effect.Effect<Option.Option<DateTime.Utc>, SqlError>
  }
>()("@mall/trade/CheckoutRepo") {
  static readonly layer = Layer.effect(
    CheckoutRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const lockByPayment = SqlSchema.findOneOption({
        Request: PaymentId,
        Result: CheckoutRow,
        execute: (paymentId) => sql`
          SELECT id, user_id, payment_id, status, currency, total, expires_at FROM trade.checkouts
          WHERE payment_id = ${paymentId}
          FOR UPDATE
        `
      })
      const lockByPayments = SqlSchema.findAll({
        Request: Schema.Array(PaymentId),
        Result: CheckoutRow,
        execute: (paymentIds) => sql`
          SELECT id, user_id, payment_id, status, currency, total, expires_at FROM trade.checkouts
          WHERE payment_id = ANY (${paymentIds}::uuid[])
          ORDER BY checkouts.id
          FOR UPDATE
        `
      })
      const selectPending = SqlSchema.findAll({
        Request: Schema.Array(PaymentId),
        Result: Due,
        execute: (paymentIds) => sql`
          SELECT id, payment_id FROM trade.checkouts
          WHERE payment_id = ANY (${paymentIds}::uuid[]) AND ${beside(sql, "status")} = 'pending_payment'
        `
      })
      const cancelPending = SqlSchema.findAll({
        Request: Schema.Array(CheckoutId),
        Result: Identified,
        execute: (ids) => sql`
          WITH locked AS MATERIALIZED (
            SELECT id FROM trade.checkouts
            WHERE id = ANY (${ids}::uuid[]) AND ${beside(sql, "status")} = 'pending_payment'
            ORDER BY checkouts.id
            FOR UPDATE
          )
          UPDATE trade.checkouts SET status = 'canceled' FROM locked WHERE checkouts.id = locked.id
          RETURNING checkouts.id
        `
      })
      const claimDue = SqlSchema.findAll({
        Request: Schema.Struct({ now: Schema.Date, until: Schema.Date, limit: Schema.Int }),
        Result: Due,
        execute: ({ limit, now, until }) => sql`
          UPDATE trade.checkouts SET due_at = ${until}
          WHERE id IN (
            SELECT id FROM trade.checkouts WHERE status = 'pending_payment' AND due_at <= ${now}
            ORDER BY due_at LIMIT ${limit}
            FOR UPDATE SKIP LOCKED
          )
          RETURNING id, payment_id
        `
      })
      const claimOne = SqlSchema.findOneOption({
        Request: Schema.Struct({ id: CheckoutId, now: Schema.Date, until: Schema.Date }),
        Result: Due,
        execute: ({ id, now, until }) => sql`
          UPDATE trade.checkouts SET due_at = ${until}
          WHERE id = ${id} AND status = 'pending_payment' AND due_at <= ${now}
          RETURNING id, payment_id
        `
      })

      const oldestDue = SqlSchema.findOneOption({
        Request: Schema.Void,
        Result: Schema.Struct({ dueAt: Schema.Date }),
        execute: () => sql`
          SELECT due_at FROM trade.checkouts WHERE status = 'pending_payment' ORDER BY checkouts.due_at LIMIT 1
        `
      })

      return CheckoutRepo.of({
        oldestDue: oldestDue().pipe(
          Effect.map(Option.map(({ dueAt }) => DateTime.fromDateUnsafe(dueAt))),
          Effect.catchTag("SchemaError", Effect.die)
        ),
        lockByPayment: (paymentId) => Effect.catchTag(lockByPayment(paymentId), "SchemaError", Effect.die),
        lockByPayments: (paymentIds) =>
          lockByPayments(paymentIds).pipe(
            Effect.map((rows) => new Map(rows.map((row) => [row.paymentId, row]))),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        findPending: gatherReads(sql, (paymentIds: ReadonlyArray<PaymentId>) =>
          selectPending(paymentIds).pipe(
            Effect.map(
              (rows): ReadonlyMap<PaymentId, CheckoutId> => new Map(rows.map((row) => [row.paymentId, row.id]))
            ),
            Effect.catchTag("SchemaError", Effect.die)
          )
        ),
        cancelPending: (ids) =>
          cancelPending(ids).pipe(
            Effect.map((rows) => rows.map(({ id }) => id)),
            Effect.catchTag("SchemaError", Effect.die)
          ),
        claimDue: (now, until, limit) => Effect.catchTag(claimDue({ now, until, limit }), "SchemaError", Effect.die),
        claimOne: (id, now, until) => Effect.catchTag(claimOne({ id, now, until }), "SchemaError", Effect.die)
      })
    })
  )
}
