import { Option, Schema } from "effect"
import { ChannelText } from "../Channel.ts"
import type { ChannelPayment, ChannelRefundState } from "../Channel.ts"
import { fromPaypalMoney, PaypalMoney } from "./paypalAmount.ts"

const Id = ChannelText.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/))
/** PayPal writes times of UTC and of the Pacific alike. */
const Time = Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/))
const Payee = Schema.Struct({ merchant_id: Schema.optionalKey(ChannelText) })

export const Capture = Schema.Struct({
  id: Id,
  status: Schema.String,
  amount: PaypalMoney,
  custom_id: Schema.optionalKey(Schema.String),
  create_time: Schema.optionalKey(Time),
  payee: Schema.optionalKey(Payee),
  supplementary_data: Schema.optionalKey(
    Schema.Struct({ related_ids: Schema.optionalKey(Schema.Struct({ order_id: Schema.optionalKey(Id) })) })
  )
})
export type Capture = typeof Capture.Type

export const PaypalRefund = Schema.Struct({
  id: Id,
  status: Schema.String,
  amount: PaypalMoney,
  custom_id: Schema.optionalKey(Schema.String)
})
export type PaypalRefund = typeof PaypalRefund.Type

export const PaypalOrder = Schema.Struct({
  id: Id,
  status: Schema.String,
  links: Schema.optionalKey(Schema.Array(Schema.Struct({ rel: Schema.String, href: Schema.String }))),
  purchase_units: Schema.Array(
    Schema.Struct({
      custom_id: Schema.optionalKey(Schema.String),
      payee: Schema.optionalKey(Payee),
      payments: Schema.optionalKey(
        Schema.Struct({
          captures: Schema.optionalKey(Schema.Array(Capture)),
          refunds: Schema.optionalKey(Schema.Array(PaypalRefund))
        })
      )
    })
  )
})
export type PaypalOrder = typeof PaypalOrder.Type

const cameToNothing: ReadonlySet<string> = new Set(["DECLINED", "FAILED"])

/** The capture that counts: one that took the money, or may still, before those that came to nothing and were tried again. */
export const captureOf = ({ purchase_units: [unit] }: PaypalOrder) => {
  const captures = unit?.payments?.captures ?? []
  return captures.find(({ status }) => !cameToNothing.has(status)) ?? captures[0]
}
export const refundsOf = ({ purchase_units: [unit] }: PaypalOrder) => unit?.payments?.refunds ?? []

/** What a capture says of the payment of the order `orderId`; none where it cannot be read. */
export const toPayment = (
  capture: Capture,
  orderId: string,
  merchantId: string | undefined,
  at: Date
): Option.Option<ChannelPayment> => {
  switch (capture.status) {
    case "COMPLETED":
    case "PARTIALLY_REFUNDED":
    case "REFUNDED": {
      const account = capture.payee?.merchant_id ?? merchantId
      return Option.map(fromPaypalMoney(capture.amount), (money) => ({
        _tag: "Paid",
        ...money,
        account: account === undefined ? {} : { merchant_id: account },
        channelReference: orderId,
        paidAt: capture.create_time === undefined ? at : new Date(capture.create_time)
      }))
    }
    case "DECLINED":
    case "FAILED":
      return Option.some({ _tag: "Failed", code: `CAPTURE_${capture.status}` })
    case "PENDING":
      return Option.some({ _tag: "Open" })
    default:
      return Option.none()
  }
}

/** None where it cannot be read. */
export const toRefundState = (refund: PaypalRefund): Option.Option<ChannelRefundState> => {
  switch (refund.status) {
    case "COMPLETED":
      return Option.map(fromPaypalMoney(refund.amount), (money) => ({
        _tag: "Refunded",
        ...money,
        account: {},
        channelReference: refund.id
      }))
    case "PENDING":
      return Option.some({ _tag: "Processing", channelReference: refund.id })
    case "FAILED":
    case "CANCELLED":
      return Option.some({ _tag: "Failed", code: `REFUND_${refund.status}` })
    default:
      return Option.none()
  }
}
