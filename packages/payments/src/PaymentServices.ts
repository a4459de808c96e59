import { Layer } from "effect"
import { Callbacks } from "./callbacks/Callbacks.ts"
import { CallbackRuns } from "./callbacks/CallbackRuns.ts"
import { CallbackInbox } from "./callbacks/CallbackInbox.ts"
import * as ChannelRegistry from "./channel/ChannelRegistry.ts"
import { CryptoGatherings } from "./channel/crypto/CryptoGatherings.ts"
import { ChannelWatches } from "./lifecycle/ChannelWatches.ts"
import { Closing } from "./lifecycle/Closing.ts"
import * as ChannelBillsLayer from "./bills/ChannelBillsLayer.ts"
import { OwnAccountReads } from "./bills/OwnAccountReads.ts"
import * as SettledPaymentsLayer from "./bills/SettledPaymentsLayer.ts"
import { Brandings } from "./cashier/Brandings.ts"
import { Cashier } from "./cashier/Cashier.ts"
import { Confirmations } from "./lifecycle/Confirmations.ts"
import { ChannelCredentials } from "./credentials/ChannelCredentials.ts"
import { CredentialResealing } from "./credentials/CredentialResealing.ts"
import * as DisputeServices from "./disputes/DisputeServices.ts"
import { evidenceTexts } from "./disputes/EvidenceRepo.ts"
import { Inquiries } from "./lifecycle/Inquiries.ts"
import { ChannelLog } from "./log/ChannelLog.ts"
import { PaymentLog } from "./log/PaymentLog.ts"
import * as PaymentGatewayLayer from "./PaymentGatewayLayer.ts"
import { PaymentIntents } from "./store/PaymentIntents.ts"
import { PaymentOperations } from "./lifecycle/PaymentOperations.ts"
import { PaymentReads } from "./store/PaymentReads.ts"
import { Payments } from "./lifecycle/Payments.ts"
import { PaymentsConfig } from "./PaymentsConfig.ts"
import { PaymentSchedule } from "./store/PaymentSchedule.ts"
import { PaymentStore } from "./store/PaymentStore.ts"
import { sealedPayers } from "./store/sealedPayers.ts"
import * as PaymentOutcomesLayer from "./PaymentOutcomesLayer.ts"
import { Refunds } from "./lifecycle/Refunds.ts"
import { RiskGuard } from "./lifecycle/RiskGuard.ts"
import { ChannelHealth } from "./routing/ChannelHealth.ts"
import { ChannelRouter } from "./routing/ChannelRouter.ts"
import { RoutingTables } from "./routing/RoutingTables.ts"
import { SecurityEvents } from "./callbacks/SecurityEvents.ts"
import { Tickets } from "./lifecycle/Tickets.ts"
import { TryCreation } from "./lifecycle/TryCreation.ts"

/** The tables of payments that hold personal data. */
export const personalDataTables = [evidenceTexts, sealedPayers]

const layerNoDeps = Layer.mergeAll(
  Payments.layerNoDeps,
  PaymentGatewayLayer.layerNoDeps,
  PaymentOperations.layerNoDeps,
  Cashier.layerNoDeps,
  CryptoGatherings.layer,
  Layer.provide(Layer.mergeAll(ChannelBillsLayer.layerNoDeps, SettledPaymentsLayer.layerNoDeps), OwnAccountReads.layer),
  ChannelCredentials.layerNoDeps,
  CredentialResealing.layerNoDeps,
  DisputeServices.layerNoDeps
).pipe(
  Layer.provideMerge(Layer.mergeAll(Callbacks.layerNoDeps, ChannelWatches.layerNoDeps)),
  Layer.provide(CallbackRuns.layerNoDeps),
  Layer.provideMerge(DisputeServices.layerSync),
  Layer.provideMerge(Layer.mergeAll(Confirmations.layerNoDeps, Closing.layerNoDeps)),
  Layer.provideMerge(Layer.mergeAll(ChannelRouter.layerNoDeps, RiskGuard.layerNoDeps, TryCreation.layerNoDeps)),
  Layer.provideMerge(Layer.mergeAll(ChannelHealth.layerNoDeps, RoutingTables.layerNoDeps)),
  Layer.provideMerge(Refunds.layerNoDeps),
  Layer.provideMerge(Layer.mergeAll(Inquiries.layerNoDeps, PaymentIntents.layerNoDeps)),
  Layer.provideMerge(Layer.mergeAll(PaymentStore.layer, PaymentSchedule.layer, Tickets.layerNoDeps)),
  Layer.provideMerge(Layer.mergeAll(SecurityEvents.layerNoDeps, PaymentLog.layerNoDeps)),
  Layer.provideMerge(
    Layer.mergeAll(
      CallbackInbox.layer,
      PaymentReads.layer,
      PaymentOutcomesLayer.layer,
      Brandings.layer,
      PaymentsConfig.layer
    )
  )
)

/**
 * All services of payments and the ports `PaymentGateway`, `PaymentOutcomes`, `ChannelBills` and `SettledPayments`, with the channels
 * that are configured. Needs the ports `FeeSchedule`, `Journal`, `MerchantStanding`, `PaymentPolicies`, `PaymentQuotas` and `RiskCheck`, `SqlClient`, `Outbox`, `Notifications`, `CircuitBreakerStore`,
 * `FileSystem` and `Path`.
 */
export const layer = layerNoDeps.pipe(Layer.provideMerge(ChannelRegistry.layer), Layer.provideMerge(ChannelLog.layer))
