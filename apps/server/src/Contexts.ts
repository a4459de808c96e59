import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CatalogServices from "@mall/catalog/CatalogServices"
import {
  IdentityCommandLayer,
  IdentityCountryOf,
  IdentityLayer,
  IdentityProvidersLayer,
  personalDataTables
} from "@mall/identity/Identity"
import * as LedgerChecks from "@mall/ledger/LedgerChecks"
import * as LedgerServices from "@mall/ledger/LedgerServices"
import * as DocumentResealing from "@mall/merchants/kyc/DocumentResealing"
import * as MerchantChecks from "@mall/merchants/MerchantChecks"
import * as TermsChecks from "@mall/merchants/terms/TermsChecks"
import * as TermsServices from "@mall/merchants/terms/TermsServices"
import * as PaymentChecks from "@mall/payments/checks/PaymentChecks"
import * as MerchantServices from "@mall/merchants/MerchantServices"
import * as PaymentServices from "@mall/payments/PaymentServices"
import { Alerts } from "@mall/platform/alerts/Alerts"
import { SignalCounts } from "@mall/platform/alerts/SignalCounts"
import { Checks } from "@mall/platform/doctor/Checks"
import { Doctor } from "@mall/platform/doctor/Doctor"
import * as PlatformChecks from "@mall/platform/doctor/PlatformChecks"
import { Doorbell } from "@mall/platform/Doorbell"
import { Idempotency } from "@mall/platform/Idempotency"
import { Notifications } from "@mall/platform/Notifications"
import { Outbox } from "@mall/platform/Outbox"
import { PersonalDataSealing } from "@mall/platform/sealing/PersonalDataSealing"
import { SealedData } from "@mall/platform/sealing/SealedData"
import * as SealedTables from "@mall/platform/sealing/SealedTables"
import * as RiskServices from "@mall/risk/RiskServices"
import * as Stores from "@mall/platform/Stores"
import * as ExchangeChecks from "@mall/treasury/exchange/ExchangeChecks"
import * as ExchangeServices from "@mall/treasury/exchange/ExchangeServices"
import * as PayoutChecks from "@mall/treasury/payouts/PayoutChecks"
import * as PayoutServices from "@mall/treasury/payouts/PayoutServices"
import * as ReconciliationChecks from "@mall/treasury/reconciliation/ReconciliationChecks"
import * as ReconciliationServices from "@mall/treasury/reconciliation/ReconciliationServices"
import * as TradeChecks from "@mall/trade/checks/TradeChecks"
import * as SettlementChecks from "@mall/treasury/settlement/SettlementChecks"
import * as SettlementServices from "@mall/treasury/settlement/SettlementServices"
import * as Inventory from "@mall/trade/Inventory"
import * as Trade from "@mall/trade/Trade"
import { Layer } from "effect"
import { Database } from "./Database.ts"
import * as RemotePay from "./RemotePay.ts"

/** What is sealed of the mall: the tables that hold personal data, and merchants' documents. */
const Sealed = Layer.mergeAll(
  SealedTables.layer([...personalDataTables, ...MerchantServices.personalDataTables, ...Trade.personalDataTables]),
  DocumentResealing.layer
)
/** What the contexts stand on, over the database. */
const Foundation = Layer.mergeAll(
  Checks.layer,
  Outbox.layerNoDeps,
  Idempotency.layer,
  Alerts.layer,
  PersonalDataSealing.layer
).pipe(
  Layer.provideMerge(SealedData.layer),
  Layer.provideMerge(Layer.mergeAll(Stores.layer, SignalCounts.layer)),
  Layer.provideMerge(Doorbell.layerNoDeps),
  Layer.provideMerge(Notifications.layer),
  Layer.provideMerge(NodeServices.layer)
)

/**
 * The pay platform: payments, the books that it writes in its own transactions, who may pay, what merchants pay and get, what is
 * paid out and exchanged, and the comparison with the channels.
 */
const Pay = Layer.mergeAll(
  RiskServices.layerBacktests,
  ReconciliationServices.layer,
  ExchangeServices.layer,
  SettlementServices.layer,
  LedgerChecks.layer,
  PaymentChecks.layer,
  ReconciliationChecks.layer,
  SealedTables.layer([...PaymentServices.personalDataTables, ...PayoutServices.personalDataTables]),
  Layer.mergeAll(TermsChecks.layer, SettlementChecks.layer, PayoutChecks.layer, ExchangeChecks.layer)
).pipe(
  Layer.provideMerge(PayoutServices.layer),
  Layer.provideMerge(PaymentServices.layer.pipe(Layer.provide(IdentityCountryOf))),
  Layer.provideMerge(Layer.mergeAll(LedgerServices.layer, RiskServices.layer, TermsServices.layer))
)

/** What only the pay platform stands on: connections of its own, in whose transactions its messages and its changes leave. */
const PayFoundation = Layer.mergeAll(Layer.fresh(Outbox.layerNoDeps), Layer.fresh(Notifications.layer)).pipe(
  Layer.provideMerge(Database.payPool)
)

/** What stands over the contexts of any process. */
const Examination = Layer.mergeAll(Doctor.layer, PlatformChecks.layer)

/** Trade and merchants need ports of the others, catalog needs only trade's stock, payments the standing of merchants: the order below is the order of the ports. */
const contexts = <A, E, R, P, PE, PR>(identity: Layer.Layer<A, E, R>, pay: Layer.Layer<P, PE, PR>) =>
  Layer.mergeAll(Examination, TradeChecks.layer, MerchantChecks.layer, Sealed).pipe(
    Layer.provideMerge(Layer.mergeAll(Trade.layer, MerchantServices.layer)),
    Layer.provideMerge(CatalogServices.layer),
    Layer.provideMerge(Inventory.layer),
    Layer.provideMerge(Layer.mergeAll(identity, pay)),
    Layer.provideMerge(MerchantServices.layerStanding),
    Layer.provideMerge(Foundation)
  )

const Identity = Layer.provideMerge(IdentityProvidersLayer, IdentityLayer)
const OwnPay = Pay.pipe(Layer.provide(PayFoundation))

/**
 * The services of every context, for a process that serves requests. Needs `Database`, and `PgClient` and `SqlClient` with the
 * rights of the mall.
 */
export const layer = contexts(Identity, OwnPay)

/** The same without the pay platform, which another process runs: no connection of this one has rights on what is the platform's. */
export const layerStore = contexts(Identity, RemotePay.layer)

/**
 * The pay platform alone: besides its own, who callers are and the standing of merchants, which are read with the rights of the
 * mall.
 */
export const layerPay = Examination.pipe(
  Layer.provideMerge(Layer.mergeAll(IdentityLayer, OwnPay)),
  Layer.provideMerge(MerchantServices.layerStanding),
  Layer.provideMerge(Foundation)
)

/** All for a command, which serves no requests and has all rights. */
export const layerCommand = contexts(IdentityCommandLayer, Pay)
