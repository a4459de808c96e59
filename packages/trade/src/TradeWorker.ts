import { accountDeleted } from "@mall/domain/identity/IdentityTopics"
import { markOrderCanceled, markOrderPaid, paymentRefunded } from "@mall/domain/payments/PaymentTopics"
import { orderTimeout } from "@mall/domain/trade/OrderTopics"
import * as Subscription from "@mall/platform/Subscription"
import * as Sweep from "@mall/platform/Sweep"
import { Config, DateTime, Duration, Effect, Layer } from "effect"
import { BuyerErasure } from "./BuyerErasure.ts"
import { CartRepo } from "./CartRepo.ts"
import { CheckoutRepo } from "./CheckoutRepo.ts"
import { Fulfilment } from "./Fulfilment.ts"
import { OrderExpiry } from "./OrderExpiry.ts"
import { OrderPayments } from "./OrderPayments.ts"
import { OrderRefunds } from "./OrderRefunds.ts"
import { ReturnRefunds } from "./returns/ReturnRefunds.ts"

const subscriber = "trade"

/** What trade does when it is told something. */
export const subscriptions = Layer.mergeAll(
  Subscription.layer({
    topic: markOrderPaid,
    subscriber,
    // they share transactions, so more at once cost less each
    concurrency: 32,
    handler: (message) => OrderPayments.use((payments) => payments.markPaid(message))
  }),
  Subscription.layer({
    topic: markOrderCanceled,
    subscriber,
    concurrency: 32,
    handler: (message) => OrderPayments.use((payments) => payments.markCanceled(message))
  }),
  Subscription.layer({
    topic: paymentRefunded,
    subscriber,
    handler: (message) => OrderPayments.use((payments) => payments.markRefunded(message))
  }),
  Subscription.layer({
    topic: accountDeleted,
    subscriber,
    handler: ({ userId }) => BuyerErasure.use((erasure) => erasure.begin(userId))
  }),
  Subscription.layer({
    topic: orderTimeout,
    subscriber,
    handler: ({ checkoutId }) => OrderExpiry.use((expiry) => expiry.expire(checkoutId))
  })
)

const forsakenCarts = Layer.unwrap(
  Effect.gen(function* () {
    const keep = yield* Config.Duration("GUEST_CART_KEEP").pipe(Config.withDefault(Duration.days(30)))
    return Sweep.layer({
      name: "forsaken_carts",
      every: "1 hour",
      batch: Effect.fnUntraced(function* (limit) {
        const repo = yield* CartRepo
        return yield* repo.deleteForsaken(
          DateTime.toDateUtc(DateTime.subtractDuration(yield* DateTime.now, keep)),
          limit
        )
      })
    })
  })
)

/** Orders that are canceled in one transaction: whoever buys a piece of theirs meanwhile waits for its end. */
const expiryLimit = 200

/** What trade does by itself on a schedule; an operator may run each by its name. */
export const sweeps = Layer.mergeAll(
  Sweep.layer({
    name: "expired_orders",
    every: "5 seconds",
    limit: expiryLimit,
    batch: (limit) => OrderExpiry.use((expiry) => expiry.sweep(limit)),
    oldestDue: CheckoutRepo.use((checkouts) => checkouts.oldestDue)
  }),
  Sweep.layer({
    name: "open_refunds",
    every: "1 minute",
    limit: 100,
    batch: (limit) => OrderRefunds.use((refunds) => refunds.resume(limit))
  }),
  Sweep.layer({
    name: "return_refunds",
    every: "1 minute",
    limit: 100,
    batch: (limit) => ReturnRefunds.use((refunds) => refunds.resume(limit))
  }),
  Sweep.layer({
    name: "delivered_orders",
    every: "10 minutes",
    batch: (limit) => Fulfilment.use((fulfilment) => fulfilment.completeDelivered(limit))
  }),
  Sweep.layer({
    name: "erased_buyers",
    every: "1 minute",
    limit: 100,
    batch: (limit) => BuyerErasure.use((erasure) => erasure.sweep(limit))
  }),
  forsakenCarts
)

/**
 * The background work of trade: what the pay platform tells, timeouts, sweeps. Over the services of `Trade.layer`; any
 * number of processes may run it.
 */
export const layer = Layer.mergeAll(subscriptions, sweeps)
