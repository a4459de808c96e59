import * as IdentitySweeps from "@mall/identity/IdentitySweeps"
import * as LedgerWorker from "@mall/ledger/LedgerWorker"
import * as PaymentWorker from "@mall/payments/PaymentWorker"
import * as AlertSweeps from "@mall/platform/alerts/AlertSweeps"
import * as PlatformSweeps from "@mall/platform/PlatformSweeps"
import * as QueueMetrics from "@mall/platform/QueueMetrics"
import * as ReconciliationWorker from "@mall/treasury/reconciliation/ReconciliationWorker"
import * as TradeWorker from "@mall/trade/TradeWorker"
import { Layer } from "effect"

/** Every sweep: on its schedule where this process has `Sweeps.layerScheduled`, else only when an operator asks for it. */
export const sweeps = Layer.mergeAll(
  TradeWorker.sweeps,
  PaymentWorker.sweeps,
  LedgerWorker.sweeps,
  ReconciliationWorker.sweeps,
  IdentitySweeps.layer,
  PlatformSweeps.layer,
  AlertSweeps.layer
)

/** Messages are handled. Any number of processes may do so at once. */
export const subscriptions = Layer.mergeAll(TradeWorker.subscriptions, PaymentWorker.subscriptions, QueueMetrics.layer)
