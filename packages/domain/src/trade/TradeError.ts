import { Schema } from "effect"
import { SkuId } from "../catalog/Catalog.ts"
import { Money } from "../kernel/Money.ts"
import { Problem } from "../kernel/Problem.ts"
import { CheckoutId, OrderId, OrderStatus } from "./Order.ts"

/** Fewer pieces are left than asked for. Nothing of the checkout was ordered. */
export class StockShort extends Problem<StockShort>()("StockShort", {
  status: 409,
  title: "Not enough stock",
  fields: { skuId: SkuId, available: Schema.Int },
  detail: ({ available }) => (available === 0 ? "Sold out" : `Only ${available} left`)
}) {}

/** The SKU does not exist or is not for sale now. */
export class ProductUnavailable extends Problem<ProductUnavailable>()("ProductUnavailable", {
  status: 409,
  title: "A product is not for sale",
  fields: { skuId: SkuId }
}) {}

/** The checkout would not cost what the buyer expected. */
export class PriceChanged extends Problem<PriceChanged>()("PriceChanged", {
  status: 409,
  title: "The price has changed",
  fields: { expected: Money, actual: Money }
}) {}

/** There is nothing in the cart to buy. */
export class CartEmpty extends Problem<CartEmpty>()("CartEmpty", {
  status: 422,
  title: "The cart is empty"
}) {}

/** A cart or checkout has a maximum of lines, and of pieces in each line. */
export class CartLimitExceeded extends Problem<CartLimitExceeded>()("CartLimitExceeded", {
  status: 422,
  title: "More than a cart may hold",
  fields: { limit: Schema.Literals(["lines", "quantity"]), maximum: Schema.Int },
  detail: ({ limit, maximum }) =>
    limit === "lines" ? `At most ${maximum} lines` : `At most ${maximum} pieces of one product`
}) {}

/** The total is beyond what can be represented, let alone paid. */
export class TotalTooLarge extends Problem<TotalTooLarge>()("TotalTooLarge", {
  status: 422,
  title: "The total is too large"
}) {}

/** Coupons cannot be redeemed at checkout yet. */
export class CouponsNotAccepted extends Problem<CouponsNotAccepted>()("CouponsNotAccepted", {
  status: 422,
  title: "Coupons are not accepted yet; check out without them"
}) {}

/** The id that the caller chose for this checkout belongs to another one. */
export class CheckoutIdTaken extends Problem<CheckoutIdTaken>()("CheckoutIdTaken", {
  status: 409,
  title: "This checkout id is taken",
  fields: { checkoutId: CheckoutId }
}) {}

/** The token opens no cart: it was never issued, or its cart was merged by somebody else or has been cleared away. */
export class CartNotFound extends Problem<CartNotFound>()("CartNotFound", {
  status: 404,
  title: "There is no such cart"
}) {}

/** The cart has no line of this SKU. */
export class CartItemNotFound extends Problem<CartItemNotFound>()("CartItemNotFound", {
  status: 404,
  title: "The cart has no such item",
  fields: { skuId: SkuId }
}) {}

/** No such order, or it is somebody else's. */
export class OrderNotFound extends Problem<OrderNotFound>()("OrderNotFound", {
  status: 404,
  title: "There is no such order",
  fields: { orderId: OrderId }
}) {}

/** The order is in a state in which this cannot be done. */
export class OrderStateConflict extends Problem<OrderStateConflict>()("OrderStateConflict", {
  status: 409,
  title: "The order is not in a state for this",
  fields: { orderId: OrderId, orderStatus: OrderStatus },
  detail: ({ orderStatus }) => `The order is ${orderStatus}`
}) {}
