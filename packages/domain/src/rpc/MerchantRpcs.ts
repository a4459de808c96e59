import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { CredentialMerchantRpcs } from "../payments/CredentialRpcs.ts"
import { TradeMerchantRpcs } from "../trade/TradeRpc.ts"

/** What the staff of a merchant call. */
export class MerchantRpcs extends CatalogAdminRpcs.merge(CredentialMerchantRpcs, TradeMerchantRpcs).middleware(
  RpcProblems
) {}
