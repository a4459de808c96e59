import { mayEverywhere } from "@mall/domain/identity/CurrentUser"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { UserId } from "@mall/domain/identity/CurrentUser"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { SqlClient } from "effect/sql"
import type { Tenant } from "@mall/platform/Tenancy"
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

/** Who the database is told that a seller is, so that it too keeps others' goods from them. */
export const tenantOf = ({ shop }: Seller): Tenant | undefined =>
  shop === "every" || Option.isNone(shop) ? undefined : { merchantId: shop.value }

/** The condition that keeps others' rows out of reach, for a table that is named `p` and has a `merchant_id`. */
export const isWithinReach = (sql: SqlClient.SqlClient, seller: Seller) =>
  seller.shop === "every"
    ? sql`TRUE`
    : Option.match(seller.shop, {
        onNone: () => sql`FALSE`,
        onSome: (merchantId) => sql`p.merchant_id = ${merchantId}`
      })
