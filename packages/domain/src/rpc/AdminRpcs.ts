import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { ApiKeyAdminRpcs } from "../identity/ApiKeyRpcs.ts"
import { IdentityAdminRpcs } from "../identity/IdentityRpcs.ts"
import { BlockAdminRpcs, PolicyAdminRpcs } from "../identity/PolicyRpcs.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { LedgerAdminRpcs } from "../ledger/LedgerRpcs.ts"
import { AuditAdminRpcs } from "../operations/AuditApi.ts"
import { TermsAdminRpcs } from "../merchants/TermsRpcs.ts"
import { DoctorAdminRpcs } from "../operations/DoctorApi.ts"
import { OperationsAdminRpcs } from "../operations/OperationsAdminRpcs.ts"
import { DisputesAdminRpcs } from "../payments/DisputeRpcs.ts"
import { CredentialAdminRpcs } from "../payments/CredentialRpcs.ts"
import { PaymentsAdminRpcs } from "../payments/PaymentsAdminRpcs.ts"
import { RiskAdminRpcs } from "../risk/RiskRpcs.ts"
import { TradeAdminRpcs } from "../trade/TradeRpc.ts"
import { ExchangeAdminRpcs } from "../treasury/ExchangeRpcs.ts"
import { PayoutAdminRpcs } from "../treasury/PayoutRpcs.ts"
import { ReconciliationAdminRpcs } from "../treasury/ReconciliationRpcs.ts"
import { SettlementAdminRpcs } from "../treasury/SettlementRpcs.ts"
import { MerchantAdminRpcs } from "../merchants/MerchantRpcs.ts"

/** What the operators' console calls. */
export class AdminRpcs extends CatalogAdminRpcs.merge(
  ApiKeyAdminRpcs,
  IdentityAdminRpcs,
  LedgerAdminRpcs,
  MerchantAdminRpcs,
  PolicyAdminRpcs,
  BlockAdminRpcs,
  OperationsAdminRpcs,
  AuditAdminRpcs,
  DoctorAdminRpcs,
  DisputesAdminRpcs,
  CredentialAdminRpcs,
  PaymentsAdminRpcs,
  PayoutAdminRpcs,
  RiskAdminRpcs,
  ReconciliationAdminRpcs,
  ExchangeAdminRpcs,
  TermsAdminRpcs,
  SettlementAdminRpcs,
  TradeAdminRpcs
).middleware(RpcProblems) {}
