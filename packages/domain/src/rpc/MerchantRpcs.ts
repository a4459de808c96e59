import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { ApiKeyMerchantRpcs } from "../identity/ApiKeyRpcs.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { CredentialMerchantRpcs } from "../payments/CredentialRpcs.ts"
import { DisputesMerchantRpcs } from "../payments/DisputeRpcs.ts"
import { PaymentsMerchantRpcs } from "../payments/PaymentsMerchantRpcs.ts"
import { TradeMerchantRpcs } from "../trade/TradeRpc.ts"

/** What the staff of a merchant call. */
export class MerchantRpcs extends CatalogAdminRpcs.merge(
  ApiKeyMerchantRpcs,
  CredentialMerchantRpcs,
  DisputesMerchantRpcs,
  PaymentsMerchantRpcs,
  TradeMerchantRpcs
).middleware(RpcProblems) {}
