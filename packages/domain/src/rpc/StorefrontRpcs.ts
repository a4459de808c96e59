import { CatalogStorefrontRpcs } from "../catalog/CatalogRpc.ts"
import { IdentityStorefrontRpcs } from "../identity/IdentityRpcs.ts"
import { ProviderStorefrontRpcs } from "../identity/ProviderRpcs.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { MerchantApplicationRpcs } from "../merchants/MerchantRpcs.ts"
import { PaymentsStorefrontRpcs } from "../payments/PaymentsStorefrontRpcs.ts"
import { TradeStorefrontRpcs } from "../trade/TradeRpc.ts"

/** What a shop's front end calls. */
export class StorefrontRpcs extends CatalogStorefrontRpcs.merge(
  IdentityStorefrontRpcs,
  ProviderStorefrontRpcs,
  MerchantApplicationRpcs,
  PaymentsStorefrontRpcs,
  TradeStorefrontRpcs
).middleware(RpcProblems) {}
