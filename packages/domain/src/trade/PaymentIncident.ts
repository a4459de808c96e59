import { Schema } from "effect"
import { PaymentId } from "../payments/PaymentGateway.ts"
import { CheckoutId } from "./Order.ts"

/**
 * Something about a payment that a person should know of:
 * - `amount_mismatch`: not the total of the checkout was paid; its orders stay unpaid until somebody decides;
 * - `paid_late`: the money came when the orders were canceled already; it is refunded in full by itself;
 * - `late_refund_refused`, `late_refund_failed`: that refund did not succeed, and the money is still here;
 * - `refund_unmatched`: money of paid orders went back by a refund that none of them or of their returns waits for.
 */
export const PaymentIncident = Schema.Struct({
  paymentId: PaymentId,
  checkoutId: CheckoutId,
  kind: Schema.Literals([
    "amount_mismatch",
    "paid_late",
    "late_refund_refused",
    "late_refund_failed",
    "refund_unmatched"
  ]),
  detail: Schema.String,
  at: Schema.Date
}).annotate({ identifier: "PaymentIncident" })
export type PaymentIncident = typeof PaymentIncident.Type
