import { RpcProblems } from "../kernel/Problems.ts"
import { LedgerAdminRpcs, LedgerMerchantRpcs } from "../ledger/LedgerRpcs.ts"
import { TermsAdminRpcs, TermsMerchantRpcs } from "../merchants/TermsRpcs.ts"
import { CredentialAdminRpcs, CredentialMerchantRpcs } from "../payments/CredentialRpcs.ts"
import { DisputesAdminRpcs, DisputesMerchantRpcs } from "../payments/DisputeRpcs.ts"
import { PaymentGatewayRpcs } from "../payments/PaymentGatewayRpcs.ts"
import { PaymentsAdminRpcs } from "../payments/PaymentsAdminRpcs.ts"
import { PaymentsMerchantRpcs } from "../payments/PaymentsMerchantRpcs.ts"
import { PaymentsStorefrontRpcs } from "../payments/PaymentsStorefrontRpcs.ts"
import { RiskAdminRpcs } from "../risk/RiskRpcs.ts"
import { ExchangeAdminRpcs, ExchangeMerchantRpcs } from "../treasury/ExchangeRpcs.ts"
import { OwnReconciliationRpcs } from "../treasury/OwnReconciliationRpcs.ts"
import { PayoutAdminRpcs, PayoutMerchantRpcs } from "../treasury/PayoutRpcs.ts"
import { ReconciliationAdminRpcs } from "../treasury/ReconciliationRpcs.ts"
import { SettlementAdminRpcs, SettlementMerchantRpcs } from "../treasury/SettlementRpcs.ts"
import { OperationsRpcs } from "./OperationsRpcs.ts"

/** What a process serves that runs the pay platform alone: the part of each audience that is its own, and the port for the mall. */
export class PayRpcs extends PaymentGatewayRpcs.merge(
  CredentialAdminRpcs,
  CredentialMerchantRpcs,
  DisputesAdminRpcs,
  DisputesMerchantRpcs,
  ExchangeAdminRpcs,
  ExchangeMerchantRpcs,
  LedgerAdminRpcs,
  LedgerMerchantRpcs,
  OperationsRpcs,
  OwnReconciliationRpcs,
  PaymentsAdminRpcs,
  PaymentsMerchantRpcs,
  PaymentsStorefrontRpcs,
  PayoutAdminRpcs,
  PayoutMerchantRpcs,
  ReconciliationAdminRpcs,
  RiskAdminRpcs,
  SettlementAdminRpcs,
  SettlementMerchantRpcs,
  TermsAdminRpcs,
  TermsMerchantRpcs
).middleware(RpcProblems) {}
