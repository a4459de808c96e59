import { mayEverywhere, shopOf } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Option } from "effect"

/** Whose rows are seen: `all` is for operators, null sees none. */
export type Sees = "all" | MerchantId | null

export const seenBy = (principal: Principal): Sees =>
  mayEverywhere(principal, "payouts:administer") ? "all" : shopSeenBy(principal)

/** Of the shop alone, also where its staff work for the mall besides. */
export const shopSeenBy = (principal: Principal) =>
  Option.getOrNull(shopOf(principal, "payouts:read", "withdrawals:create"))

export const tenantOf = (sees: Sees) => (sees === "all" || sees === null ? undefined : { merchantId: sees })
