import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentStatus, PaymentSummary } from "@mall/domain/payments/PaymentGateway"
import { systemActor } from "@mall/domain/trade/Order"
import type { CheckoutId } from "@mall/domain/trade/Order"
import { Config, Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { CheckoutRepo } from "./CheckoutRepo.ts"
import type { DueCheckout } from "./CheckoutRepo.ts"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { PendingOrders } from "./PendingOrders.ts"

/** No attempt to pay is open in these states, and the payment's own expiry lets none begin. */
const isIdle = (status: PaymentStatus) => status === "pending" || status === "failed" || status === "canceled"

const isOver = (payment: PaymentSummary | undefined, now: Date) =>
  payment === undefined || payment.status === "canceled" || (isIdle(payment.status) && payment.expiresAt <= now)

/**
 * Cancels what was not paid in time. Nothing that was paid is ever canceled: the pay platform is asked first, outside of any
 * transaction; what it cannot tell yet is left for later; and what it closed is canceled under lock, if it is still unpaid.
 * Meanwhile a lease of `ORDER_EXPIRY_LEASE` (1 min) keeps others away, and lets them in if this process dies.
 */
export class OrderExpiry extends Context.Service<
  OrderExpiry,
  {
    /** Looks at up to `limit` checkouts whose time is up, and answers how many those were. */
    sweep(limit: number): Effect.Effect<number>
    /** The same for one checkout, unless somebody is looking at it. */
    expire(id: CheckoutId): Effect.Effect<void>
  }
>()("@mall/trade/OrderExpiry") {
  static readonly layerNoDeps = Layer.effect(
    OrderExpiry,
    Effect.gen(function* () {
      const checkouts = yield* CheckoutRepo
      const pending = yield* PendingOrders
      const gateway = yield* PaymentGateway
      const lease = yield* Config.Duration("ORDER_EXPIRY_LEASE").pipe(Config.withDefault(Duration.minutes(1)))
      const concurrency = yield* Config.Int("ORDER_EXPIRY_CONCURRENCY").pipe(Config.withDefault(64))

      /** True where nothing can be paid any more. The platform that cannot tell is asked again when the lease is over. */
      const close = ({ id, paymentId }: DueCheckout) =>
        gateway.close(paymentId, "not paid in time").pipe(
          Effect.map((outcome) => outcome === "canceled"),
          Effect.catchTags({
            PaymentNotFound: () => Effect.succeed(true),
            PaymentUndecided: () => Effect.succeed(false)
          }),
          Effect.catchDefect((defect) =>
            Effect.logWarning("A payment could not be closed and is tried again", defect).pipe(
              Effect.annotateLogs({ checkoutId: id, paymentId }),
              Effect.as(false)
            )
          )
        )

      const settle = Effect.fnUntraced(function* (due: ReadonlyArray<DueCheckout>, now: Date) {
        const payments = yield* gateway.find(due.map(({ paymentId }) => paymentId))
        const [open, over] = partition(due, ({ paymentId }) => isOver(payments.get(paymentId), now))
        const closed = yield* Effect.filter(open, close, { concurrency })
        yield* pending.cancel(
          [...over, ...closed].map(({ id }) => id),
          { actor: systemActor, reason: "not paid in time", at: now, traceId: yield* currentTraceId }
        )
      })

      const leaseFrom = (now: Date) => new Date(now.getTime() + Duration.toMillis(lease))

      const sweep = Effect.fn("OrderExpiry.sweep")(
        function* (limit: number) {
          const now = yield* DateTime.nowAsDate
          const due = yield* checkouts.claimDue(now, leaseFrom(now), limit)
          if (due.length > 0) yield* settle(due, now)
          return due.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const expire = Effect.fn("OrderExpiry.expire")(
        function* (id: CheckoutId) {
          const now = yield* DateTime.nowAsDate
          const due = yield* checkouts.claimOne(id, now, leaseFrom(now))
          if (Option.isSome(due)) yield* settle([due.value], now)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return OrderExpiry.of({ sweep, expire })
    })
  )
}

const partition = <A>(all: ReadonlyArray<A>, belongsRight: (a: A) => boolean) => {
  const left: Array<A> = []
  const right: Array<A> = []
  for (const a of all) (belongsRight(a) ? right : left).push(a)
  return [left, right] as const
}
