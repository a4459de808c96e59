import type { UserId } from "@mall/domain/identity/CurrentUser"
import { Money } from "@mall/domain/kernel/Money"
import { PaymentGateway, PaymentSummary } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { CheckoutId } from "@mall/domain/trade/Order"
import { Config, Context, Duration, Effect, Layer, Option } from "effect"

export interface PayableCheckout {
  readonly id: CheckoutId
  readonly userId: UserId
  readonly paymentId: PaymentId
  readonly total: Money
  readonly expiresAt: Date
}

const unmade = (
  { expiresAt, id, paymentId, total }: PayableCheckout,
  standing: Pick<PaymentSummary, "status" | "refusedBy">
) =>
  new PaymentSummary({
    ...standing,
    id: paymentId,
    amount: total,
    refunded: Money.zero(total.currency),
    reference: id,
    expiresAt,
    paidAt: null
  })

/** The payment as it will be once it exists. */
const awaited = (checkout: PayableCheckout) => unmade(checkout, { status: "pending" })

/** The payment of orders that were canceled before there was one. */
export const neverMade = (checkout: PayableCheckout) => unmade(checkout, { status: "canceled" })

/**
 * The payments of checkouts at the pay platform, which may be away for a while: an order is valid without its payment, so
 * nothing here fails for that reason. What is slower than `PAYMENT_LOOKUP_TIMEOUT` (3 s) is given up.
 */
export class CheckoutPayments extends Context.Service<
  CheckoutPayments,
  {
    /**
     * The payment of a checkout that waits for one, made where there is none yet: by the id that was chosen with the checkout. One
     * that the mall's own limits refuse has failed so far: the orders may still be paid, once there is room again, or be canceled.
     */
    open(checkout: PayableCheckout): Effect.Effect<PaymentSummary>
    /** Those that there are; nothing where the pay platform cannot be asked now. */
    find(ids: ReadonlyArray<PaymentId>): Effect.Effect<Option.Option<ReadonlyMap<PaymentId, PaymentSummary>>>
  }
>()("@mall/trade/CheckoutPayments") {
  static readonly layer = Layer.effect(
    CheckoutPayments,
    Effect.gen(function* () {
      const gateway = yield* PaymentGateway
      const timeout = yield* Config.Duration("PAYMENT_LOOKUP_TIMEOUT").pipe(Config.withDefault(Duration.seconds(3)))

      const attempt = <A>(call: Effect.Effect<A>, ids: ReadonlyArray<string>) =>
        call.pipe(
          Effect.timeoutOption(timeout),
          Effect.catchDefect((defect) =>
            Effect.as(Effect.logWarning("The pay platform did not answer", defect), Option.none<A>())
          ),
          Effect.annotateLogs({ paymentIds: ids })
        )

      const refused = (checkout: PayableCheckout, by: "limit" | "quota") =>
        Effect.as(
          Effect.logWarning(`The payment of a checkout is refused by a ${by}`),
          unmade(checkout, { status: "failed", refusedBy: by })
        )

      const open = Effect.fn("CheckoutPayments.open")((checkout: PayableCheckout) =>
        attempt(
          gateway
            .create({
              id: checkout.paymentId,
              payerId: checkout.userId,
              amount: checkout.total,
              reference: checkout.id,
              description: `Mall order ${checkout.id}`,
              expiresAt: checkout.expiresAt
            })
            .pipe(
              Effect.catchTags({
                PaymentLimitExceeded: () => refused(checkout, "limit"),
                QuotaExceeded: () => refused(checkout, "quota")
              })
            ),
          [checkout.paymentId]
        ).pipe(Effect.map(Option.getOrElse(() => awaited(checkout))))
      )

      const find = Effect.fn("CheckoutPayments.find")(function* (ids: ReadonlyArray<PaymentId>) {
        return ids.length === 0 ? Option.some(new Map()) : yield* attempt(gateway.find(ids), ids)
      })

      return CheckoutPayments.of({ open, find })
    })
  )
}
