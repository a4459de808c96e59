import { CatalogAdminRpcs, CatalogStorefrontRpcs } from "../catalog/CatalogRpc.ts"
import { ApiKeyAdminRpcs, ApiKeyMerchantRpcs } from "../identity/ApiKeyRpcs.ts"
import { IdentityAdminRpcs, IdentityStorefrontRpcs } from "../identity/IdentityRpcs.ts"
import { BlockAdminRpcs, PolicyAdminRpcs, StaffMerchantRpcs } from "../identity/PolicyRpcs.ts"
import { ProviderStorefrontRpcs } from "../identity/ProviderRpcs.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { MerchantAdminRpcs, MerchantApplicationRpcs, MerchantProfileRpcs } from "../merchants/MerchantRpcs.ts"
import { TradeAdminRpcs, TradeMerchantRpcs, TradeStorefrontRpcs } from "../trade/TradeRpc.ts"
import { OperationsRpcs } from "./OperationsRpcs.ts"

/** What a process serves that runs the mall without the pay platform: the part of each audience that is the mall's. */
export class StoreRpcs extends CatalogStorefrontRpcs.merge(
  ApiKeyAdminRpcs,
  ApiKeyMerchantRpcs,
  BlockAdminRpcs,
  CatalogAdminRpcs,
  IdentityAdminRpcs,
  IdentityStorefrontRpcs,
  MerchantAdminRpcs,
  MerchantApplicationRpcs,
  MerchantProfileRpcs,
  OperationsRpcs,
  PolicyAdminRpcs,
  ProviderStorefrontRpcs,
  StaffMerchantRpcs,
  TradeAdminRpcs,
  TradeMerchantRpcs,
  TradeStorefrontRpcs
).middleware(RpcProblems) {}
