import { formatMajor, parseMajor } from "@mall/domain/kernel/Currency"
import type { Currency } from "@mall/domain/kernel/Currency"
import type { Schema } from "effect"
import { createHash } from "node:crypto"
import type { Order, OrderBook, Refund } from "../OrderBook.ts"

/** PayPal takes no decimals of these. */
const whole: ReadonlySet<Currency> = new Set<Currency>(["HUF", "JPY", "TWD"])

const toValue = (amount: number, currency: Currency) =>
  whole.has(currency) ? formatMajor(amount, currency).replace(/\..*$/, "") : formatMajor(amount, currency)

/** Undefined for what PayPal does not take. */
export const fromValue = (value: string, currency: Currency) =>
  whole.has(currency) && value.includes(".") ? undefined : parseMajor(value, currency)

/** A number of PayPal's kind that is always the same for the same text. */
export const idOf = (kind: string, text: string) =>
  createHash("sha256").update(`${kind} ${text}`).digest("hex").toUpperCase().slice(0, 17)

/** As PayPal writes amounts. */
export const money = (amount: number, currency: Currency) => ({
  currency_code: currency,
  value: toValue(amount, currency)
})

/** Whether the buyer agreed. */
export const isApproved = ({ memory }: Order) => memory["approved"] === "yes"

/** The buyer agreed, and the merchant may take the money. */
export const isAgreed = (order: Order) => isApproved(order) && order.state !== "paid" && order.state !== "closed"

const statusOf = (order: Order) =>
  order.state === "paid"
    ? "COMPLETED"
    : order.state === "closed"
      ? "VOIDED"
      : isApproved(order)
        ? "APPROVED"
        : "PAYER_ACTION_REQUIRED"

const refundStatus: Readonly<Record<Refund["state"], string>> = {
  processing: "PENDING",
  succeeded: "COMPLETED",
  failed: "FAILED",
  closed: "CANCELLED"
}

export const toRefund = (refund: Refund, order: Order): Schema.JsonObject => ({
  id: refund.number,
  status: refundStatus[refund.state],
  amount: money(refund.amount, order.currency),
  custom_id: refund.reference,
  invoice_id: refund.reference,
  note_to_payer: refund.reason,
  create_time: refund.createdAt
})

export const toCapture = (order: Order, book: OrderBook, merchantId: string): Schema.JsonObject => {
  const refunded = book.refunded(order.reference)
  return {
    id: idOf("capture", order.reference),
    status: refunded === 0 ? "COMPLETED" : refunded < order.amount ? "PARTIALLY_REFUNDED" : "REFUNDED",
    amount: money(order.amount, order.currency),
    final_capture: true,
    custom_id: order.reference,
    invoice_id: order.reference,
    payee: { merchant_id: merchantId },
    supplementary_data: { related_ids: { order_id: order.number } },
    ...(order.paidAt === null ? {} : { create_time: order.paidAt })
  }
}

export const toOrder = (order: Order, book: OrderBook, merchantId: string, pageUrl: string): Schema.JsonObject => ({
  id: order.number,
  intent: "CAPTURE",
  status: statusOf(order),
  create_time: order.createdAt,
  purchase_units: [
    {
      reference_id: "default",
      custom_id: order.reference,
      invoice_id: order.reference,
      description: order.description,
      amount: money(order.amount, order.currency),
      payee: { merchant_id: merchantId },
      ...(order.state === "paid"
        ? {
            payments: {
              captures: [toCapture(order, book, merchantId)],
              refunds: book.refundsOf(order.reference).map((refund) => toRefund(refund, order))
            }
          }
        : {})
    }
  ],
  links: [{ rel: "payer-action", method: "GET", href: pageUrl }]
})
