import { Schema } from "effect"
import { UserId } from "../identity/CurrentUser.ts"
import { Money } from "../kernel/Money.ts"
import * as Topic from "../kernel/Topic.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { PaymentId } from "../payments/PaymentGateway.ts"
import { CheckoutId, OrderId, Shipment } from "./Order.ts"
import { ReturnId } from "./Return.ts"

/** Delivered when the time to pay is up: the checkout is canceled unless it was paid. */
export const orderTimeout = Topic.make("order_timeout", {
  schema: Schema.Struct({ checkoutId: CheckoutId }),
  subscribers: ["trade"],
  id: ({ checkoutId }) => checkoutId
})

/** What every message about an order says; each is told once per order. */
const orderFields = {
  orderId: OrderId,
  checkoutId: CheckoutId,
  userId: UserId,
  merchantId: MerchantId,
  total: Money,
  at: Schema.DateFromString
}

/** An order waits for its payment. */
export const orderPlaced = Topic.make("order_placed", {
  schema: Schema.Struct({ ...orderFields, paymentId: PaymentId }),
  subscribers: [],
  id: ({ orderId }) => orderId
})

/** The money is there: the merchant may pack. */
export const orderPaid = Topic.make("order_paid", {
  schema: Schema.Struct(orderFields),
  subscribers: [],
  id: ({ orderId }) => orderId
})

/** An unpaid order ended; its pieces are for sale again. */
export const orderCanceled = Topic.make("order_canceled", {
  schema: Schema.Struct({ ...orderFields, reason: Schema.String }),
  subscribers: [],
  id: ({ orderId }) => orderId
})

export const orderShipped = Topic.make("order_shipped", {
  schema: Schema.Struct({ ...orderFields, shipment: Shipment }),
  subscribers: [],
  id: ({ orderId }) => orderId
})

export const orderDelivered = Topic.make("order_delivered", {
  schema: Schema.Struct(orderFields),
  subscribers: [],
  id: ({ orderId }) => orderId
})

export const orderCompleted = Topic.make("order_completed", {
  schema: Schema.Struct(orderFields),
  subscribers: [],
  id: ({ orderId }) => orderId
})

/** Goods came back and the buyer has the money for them; told once per return. */
export const orderReturned = Topic.make("order_returned", {
  schema: Schema.Struct({ ...orderFields, returnId: ReturnId, amount: Money }),
  subscribers: [],
  id: ({ returnId }) => returnId
})

/** The whole amount of an order went back to the buyer. */
export const orderRefunded = Topic.make("order_refunded", {
  schema: Schema.Struct(orderFields),
  subscribers: [],
  id: ({ orderId }) => orderId
})
