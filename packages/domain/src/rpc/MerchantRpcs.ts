import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { ApiKeyMerchantRpcs } from "../identity/ApiKeyRpcs.ts"
import { StaffMerchantRpcs } from "../identity/PolicyRpcs.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { LedgerMerchantRpcs } from "../ledger/LedgerRpcs.ts"
import { TermsMerchantRpcs } from "../merchants/TermsRpcs.ts"
import { AuditMerchantRpcs } from "../operations/AuditApi.ts"
import { CredentialMerchantRpcs } from "../payments/CredentialRpcs.ts"
import { DisputesMerchantRpcs } from "../payments/DisputeRpcs.ts"
import { PaymentsMerchantRpcs } from "../payments/PaymentsMerchantRpcs.ts"
import { TradeMerchantRpcs } from "../trade/TradeRpc.ts"
import { ExchangeMerchantRpcs } from "../treasury/ExchangeRpcs.ts"
import { OwnReconciliationRpcs } from "../treasury/OwnReconciliationRpcs.ts"
import { PayoutMerchantRpcs } from "../treasury/PayoutRpcs.ts"
import { SettlementMerchantRpcs } from "../treasury/SettlementRpcs.ts"
import { MerchantProfileRpcs } from "../merchants/MerchantRpcs.ts"

/** What the staff of a merchant call. */
export class MerchantRpcs extends CatalogAdminRpcs.merge(
  ApiKeyMerchantRpcs,
  AuditMerchantRpcs,
  CredentialMerchantRpcs,
  DisputesMerchantRpcs,
  ExchangeMerchantRpcs,
  LedgerMerchantRpcs,
  MerchantProfileRpcs,
  OwnReconciliationRpcs,
  PaymentsMerchantRpcs,
  PayoutMerchantRpcs,
  SettlementMerchantRpcs,
  StaffMerchantRpcs,
  TermsMerchantRpcs,
  TradeMerchantRpcs
).middleware(RpcProblems) {}
