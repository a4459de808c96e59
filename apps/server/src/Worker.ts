import * as IdentitySweeps from "@mall/identity/IdentitySweeps"
import * as PaymentWorker from "@mall/payments/PaymentWorker"
import * as PlatformSweeps from "@mall/platform/PlatformSweeps"
import * as QueueMetrics from "@mall/platform/QueueMetrics"
import { Sweeps } from "@mall/platform/Sweeps"
import * as TradeWorker from "@mall/trade/TradeWorker"
import { Layer } from "effect"

/** Everything that happens by itself: messages are handled and sweeps run. Any number of processes may do so at once. */
export const layer = Layer.mergeAll(
  TradeWorker.layer,
  PaymentWorker.layer,
  IdentitySweeps.layer,
  PlatformSweeps.layer,
  QueueMetrics.layer
).pipe(Layer.provideMerge(Sweeps.layerScheduled))
