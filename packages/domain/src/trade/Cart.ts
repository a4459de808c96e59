import { Schema } from "effect"
import { ProductId, SkuId } from "../catalog/Catalog.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { LocalizedText } from "../kernel/LocalizedText.ts"
import { Money } from "../kernel/Money.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Quantity } from "./Order.ts"

export const CartId = Uuid7.pipe(Schema.brand("CartId"), Schema.annotate({ identifier: "CartId" }))
export type CartId = typeof CartId.Type

/** One act of adding to a cart: the same one again adds nothing. */
export const CartAdditionId = Uuid7.pipe(
  Schema.brand("CartAdditionId"),
  Schema.annotate({ identifier: "CartAdditionId" })
)
export type CartAdditionId = typeof CartAdditionId.Type

/** The secret that opens a guest's cart: 256 random bits in base64url. Only its hash is kept. */
export const CartToken = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{43}$/)).pipe(
  Schema.brand("CartToken"),
  Schema.annotate({ identifier: "CartToken" })
)
export type CartToken = typeof CartToken.Type

/** What a SKU in a cart is and costs now. */
export const CartOffer = Schema.Struct({
  productId: ProductId,
  merchantId: MerchantId,
  title: LocalizedText,
  options: Schema.Record(Schema.String, Schema.String),
  imageUrl: Schema.NullOr(Schema.String),
  unitPrice: Money
}).annotate({ identifier: "CartOffer" })

/** One line of a cart. `offer` is null where the SKU is no longer sold; such a line has to go before checkout. */
export const CartItem = Schema.Struct({
  skuId: SkuId,
  quantity: Quantity,
  addedAt: Schema.Date,
  /** Pieces that could be ordered a moment ago; a hint, not a promise. */
  available: Schema.Int,
  offer: Schema.NullOr(CartOffer)
}).annotate({ identifier: "CartItem" })
export type CartItem = typeof CartItem.Type

/** A cart with live prices, its lines in the order in which they were added. */
export const Cart = Schema.Struct({
  id: CartId,
  items: Schema.Array(CartItem),
  /** What the lines that are sold cost together; one sum per currency. */
  totals: Schema.Array(Money)
}).annotate({ identifier: "Cart" })
export type Cart = typeof Cart.Type

export const CartAddition = Schema.Struct({ skuId: SkuId, quantity: Quantity }).annotate({ identifier: "CartAddition" })
export type CartAddition = typeof CartAddition.Type
