import { mayEverywhere, shopOf } from "@mall/domain/identity/CurrentUser"
import type { Principal, UserId } from "@mall/domain/identity/CurrentUser"
import type { PostalAddress } from "@mall/domain/identity/AddressBook"
import { maskAddress } from "@mall/domain/identity/maskAddress"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { Actor, OrderStatus } from "@mall/domain/trade/Order"
import type { Tenant } from "@mall/platform/Tenancy"
import { Option } from "effect"
import type { SqlClient } from "effect/sql"
import type { Fragment } from "effect/sql/Statement"

/** Whose orders a caller reaches; all others do not exist for them. */
export type OrderScope =
  | { readonly _tag: "Bought"; readonly userId: UserId }
  | { readonly _tag: "Sold"; readonly merchantId: MerchantId }
  | { readonly _tag: "BoughtOrSold"; readonly userId: UserId; readonly merchantId: MerchantId }
  | { readonly _tag: "BoughtAndSold"; readonly userId: UserId; readonly merchantId: MerchantId }
  /** `userId` is the admin who looks; none is an operator at the machine. */
  | { readonly _tag: "Every"; readonly userId?: UserId }
  | { readonly _tag: "None" }

const isAdmin = (principal: Principal) => mayEverywhere(principal, "orders:administer")

/** The shop whose orders are the caller's business: not every role within a shop has to do with them. */
const shop = (principal: Principal) => shopOf(principal, "orders:fulfil", "orders:read")

/** What the caller bought. */
export const boughtBy = ({ userId }: Principal): OrderScope => ({ _tag: "Bought", userId })

/** What the caller's shop sold; everything for an admin. */
export const soldBy = (principal: Principal): OrderScope =>
  isAdmin(principal)
    ? { _tag: "Every", userId: principal.userId }
    : Option.match(shop(principal), {
        onNone: () => ({ _tag: "None" }),
        onSome: (merchantId) => ({ _tag: "Sold", merchantId })
      })

/** What the caller has to do with, as buyer, as staff of the shop or as admin. */
export const within = (principal: Principal): OrderScope =>
  isAdmin(principal)
    ? { _tag: "Every", userId: principal.userId }
    : Option.match(shop(principal), {
        onNone: () => boughtBy(principal),
        onSome: (merchantId) => ({ _tag: "BoughtOrSold", userId: principal.userId, merchantId })
      })

/** Who the database is told that a caller is, so that it too keeps others' rows from staff. Buyers' ways are short without. */
export const tenantOf = (scope: OrderScope): Tenant | undefined => {
  switch (scope._tag) {
    case "Sold":
      return { merchantId: scope.merchantId }
    case "BoughtOrSold":
      return { merchantId: scope.merchantId, userId: scope.userId }
    case "Bought":
    case "BoughtAndSold":
    case "Every":
    case "None":
      return undefined
  }
}

/** The scope as a condition on `trade.orders`. */
export const condition = (sql: SqlClient.SqlClient, scope: OrderScope): Fragment => {
  switch (scope._tag) {
    case "Bought":
      return sql`orders.user_id = ${scope.userId}`
    case "Sold":
      return sql`orders.merchant_id = ${scope.merchantId}`
    case "BoughtOrSold":
      return sql`(orders.user_id = ${scope.userId} OR orders.merchant_id = ${scope.merchantId})`
    case "BoughtAndSold":
      return sql`(orders.user_id = ${scope.userId} AND orders.merchant_id = ${scope.merchantId})`
    case "Every":
      return sql`TRUE`
    case "None":
      return sql`FALSE`
  }
}

/** Whether an order is within the scope. */
export const isWithin =
  (scope: OrderScope) =>
  (order: { readonly userId: UserId; readonly merchantId: MerchantId }): boolean => {
    switch (scope._tag) {
      case "Bought":
        return order.userId === scope.userId
      case "Sold":
        return order.merchantId === scope.merchantId
      case "BoughtOrSold":
        return order.userId === scope.userId || order.merchantId === scope.merchantId
      case "BoughtAndSold":
        return order.userId === scope.userId && order.merchantId === scope.merchantId
      case "Every":
        return true
      case "None":
        return false
    }
  }

/** In which part the caller touches an order: what the history says of who did it. */
export const actorOf = (
  principal: Principal,
  order: { readonly userId: UserId; readonly merchantId: MerchantId }
): Actor => {
  if (order.userId === principal.userId) return { kind: "buyer", id: principal.userId }
  const isStaff = Option.exists(shop(principal), (merchantId) => merchantId === order.merchantId)
  return { kind: isStaff ? "merchant" : "admin", id: principal.userId }
}

/** While the merchant owes the goods, or they are on their way. */
const shipping: ReadonlySet<OrderStatus> = new Set(["paid", "shipped", "delivered"])

/**
 * The address of an order as one with that scope sees it: whole for its buyer, for the merchant while the goods are to be
 * sent, and for an operator at the machine; else masked.
 */
export const visibleAddress = (
  scope: OrderScope,
  order: { readonly userId: UserId; readonly status: OrderStatus; readonly address: PostalAddress }
): PostalAddress => {
  const shipped = () => (shipping.has(order.status) ? order.address : maskAddress(order.address))
  switch (scope._tag) {
    case "Bought":
    case "BoughtAndSold":
      return order.address
    case "Sold":
      return shipped()
    case "BoughtOrSold":
      return order.userId === scope.userId ? order.address : shipped()
    case "Every":
      return scope.userId === undefined || scope.userId === order.userId ? order.address : maskAddress(order.address)
    case "None":
      return maskAddress(order.address)
  }
}

/**
 * The payment of an order as one with that scope sees it. Where orders of several shops share it, what it comes to and what went
 * back of it tell of the other shops' sales: the staff of one are not shown it.
 */
export const visiblePayment = <Payment>(
  scope: OrderScope,
  order: { readonly userId: UserId; readonly total: number; readonly checkoutTotal: number },
  payment: Payment
) => {
  const isStaff = scope._tag === "Sold" || (scope._tag === "BoughtOrSold" && order.userId !== scope.userId)
  return isStaff && order.total !== order.checkoutTotal ? undefined : payment
}
