import type { Currency } from "@mall/domain/kernel/Currency"
import type { Schema } from "effect"
import { createHash } from "node:crypto"
import type { Order, Refund } from "../OrderBook.ts"

const seconds = (iso: string) => Math.floor(Date.parse(iso) / 1000)

/** Stripe writes the Icelandic króna, which has no minor unit, with two decimals. */
export const toStripeAmount = (amount: number, currency: Currency) => (currency === "ISK" ? amount * 100 : amount)
export const fromStripeAmount = (amount: number, currency: Currency) => (currency === "ISK" ? amount / 100 : amount)

/** A number of Stripe's kind that is always the same for the same text. */
export const idOf = (prefix: string, text: string) =>
  `${prefix}_${createHash("sha256").update(`${prefix} ${text}`).digest("base64url").replaceAll(/[-_]/g, "x").slice(0, 24)}`

const statusOf = ({ state }: Order) =>
  state === "paid" ? "succeeded" : state === "closed" ? "canceled" : "requires_payment_method"

export const secretOf = ({ number }: Order) => `${number}_secret_${idOf("s", number).slice(2)}`

export const toIntent = (order: Order, isExpanded: boolean): Schema.JsonObject => {
  const chargeId = idOf("ch", order.number)
  const amount = toStripeAmount(order.amount, order.currency)
  return {
    id: order.number,
    object: "payment_intent",
    amount,
    amount_received: order.state === "paid" ? amount : 0,
    currency: order.currency.toLowerCase(),
    status: statusOf(order),
    client_secret: secretOf(order),
    created: seconds(order.createdAt),
    description: order.description,
    livemode: false,
    metadata: { attempt_id: order.reference },
    payment_method_types: ["card"],
    latest_charge:
      order.paidAt === null
        ? null
        : isExpanded
          ? { id: chargeId, object: "charge", created: seconds(order.paidAt), paid: true }
          : chargeId,
    last_payment_error:
      order.failure === null
        ? null
        : { type: "card_error", code: "card_declined", decline_code: order.failure, message: "Your card was declined." }
  }
}

const refundStatus: Readonly<Record<Refund["state"], string>> = {
  processing: "pending",
  succeeded: "succeeded",
  failed: "failed",
  closed: "canceled"
}

export const toRefund = (refund: Refund, order: Order): Schema.JsonObject => ({
  id: refund.number,
  object: "refund",
  amount: toStripeAmount(refund.amount, order.currency),
  currency: order.currency.toLowerCase(),
  charge: idOf("ch", order.number),
  payment_intent: order.number,
  created: seconds(refund.createdAt),
  status: refundStatus[refund.state],
  ...(refund.state === "failed" ? { failure_reason: "expired_or_canceled_card" } : {}),
  metadata: { refund_id: refund.reference, attempt_id: order.reference }
})
