import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { AuditMerchantRpcs } from "../operations/AuditApi.ts"
import { CredentialMerchantRpcs } from "../payments/CredentialRpcs.ts"
import { DisputesMerchantRpcs } from "../payments/DisputeRpcs.ts"
import { PaymentsMerchantRpcs } from "../payments/PaymentsMerchantRpcs.ts"
import { TradeMerchantRpcs } from "../trade/TradeRpc.ts"

/** What the staff of a merchant call. */
export class MerchantRpcs extends CatalogAdminRpcs.merge(
  AuditMerchantRpcs,
  CredentialMerchantRpcs,
  DisputesMerchantRpcs,
  PaymentsMerchantRpcs,
  TradeMerchantRpcs
).middleware(RpcProblems) {}
