import { transactionTimeout } from "@mall/domain/payments/PaymentTopics"
import * as Subscription from "@mall/platform/Subscription"
import * as Sweep from "@mall/platform/Sweep"
import { Effect, Layer } from "effect"
import { Callbacks } from "./callbacks/Callbacks.ts"
import { ChannelWatches } from "./lifecycle/ChannelWatches.ts"
import { Closing } from "./lifecycle/Closing.ts"
import { DisputeDeadlines } from "./disputes/DisputeDeadlines.ts"
import { DisputeSync } from "./disputes/DisputeSync.ts"
import { Inquiries } from "./lifecycle/Inquiries.ts"
import { PaymentLog } from "./log/PaymentLog.ts"
import { Refunds } from "./lifecycle/Refunds.ts"
import { SecurityEvents } from "./callbacks/SecurityEvents.ts"
import { Tickets } from "./lifecycle/Tickets.ts"

/** Asks channels and closes payments one network call after the other: small batches keep a run short. */
const channelLimit = 50

/** Most go together in one transaction, which keeps others waiting no longer than a moment. */
const closingLimit = 200

/** More than one look answers with, so that a run is one look. */
const discoveryLimit = 1_000

/** More than one gathering is of, so that a run plans one. */
const gatheringLimit = 1_000

/** What payments does by itself on a schedule; an operator may run each by its name. */
export const sweeps = Layer.unwrap(
  Effect.gen(function* () {
    const callbacks = yield* Callbacks
    const watches = yield* ChannelWatches
    const closing = yield* Closing
    const deadlines = yield* DisputeDeadlines
    const disputes = yield* DisputeSync
    const inquiries = yield* Inquiries
    const log = yield* PaymentLog
    const refunds = yield* Refunds
    const securityEvents = yield* SecurityEvents
    const tickets = yield* Tickets
    return Layer.mergeAll(
      // often, so that what is due is asked a few at a time and not in bursts that keep buyers waiting
      Sweep.layer({
        name: "payment_attempts",
        every: "1 second",
        limit: channelLimit,
        batch: (limit) => inquiries.sweep(limit)
      }),
      Sweep.layer({
        name: "payment_refunds",
        every: "5 seconds",
        limit: channelLimit,
        batch: (limit) => refunds.sweep(limit)
      }),
      Sweep.layer({
        name: "payment_callbacks",
        every: "5 seconds",
        limit: channelLimit,
        batch: (limit) => callbacks.sweep(limit)
      }),
      Sweep.layer({
        name: "payment_watches",
        every: "5 seconds",
        limit: channelLimit,
        batch: (limit) => watches.sweep(limit)
      }),
      Sweep.layer({
        name: "payment_gathering",
        every: "10 minutes",
        limit: gatheringLimit,
        batch: () => watches.gather
      }),
      Sweep.layer({
        name: "payment_disputes",
        every: "15 seconds",
        limit: channelLimit,
        batch: (limit) => disputes.sweep(limit)
      }),
      Sweep.layer({
        name: "payment_dispute_discovery",
        every: "1 hour",
        limit: discoveryLimit,
        batch: () => disputes.discover("known")
      }),
      Sweep.layer({
        name: "payment_dispute_deadlines",
        every: "10 minutes",
        batch: (limit) => deadlines.warn(limit)
      }),
      Sweep.layer({
        name: "payment_expiry",
        every: "30 seconds",
        limit: closingLimit,
        batch: (limit) => closing.sweep(limit)
      }),
      Sweep.layer({ name: "payment_nonces", every: "10 minutes", batch: (limit) => callbacks.purge(limit) }),
      Sweep.layer({ name: "payment_tickets", every: "10 minutes", batch: (limit) => tickets.purge(limit) }),
      Sweep.layer({ name: "payment_log", every: "1 hour", batch: (limit) => log.purge(limit) }),
      Sweep.layer({
        name: "payment_security_events",
        every: "1 hour",
        batch: (limit) => securityEvents.purge(limit)
      })
    )
  })
)

/**
 * A payment's time is up. Where the channel gives no clear answer the message fails and comes again; so does the sweep.
 * A payment that is gone needs no closing.
 */
export const subscriptions = Layer.unwrap(
  Effect.map(Closing, (closing) =>
    Subscription.layer({
      topic: transactionTimeout,
      subscriber: "payments",
      handler: ({ paymentId }) =>
        closing
          .close({ paymentId, actor: "transaction_timeout", reason: "expired" })
          .pipe(Effect.catchTag("PaymentNotFound", () => Effect.void))
    })
  )
)

/** What payments does by itself: asks, closes, gives back, cleans up. Needs the services of `PaymentServices` and `Sweeps`. */
export const layer = Layer.mergeAll(sweeps, subscriptions)
