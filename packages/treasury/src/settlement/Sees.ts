import { mayEverywhere, shopOf } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Option } from "effect"

/** Whose settlements are seen: `all` is for operators, null sees none. */
export type Sees = "all" | MerchantId | null

export const seenBy = (principal: Principal): Sees =>
  mayEverywhere(principal, "settlements:administer") ? "all" : Option.getOrNull(shopOf(principal, "settlements:read"))

/** The tenant for whom row-level security is to hold. */
export const tenantOf = (sees: Sees) => (sees === "all" || sees === null ? undefined : { merchantId: sees })
