import { Schema } from "effect"
import { ProductId, SkuId } from "../catalog/Catalog.ts"
import { PostalAddress } from "../identity/AddressBook.ts"
import { UserId } from "../identity/CurrentUser.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { LocalizedText } from "../kernel/LocalizedText.ts"
import { Money } from "../kernel/Money.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { PaymentSummary } from "../payments/PaymentGateway.ts"

export const OrderId = Uuid7.pipe(Schema.brand("OrderId"), Schema.annotate({ identifier: "OrderId" }))
export type OrderId = typeof OrderId.Type

/** One act of buying: its orders, one per merchant, share one payment. It is the id of the operation that made it. */
export const CheckoutId = Uuid7.pipe(Schema.brand("CheckoutId"), Schema.annotate({ identifier: "CheckoutId" }))
export type CheckoutId = typeof CheckoutId.Type

export const OrderStatus = Schema.Literals([
  "pending_payment",
  "paid",
  "shipped",
  "delivered",
  "completed",
  "canceled",
  "refunding",
  "refunded"
]).annotate({ identifier: "OrderStatus" })
export type OrderStatus = typeof OrderStatus.Type

/** The life of an order. A refund that the channel refuses leads back to `paid`: the merchant still owes the goods. */
export const orderStates = StateMachine.make<OrderStatus>({
  pending_payment: ["paid", "canceled"],
  paid: ["shipped", "refunding"],
  shipped: ["delivered"],
  delivered: ["completed"],
  completed: [],
  canceled: [],
  refunding: ["refunded", "paid"],
  refunded: []
})

/** How many pieces of one SKU a line may hold. */
export const maximumQuantity = 999

/** How many lines a cart or a checkout may hold. */
export const maximumLines = 100

export const Quantity = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maximumQuantity })).annotate({
  identifier: "Quantity"
})

/** A line as it was sold: nothing in it changes with the catalogue. */
export const OrderLine = Schema.Struct({
  skuId: SkuId,
  productId: ProductId,
  title: LocalizedText,
  options: Schema.Record(Schema.String, Schema.String),
  imageUrl: Schema.NullOr(Schema.String),
  quantity: Quantity,
  unitPrice: Money,
  total: Money,
  /** Pieces that came back. */
  returned: Schema.Int,
  /** What was given back for them. */
  refunded: Money
}).annotate({ identifier: "OrderLine" })
export type OrderLine = typeof OrderLine.Type

export const ActorKind = Schema.Literals(["buyer", "merchant", "admin", "system"]).annotate({ identifier: "ActorKind" })
export type ActorKind = typeof ActorKind.Type

/** Who did something; `id` is null for the system itself. */
export const Actor = Schema.Struct({ kind: ActorKind, id: Schema.NullOr(UserId) }).annotate({ identifier: "Actor" })
export type Actor = typeof Actor.Type

export const systemActor: Actor = { kind: "system", id: null }

/**
 * One entry of an order's history, oldest first. `from` is null for the first; where it equals `to`, something was noted
 * or edited and the order stayed as it was.
 */
export const OrderEvent = Schema.Struct({
  from: Schema.NullOr(OrderStatus),
  to: OrderStatus,
  actor: Actor,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "OrderEvent" })
export type OrderEvent = typeof OrderEvent.Type

export const Shipment = Schema.Struct({
  carrier: NonBlankText(64),
  trackingNumber: NonBlankText(64)
}).annotate({ identifier: "Shipment" })
export type Shipment = typeof Shipment.Type

export const Remark = PlainText(500)

/**
 * What one merchant delivers out of one checkout. `payment` is that of the whole checkout: null where it cannot be read now, and
 * for the staff of a shop where other shops have a part in it.
 */
export const Order = Schema.Struct({
  id: OrderId,
  checkoutId: CheckoutId,
  merchantId: MerchantId,
  status: OrderStatus,
  total: Money,
  lines: Schema.Array(OrderLine),
  address: PostalAddress,
  remark: Schema.String,
  shipment: Schema.NullOr(Shipment),
  placedAt: Schema.Date,
  /** Until when it may be paid. */
  expiresAt: Schema.Date,
  paidAt: Schema.NullOr(Schema.Date),
  shippedAt: Schema.NullOr(Schema.Date),
  deliveredAt: Schema.NullOr(Schema.Date),
  history: Schema.Array(OrderEvent),
  payment: Schema.NullOr(PaymentSummary)
}).annotate({ identifier: "Order" })
export type Order = typeof Order.Type
