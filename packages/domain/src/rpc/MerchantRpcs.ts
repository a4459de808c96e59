import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { DisputesMerchantRpcs } from "../payments/DisputeRpcs.ts"
import { TradeMerchantRpcs } from "../trade/TradeRpc.ts"

/** What the staff of a merchant call. */
export class MerchantRpcs extends CatalogAdminRpcs.merge(DisputesMerchantRpcs, TradeMerchantRpcs).middleware(
  RpcProblems
) {}
