import { mayEverywhere } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { UserId } from "@mall/domain/identity/CurrentUser"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { SqlClient } from "effect/sql"
import { Option } from "effect"

/** Whose goods a caller may touch: every shop's, or those of the one whose staff they are, if any. */
export interface Seller {
  readonly actor: UserId
  readonly shop: "every" | Option.Option<MerchantId>
}

/** Goods and their stock go together: who has the one everywhere and the other in a shop stays in the shop with both. */
export const sellerOf = (principal: Principal): Seller => ({
  actor: principal.userId,
  shop:
    mayEverywhere(principal, "catalog:write") && mayEverywhere(principal, "stock:write")
      ? "every"
      : principal.merchantId
})

/** The condition that keeps others' rows out of reach, for a table that is named `p` and has a `merchant_id`. */
export const isWithinReach = (sql: SqlClient.SqlClient, seller: Seller) =>
  seller.shop === "every"
    ? sql`TRUE`
    : Option.match(seller.shop, {
        onNone: () => sql`FALSE`,
        onSome: (merchantId) => sql`p.merchant_id = ${merchantId}`
      })
