import { Schema } from "effect"
import type { Reply } from "../Channel.ts"
import type { BookRefused } from "../OrderBook.ts"

/** What PayPal answers instead of what was asked for. */
export class PaypalRefused extends Schema.TaggedError<PaypalRefused>()("PaypalRefused", {
  status: Schema.Int,
  name: Schema.String,
  issue: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return `PayPal refuses: ${this.issue ?? this.name}`
  }
}

export const unprocessable = (issue: string) => new PaypalRefused({ status: 422, name: "UNPROCESSABLE_ENTITY", issue })
export const missing = new PaypalRefused({ status: 404, name: "RESOURCE_NOT_FOUND", issue: "INVALID_RESOURCE_ID" })
export const invalid = (issue: string) => new PaypalRefused({ status: 400, name: "INVALID_REQUEST", issue })

export const refusals: Readonly<Record<BookRefused["reason"], PaypalRefused>> = {
  unknown: missing,
  different: unprocessable("DUPLICATE_INVOICE_ID"),
  paid: unprocessable("ORDER_ALREADY_CAPTURED"),
  closed: unprocessable("ORDER_ALREADY_COMPLETED"),
  notPaid: unprocessable("ORDER_NOT_APPROVED"),
  exceeds: unprocessable("REFUND_AMOUNT_EXCEEDED"),
  expired: unprocessable("ORDER_EXPIRED")
}

export const toReply = ({ issue, name, status }: PaypalRefused): Reply => ({
  status,
  payload: {
    name,
    message: "The request was not carried out.",
    debug_id: "sandbox",
    ...(issue === null ? {} : { details: [{ issue, description: issue }] })
  },
  verdict: issue ?? name
})
