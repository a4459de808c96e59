import { Effect, Schema } from "effect"
import { failed } from "./alipayAnswers.ts"
import type { Parameters } from "./AlipaySignature.ts"

const Text = (maximum: number) => Schema.NonEmptyString.check(Schema.isMaxCodePoints(maximum))
const Yuan = Schema.String.check(Schema.isPattern(/^(?!0+(\.0+)?$)\d{1,9}(\.\d{1,2})?$/))
/** What an order is asked for with. */
const OrderContent = Schema.Struct({
  out_trade_no: Text(64),
  total_amount: Yuan,
  subject: Text(256),
  time_expire: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/)))
})
const OneOrder = Schema.Struct({ out_trade_no: Text(64) })
const RefundContent = Schema.Struct({
  out_trade_no: Text(64),
  out_request_no: Text(64),
  refund_amount: Yuan,
  refund_reason: Schema.optionalKey(Text(256))
})
const BillContent = Schema.Struct({ bill_type: Schema.Literal("trade"), bill_date: Text(10) })
const OneRefund = Schema.Struct({ out_trade_no: Text(64), out_request_no: Text(64) })

/** Of a request's `biz_content`. */
const decode = <A, I>(schema: Schema.Codec<A, I>) => {
  const json = Schema.decodeEffect(Schema.fromJsonString(schema))
  return (parameters: Parameters) =>
    Effect.mapError(json(parameters["biz_content"] ?? ""), () => failed("ACQ.INVALID_PARAMETER"))
}
export const decodeOrder = decode(OrderContent)
export const decodeOne = decode(OneOrder)
export const decodeRefund = decode(RefundContent)
export const decodeOneRefund = decode(OneRefund)
export const decodeBill = decode(BillContent)
export type OrderContent = typeof OrderContent.Type
export type OneOrder = typeof OneOrder.Type
export type RefundContent = typeof RefundContent.Type
export type OneRefund = typeof OneRefund.Type
