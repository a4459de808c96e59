import * as CatalogHttp from "@mall/catalog/CatalogHttp"
import * as CatalogRpcHandlers from "@mall/catalog/CatalogRpcHandlers"
import { MallApi } from "@mall/domain/MallApi"
import { AdminRpcs } from "@mall/domain/rpc/AdminRpcs"
import { MerchantRpcs } from "@mall/domain/rpc/MerchantRpcs"
import { ServiceRpcs } from "@mall/domain/rpc/ServiceRpcs"
import { StorefrontRpcs } from "@mall/domain/rpc/StorefrontRpcs"
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
import { RpcSerialization } from "effect/rpc"
import * as ApiReference from "./ApiReference.ts"

/** Every call that a client of any audience may make, or another service; what each needs is declared on it. */
export const MallRpcs = StorefrontRpcs.merge(MerchantRpcs, AdminRpcs, ServiceRpcs)

const Api = HttpApiBuilder.layer(MallApi, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([
    IdentityHttp,
    IdentityProvidersHttp,
    CatalogHttp.layer,
    TradeHttp.layer,
    PaymentHttp.layer,
    LedgerHttp.layer,
    MerchantHttp.layer,
    AuditEdge.httpLayer,
    DoctorEdge.httpLayer,
    RiskHttp.layer,
    ReconciliationHttp.layer,
    ExchangeHttp.layer,
    PayoutHttp.layer,
    TermsHttp.layer,
    SettlementHttp.layer
  ]),
  Layer.provide([Callers.layer, IdempotentLayer, ProblemsLayer])
)

const Rpc = RpcShape.layerHttp({ group: MallRpcs, path: "/rpc" }).pipe(
  Layer.provide([
    IdentityRpc,
    IdentityProvidersRpc,
    CatalogRpcHandlers.layer,
    TradeRpcHandlers.layer,
    CredentialRpcHandlers.merchantLayer,
    CredentialRpcHandlers.adminLayer,
    PaymentRpcHandlers.storefrontLayer,
    PaymentRpcHandlers.merchantLayer,
    PaymentRpcHandlers.adminLayer,
    PaymentRpcHandlers.gatewayLayer,
    LedgerRpcHandlers.merchantLayer,
    LedgerRpcHandlers.adminLayer,
    MerchantRpcHandlers.layer,
    AuditEdge.rpcLayer,
    DoctorEdge.rpcLayer,
    RiskRpcHandlers.adminLayer,
    ReconciliationRpcHandlers.layer,
    ExchangeRpcHandlers.merchantLayer,
    ExchangeRpcHandlers.adminLayer,
    PayoutRpcHandlers.merchantLayer,
    PayoutRpcHandlers.adminLayer,
    TermsRpcHandlers.layer,
    SettlementRpcHandlers.merchantLayer,
    SettlementRpcHandlers.adminLayer,
    OperationsRpcHandlers.layer.pipe(Layer.provide(Queues.layer))
  ]),
  Layer.provide([Callers.layer, RpcProblemsLayer, RpcSerialization.layerNdjson])
)

/** The whole HTTP surface behind the edge, over the services of `Contexts`. */
export const layer = Edge.serve(Layer.mergeAll(Api, Rpc, ApiReference.layer, SystemRoutes.layer))
