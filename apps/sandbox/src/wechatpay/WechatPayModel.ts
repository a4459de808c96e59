import * as StateMachine from "@mall/domain/kernel/StateMachine"
import { DateTime, Effect, Schema } from "effect"
import { inBeijing } from "../beijing.ts"

export const TradeState = Schema.Literals(["NOTPAY", "USERPAYING", "PAYERROR", "SUCCESS", "CLOSED", "REFUND"])
export type TradeState = typeof TradeState.Type

/** A payer may try again after a failure, and decline before deciding; what was closed or paid stays so. */
export const tradeStates = StateMachine.make<TradeState>({
  NOTPAY: ["USERPAYING", "PAYERROR", "SUCCESS", "CLOSED"],
  USERPAYING: ["NOTPAY", "PAYERROR", "SUCCESS", "CLOSED"],
  PAYERROR: ["USERPAYING", "SUCCESS", "CLOSED"],
  SUCCESS: ["REFUND"],
  CLOSED: [],
  REFUND: []
})

/** `trade_state_desc`, and the same for readers of English. */
export const tradeStateTexts: Readonly<Record<TradeState, { readonly zh: string; readonly en: string }>> = {
  NOTPAY: { zh: "订单未支付", en: "Not paid" },
  USERPAYING: { zh: "用户支付中", en: "Payer is paying" },
  PAYERROR: { zh: "支付失败", en: "Payment failed" },
  SUCCESS: { zh: "支付成功", en: "Paid" },
  CLOSED: { zh: "订单已关闭", en: "Closed" },
  REFUND: { zh: "订单发生过退款", en: "Refunded, in part or whole" }
}

/** How the payer pays: by a QR code, within WeChat, or from a browser of a phone. */
export const TradeType = Schema.Literals(["NATIVE", "JSAPI", "MWEB"])
export type TradeType = typeof TradeType.Type

/** An order as the channel keeps it. Amounts in fen, times in ISO 8601. */
export const Order = Schema.Struct({
  outTradeNo: Schema.String,
  appid: Schema.String,
  mchid: Schema.String,
  description: Schema.String,
  notifyUrl: Schema.String,
  total: Schema.Int,
  attach: Schema.NullOr(Schema.String),
  timeExpire: Schema.NullOr(Schema.String),
  codeUrl: Schema.String,
  tradeType: TradeType.pipe(Schema.withDecodingDefaultKey(Effect.succeed("NATIVE" as const))),
  createdAt: Schema.String,
  state: TradeState,
  payment: Schema.NullOr(
    Schema.Struct({
      transactionId: Schema.String,
      payerTotal: Schema.Int,
      openid: Schema.String,
      paidAt: Schema.String
    })
  )
})
export type Order = typeof Order.Type

export const RefundStatus = Schema.Literals(["PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL"])
export type RefundStatus = typeof RefundStatus.Type

export const Refund = Schema.Struct({
  outRefundNo: Schema.String,
  refundId: Schema.String,
  outTradeNo: Schema.String,
  transactionId: Schema.String,
  reason: Schema.NullOr(Schema.String),
  notifyUrl: Schema.NullOr(Schema.String),
  refund: Schema.Int,
  total: Schema.Int,
  payerTotal: Schema.Int,
  createdAt: Schema.String,
  status: RefundStatus,
  settledAt: Schema.NullOr(Schema.String)
})
export type Refund = typeof Refund.Type

/** `2026-01-02T11:04:05+08:00`: how WeChat Pay writes times. */
export const formatTime = (iso: string) => inBeijing(DateTime.makeUnsafe(iso)).replace(/\.\d+/, "")

const Text = (maximum: number) => Schema.NonEmptyString.check(Schema.isMaxCodePoints(maximum))
const Fen = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000_000 }))

const OutTradeNo = Schema.String.check(Schema.isPattern(/^[0-9A-Za-z_\-|*]{6,32}$/))
const OutRefundNo = Schema.String.check(Schema.isPattern(/^[0-9A-Za-z_\-|*@]{1,64}$/))

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/
const Rfc3339 = Schema.String.check(
  Schema.isPattern(rfc3339),
  Schema.makeFilter((text) => !Number.isNaN(Date.parse(text)) || "a time that exists")
)

/** As documented: absolute, without query; plain http is let through, since a sandbox's merchant runs at home. */
const NotifyUrl = Schema.String.check(
  Schema.isMaxLength(255),
  Schema.makeFilter((text) => {
    const url = URL.parse(text)
    const isAbsolute = url !== null && (url.protocol === "https:" || url.protocol === "http:")
    return (isAbsolute && url.search === "") || "an absolute http(s) address without a query"
  })
)

/** `POST v3/pay/transactions/native`, and what the other ways add. Parts that do not bear on payment (`detail`, `scene_info`, …) are let through. */
export const NativeRequest = Schema.Struct({
  appid: Text(32),
  mchid: Text(32),
  description: Text(127),
  out_trade_no: OutTradeNo,
  time_expire: Schema.optionalKey(Rfc3339),
  attach: Schema.optionalKey(Schema.String.check(Schema.isMaxCodePoints(128))),
  notify_url: NotifyUrl,
  amount: Schema.Struct({ total: Fen, currency: Schema.optionalKey(Schema.Literal("CNY")) })
})
export type NativeRequest = typeof NativeRequest.Type

/** `POST v3/pay/transactions/jsapi`. */
export const JsapiRequest = Schema.Struct({ ...NativeRequest.fields, payer: Schema.Struct({ openid: Text(128) }) })

/** `POST v3/pay/transactions/h5`. */
export const H5Request = Schema.Struct({
  ...NativeRequest.fields,
  scene_info: Schema.Struct({ payer_client_ip: Text(45), h5_info: Schema.Struct({ type: Text(32) }) })
})

export const CloseRequest = Schema.Struct({ mchid: Text(32) })

/** `POST v3/refund/domestic/refunds`. One of the two numbers of the order is needed. */
export const RefundRequest = Schema.Struct({
  transaction_id: Schema.optionalKey(Text(32)),
  out_trade_no: Schema.optionalKey(OutTradeNo),
  out_refund_no: OutRefundNo,
  reason: Schema.optionalKey(Schema.String.check(Schema.isMaxCodePoints(80))),
  notify_url: Schema.optionalKey(NotifyUrl),
  amount: Schema.Struct({ refund: Fen, total: Fen, currency: Schema.Literal("CNY") })
}).check(
  Schema.makeFilter(
    ({ out_trade_no, transaction_id }) =>
      out_trade_no !== undefined || transaction_id !== undefined || "out_trade_no or transaction_id"
  )
)
export type RefundRequest = typeof RefundRequest.Type
