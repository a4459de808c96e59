import { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import { PostalAddress } from "@mall/domain/identity/AddressBook"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { Currency } from "@mall/domain/kernel/Currency"
import { LocalizedText } from "@mall/domain/kernel/LocalizedText"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import type { PaymentSummary } from "@mall/domain/payments/PaymentGateway"
import { ActorKind, CheckoutId, OrderId, OrderStatus } from "@mall/domain/trade/Order"
import type { Order, OrderEvent, OrderLine } from "@mall/domain/trade/Order"
import { sealedFields } from "@mall/platform/sealing/PersonalDataTable"
import { Schema } from "effect"
import { StoredAddress } from "./sealedOrder.ts"

/** A row of `trade.orders` with what it needs of its checkout. */
export const OrderRow = Schema.Struct({
  id: OrderId,
  checkoutId: CheckoutId,
  paymentId: PaymentId,
  userId: UserId,
  merchantId: MerchantId,
  status: OrderStatus,
  currency: Currency,
  total: MinorUnits,
  checkoutTotal: MinorUnits,
  address: PostalAddress,
  remark: Schema.String,
  carrier: Schema.NullOr(Schema.String),
  trackingNumber: Schema.NullOr(Schema.String),
  refundId: Schema.NullOr(RefundId),
  placedAt: Schema.Date,
  expiresAt: Schema.Date,
  paidAt: Schema.NullOr(Schema.Date),
  shippedAt: Schema.NullOr(Schema.Date),
  deliveredAt: Schema.NullOr(Schema.Date)
})
export type OrderRow = typeof OrderRow.Type

/** The row as it is stored. */
export const StoredOrderRow = Schema.Struct({ ...OrderRow.fields, address: StoredAddress, ...sealedFields })

export const LineRow = Schema.Struct({
  orderId: OrderId,
  skuId: SkuId,
  productId: ProductId,
  quantity: Schema.Int,
  unitPrice: MinorUnits,
  title: LocalizedText,
  options: Schema.Record(Schema.String, Schema.String),
  imageUrl: Schema.NullOr(Schema.String),
  returned: Schema.Int,
  refunded: MinorUnits
})

export const EventRow = Schema.Struct({
  orderId: OrderId,
  fromStatus: Schema.NullOr(OrderStatus),
  toStatus: OrderStatus,
  actorKind: ActorKind,
  actorId: Schema.NullOr(UserId),
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
})

/** What a change of state tells of an order that it changed. */
export const MovedOrder = Schema.Struct({
  id: OrderId,
  checkoutId: CheckoutId,
  userId: UserId,
  merchantId: MerchantId,
  currency: Currency,
  total: MinorUnits
})
export type MovedOrder = typeof MovedOrder.Type

const lineOf = (row: typeof LineRow.Type, currency: Currency): OrderLine => {
  const unitPrice = Money.of(row.unitPrice, currency)
  return {
    skuId: row.skuId,
    productId: row.productId,
    title: row.title,
    options: row.options,
    imageUrl: row.imageUrl,
    quantity: row.quantity,
    unitPrice,
    total: unitPrice.times(row.quantity),
    returned: row.returned,
    refunded: Money.of(row.refunded, currency)
  }
}

const eventOf = ({
  actorId,
  actorKind,
  at,
  fromStatus,
  reason,
  toStatus,
  traceId
}: typeof EventRow.Type): OrderEvent => ({
  from: fromStatus,
  to: toStatus,
  actor: { kind: actorKind, id: actorId },
  reason,
  traceId,
  at
})

/** An order as its parties see it; lines and events are those of this order, in their order. */
export const orderOf = (
  row: OrderRow,
  lines: ReadonlyArray<typeof LineRow.Type>,
  events: ReadonlyArray<typeof EventRow.Type>,
  payment: PaymentSummary | undefined
): Order => ({
  id: row.id,
  checkoutId: row.checkoutId,
  merchantId: row.merchantId,
  status: row.status,
  total: Money.of(row.total, row.currency),
  lines: lines.map((line) => lineOf(line, row.currency)),
  address: row.address,
  remark: row.remark,
  shipment:
    row.carrier === null || row.trackingNumber === null
      ? null
      : { carrier: row.carrier, trackingNumber: row.trackingNumber },
  placedAt: row.placedAt,
  expiresAt: row.expiresAt,
  paidAt: row.paidAt,
  shippedAt: row.shippedAt,
  deliveredAt: row.deliveredAt,
  history: events.map(eventOf),
  payment: payment ?? null
})
