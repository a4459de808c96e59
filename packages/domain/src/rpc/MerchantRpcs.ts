import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { TradeMerchantRpcs } from "../trade/TradeRpc.ts"

/** What the staff of a merchant call. */
export class MerchantRpcs extends CatalogAdminRpcs.merge(TradeMerchantRpcs).middleware(RpcProblems) {}
