import { Schema } from "effect"
import { AddressId } from "../identity/AddressBook.ts"
import { Money } from "../kernel/Money.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { PaymentSummary } from "../payments/PaymentGateway.ts"
import { CartAddition } from "./Cart.ts"
import { CheckoutId, maximumLines, Order, Remark } from "./Order.ts"

/**
 * What to buy: the listed `items`, or the whole cart where there are none. Lines of the same SKU are taken together.
 * With `expectedTotal` nothing is bought at another price than the buyer saw.
 */
export const CheckoutRequest = Schema.Struct({
  items: Schema.optionalKey(Schema.Array(CartAddition).check(Schema.isMinLength(1), Schema.isMaxLength(maximumLines))),
  cart: Schema.optionalKey(Schema.Boolean),
  addressId: AddressId,
  couponIds: Schema.optionalKey(Schema.Array(NonBlankText(64)).check(Schema.isMaxLength(20))),
  expectedTotal: Schema.optionalKey(Money),
  /** How the buyer means to pay, where known already: it may decide how long the orders wait for the money. */
  paymentMethod: Schema.optionalKey(NonBlankText(32)),
  remark: Schema.optionalKey(Remark)
})
  .check(
    Schema.makeFilter(
      ({ cart, items }: { readonly cart?: boolean; readonly items?: ReadonlyArray<unknown> }) =>
        (items === undefined ? cart !== false : cart !== true) || "give either `items` or `cart: true`"
    )
  )
  .annotate({ identifier: "CheckoutRequest" })
export type CheckoutRequest = typeof CheckoutRequest.Type

export const Checkout = Schema.Struct({
  checkoutId: CheckoutId,
  orders: Schema.Array(Order),
  payment: PaymentSummary
}).annotate({ identifier: "Checkout" })
export type Checkout = typeof Checkout.Type
