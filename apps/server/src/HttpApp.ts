import * as CatalogHttp from "@mall/catalog/CatalogHttp"
import * as CatalogRpcHandlers from "@mall/catalog/CatalogRpcHandlers"
import { MallApi, PayApi, StoreApi } from "@mall/domain/MallApi"
import { PayRpcs } from "@mall/domain/rpc/PayRpcs"
import { StoreRpcs } from "@mall/domain/rpc/StoreRpcs"
import { IdentityHttp, IdentityProvidersHttp, IdentityProvidersRpc, IdentityRpc } from "@mall/identity/Identity"
import * as LedgerHttp from "@mall/ledger/LedgerHttp"
import * as LedgerRpcHandlers from "@mall/ledger/LedgerRpcHandlers"
import * as TermsHttp from "@mall/merchants/terms/TermsHttp"
import * as TermsRpcHandlers from "@mall/merchants/terms/TermsRpcHandlers"
import * as MerchantHttp from "@mall/merchants/MerchantHttp"
import * as MerchantRpcHandlers from "@mall/merchants/MerchantRpcHandlers"
import * as PaymentHttp from "@mall/payments/PaymentHttp"
import * as CredentialRpcHandlers from "@mall/payments/credentials/CredentialRpcHandlers"
import * as PaymentRpcHandlers from "@mall/payments/PaymentRpcHandlers"
import * as AuditEdge from "@mall/platform/audit/AuditEdge"
import * as DoctorEdge from "@mall/platform/doctor/DoctorEdge"
import * as Callers from "@mall/platform/http/Callers"
import * as Edge from "@mall/platform/http/Edge"
import * as SystemRoutes from "@mall/platform/http/SystemRoutes"
import { IdempotentLayer } from "@mall/platform/IdempotentLayer"
import * as OperationsRpcHandlers from "@mall/platform/OperationsRpcHandlers"
import { ProblemsLayer } from "@mall/platform/ProblemsLayer"
import { Queues } from "@mall/platform/Queues"
import { RpcProblemsLayer } from "@mall/platform/RpcProblemsLayer"
import * as RpcShape from "@mall/platform/RpcShape"
import * as RiskHttp from "@mall/risk/RiskHttp"
import * as RiskRpcHandlers from "@mall/risk/RiskRpcHandlers"
import * as ExchangeHttp from "@mall/treasury/exchange/ExchangeHttp"
import * as ExchangeRpcHandlers from "@mall/treasury/exchange/ExchangeRpcHandlers"
import * as PayoutHttp from "@mall/treasury/payouts/PayoutHttp"
import * as PayoutRpcHandlers from "@mall/treasury/payouts/PayoutRpcHandlers"
import * as ReconciliationHttp from "@mall/treasury/reconciliation/ReconciliationHttp"
import * as ReconciliationRpcHandlers from "@mall/treasury/reconciliation/ReconciliationRpcHandlers"
import * as SettlementHttp from "@mall/treasury/settlement/SettlementHttp"
import * as SettlementRpcHandlers from "@mall/treasury/settlement/SettlementRpcHandlers"
import * as TradeHttp from "@mall/trade/TradeHttp"
import * as TradeRpcHandlers from "@mall/trade/TradeRpcHandlers"
import { Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type { HttpApi, HttpApiGroup } from "effect/http-api"
import { RpcSerialization } from "effect/rpc"
import * as ApiReference from "./ApiReference.ts"

/** Every call that a client of any audience may make, or another service; what each needs is declared on it. */
export const MallRpcs = StoreRpcs.merge(PayRpcs)

const store = Layer.mergeAll(
  IdentityHttp,
  IdentityProvidersHttp,
  CatalogHttp.layer,
  TradeHttp.layer,
  MerchantHttp.layer
)
const pay = Layer.mergeAll(
  PaymentHttp.layer,
  LedgerHttp.layer,
  RiskHttp.layer,
  ReconciliationHttp.layer,
  ExchangeHttp.layer,
  PayoutHttp.layer,
  TermsHttp.layer,
  SettlementHttp.layer
)
const operations = Layer.mergeAll(AuditEdge.httpLayer, DoctorEdge.httpLayer)

const storeRpc = Layer.mergeAll(
  IdentityRpc,
  IdentityProvidersRpc,
  CatalogRpcHandlers.layer,
  TradeRpcHandlers.layer,
  MerchantRpcHandlers.layer
)
const payRpc = Layer.mergeAll(
  CredentialRpcHandlers.merchantLayer,
  CredentialRpcHandlers.adminLayer,
  PaymentRpcHandlers.storefrontLayer,
  PaymentRpcHandlers.merchantLayer,
  PaymentRpcHandlers.adminLayer,
  PaymentRpcHandlers.gatewayLayer,
  LedgerRpcHandlers.merchantLayer,
  LedgerRpcHandlers.adminLayer,
  RiskRpcHandlers.adminLayer,
  ReconciliationRpcHandlers.merchantLayer,
  ReconciliationRpcHandlers.adminLayer,
  ExchangeRpcHandlers.merchantLayer,
  ExchangeRpcHandlers.adminLayer,
  PayoutRpcHandlers.merchantLayer,
  PayoutRpcHandlers.adminLayer,
  TermsRpcHandlers.layer,
  SettlementRpcHandlers.merchantLayer,
  SettlementRpcHandlers.adminLayer
)
const operationsRpc = Layer.mergeAll(
  AuditEdge.rpcLayer,
  DoctorEdge.rpcLayer,
  OperationsRpcHandlers.layer.pipe(Layer.provide(Queues.layer))
)

const HttpEdge = Layer.mergeAll(Callers.layer, IdempotentLayer, ProblemsLayer)
const RpcEdge = Layer.mergeAll(Callers.layer, RpcProblemsLayer, RpcSerialization.layerNdjson)
const openapiPath = "/openapi.json"
const path = "/rpc"

/** What a process answers: an API and its calls, their reference, and what operators ask every process. */
const surface = <Id extends string, Groups extends HttpApiGroup.Constraint, E, R, E2, R2>(
  api: HttpApi.HttpApi<Id, Groups>,
  http: Layer.Layer<never, E, R>,
  rpc: Layer.Layer<never, E2, R2>
) =>
  Layer.mergeAll(
    Layer.provide(http, HttpEdge),
    Layer.provide(rpc, RpcEdge),
    ApiReference.layer(api),
    SystemRoutes.layer
  )

/** The whole HTTP surface behind the edge, over the services of `Contexts.layer`. */
export const layer = Edge.serve(
  surface(
    MallApi,
    HttpApiBuilder.layer(MallApi, { openapiPath }).pipe(Layer.provide([store, pay, operations])),
    RpcShape.layerHttp({ group: MallRpcs, path }).pipe(Layer.provide([storeRpc, payRpc, operationsRpc]))
  )
)

/** That of the mall without the pay platform, over `Contexts.layerStore`. */
export const layerStore = Edge.serve(
  surface(
    StoreApi,
    HttpApiBuilder.layer(StoreApi, { openapiPath }).pipe(Layer.provide([store, operations])),
    RpcShape.layerHttp({ group: StoreRpcs, path }).pipe(Layer.provide([storeRpc, operationsRpc]))
  )
)

/** That of the pay platform alone, over `Contexts.layerPay`. */
export const layerPay = Edge.serve(
  surface(
    PayApi,
    HttpApiBuilder.layer(PayApi, { openapiPath }).pipe(Layer.provide([pay, operations])),
    RpcShape.layerHttp({ group: PayRpcs, path }).pipe(Layer.provide([payRpc, operationsRpc]))
  )
)
