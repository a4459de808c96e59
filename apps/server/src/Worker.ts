import * as IdentitySweeps from "@mall/identity/IdentitySweeps"
import * as SignInMails from "@mall/identity/signin/SignInMails"
import * as LedgerWorker from "@mall/ledger/LedgerWorker"
import * as MerchantWorker from "@mall/merchants/MerchantWorker"
import * as PaymentWorker from "@mall/payments/PaymentWorker"
import * as AlertSweeps from "@mall/platform/alerts/AlertSweeps"
import * as AuditSweeps from "@mall/platform/audit/AuditSweeps"
import * as DoctorSweeps from "@mall/platform/doctor/DoctorSweeps"
import * as PlatformSweeps from "@mall/platform/PlatformSweeps"
import * as PersonalDataSweeps from "@mall/platform/sealing/PersonalDataSweeps"
import * as QueueMetrics from "@mall/platform/QueueMetrics"
import * as ReviewQueueMetrics from "@mall/risk/ReviewQueueMetrics"
import * as Workflows from "@mall/platform/Workflows"
import * as RiskWorker from "@mall/risk/RiskWorker"
import * as ExchangeWorker from "@mall/treasury/exchange/ExchangeWorker"
import * as PayoutWorker from "@mall/treasury/payouts/PayoutWorker"
import * as ReconciliationWorker from "@mall/treasury/reconciliation/ReconciliationWorker"
import * as SettlementWorker from "@mall/treasury/settlement/SettlementWorker"
import * as TradeWorker from "@mall/trade/TradeWorker"
import { Layer } from "effect"
import { Database } from "./Database.ts"

/** Where the data of both products are: the queues, what was answered, what staff did, what is wrong. Any process may look after them. */
const sharedSweeps = Layer.mergeAll(
  PlatformSweeps.layer,
  AlertSweeps.layer,
  AuditSweeps.layer,
  DoctorSweeps.layer,
  PersonalDataSweeps.layer
)

/** The sweeps of a process without the pay platform. */
export const storeSweeps = Layer.mergeAll(sharedSweeps, TradeWorker.sweeps, MerchantWorker.sweeps, IdentitySweeps.layer)

/** The sweeps of a process with nothing but the pay platform. */
export const paySweeps = Layer.mergeAll(
  sharedSweeps,
  PaymentWorker.sweeps,
  LedgerWorker.sweeps,
  RiskWorker.sweeps,
  ReconciliationWorker.sweeps,
  ExchangeWorker.sweeps,
  PayoutWorker.sweeps,
  SettlementWorker.sweeps
)

/** Every sweep: on its schedule where this process has `Sweeps.layerScheduled`, else only when an operator asks for it. */
export const sweeps = Layer.mergeAll(storeSweeps, paySweeps)

/** What the mall is told, also by the pay platform. Any number of processes may handle messages at once. */
export const storeSubscriptions = Layer.mergeAll(
  TradeWorker.subscriptions,
  MerchantWorker.subscriptions,
  SignInMails.subscriptions.pipe(Layer.provide(SignInMails.SignInMails.layer)),
  QueueMetrics.layer
)

/** What the pay platform is told. */
export const paySubscriptions = Layer.mergeAll(
  PaymentWorker.subscriptions,
  PayoutWorker.subscriptions,
  ReconciliationWorker.subscriptions,
  SettlementWorker.subscriptions.pipe(Layer.provide(Workflows.layer)),
  QueueMetrics.layer,
  ReviewQueueMetrics.layer.pipe(Layer.provide(Database.payPool))
)

/** Every message is handled. */
export const subscriptions = Layer.mergeAll(storeSubscriptions, paySubscriptions)
