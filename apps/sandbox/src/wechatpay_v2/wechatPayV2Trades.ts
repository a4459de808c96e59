import { DateTime, Effect } from "effect"
import { createHash } from "node:crypto"
import { inBeijing } from "../beijing.ts"
import type { Order, OrderBook, Refund } from "../OrderBook.ts"
import { makeNumber } from "../wechatpay/WechatPayOrders.ts"
import { WechatPayV2Refused } from "./WechatPayV2Refused.ts"
import type { Fields } from "./wechatPayV2Xml.ts"

const formatTime = (iso: string) => inBeijing(DateTime.makeUnsafe(iso)).slice(0, 19).replaceAll(/[-:T]/g, "")
const toIso = (time: string) => time.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1-$2-$3T$4:$5:$6+08:00")

const tradeState = (order: Order, refunded: number) =>
  order.state === "paid"
    ? refunded > 0
      ? "REFUND"
      : "SUCCESS"
    : order.state === "closed"
      ? "CLOSED"
      : order.state === "failed"
        ? "PAYERROR"
        : "NOTPAY"

export const refundStatus: Readonly<Record<Refund["state"], string>> = {
  processing: "PROCESSING",
  succeeded: "SUCCESS",
  failed: "CHANGE",
  closed: "REFUNDCLOSE"
}

export const codeOf = ({ reference }: Order) =>
  `weixin://wxpay/bizpayurl?pr=${createHash("sha256").update(`v2 ${reference}`).digest("base64url").slice(0, 11)}`

/** What a query answers and a notice tells of an order that is paid. */
export const paidFields = (order: Order): Fields => ({
  transaction_id: order.number,
  out_trade_no: order.reference,
  total_fee: String(order.amount),
  cash_fee: String(order.amount),
  fee_type: order.currency,
  trade_type: order.details["trade_type"] ?? "NATIVE",
  bank_type: "OTHERS",
  openid: `o${createHash("sha256").update(order.reference).digest("base64url").slice(0, 27)}`,
  time_end: formatTime(order.paidAt ?? order.createdAt)
})

/** The questions about orders and their refunds: what each says and is answered with, signatures aside. */
export const makeWechatPayV2Trades = (book: OrderBook) => {
  const create = Effect.fnUntraced(function* (fields: Fields) {
    const total = Number(fields["total_fee"])
    const { body = "", notify_url = null, out_trade_no = "", time_expire, trade_type = "" } = fields
    if (!Number.isSafeInteger(total) || total < 1 || out_trade_no === "")
      return yield* new WechatPayV2Refused({ code: "PARAM_ERROR" })
    if (!["NATIVE", "JSAPI", "MWEB"].includes(trade_type)) return yield* new WechatPayV2Refused({ code: "PARAM_ERROR" })
    if (trade_type === "MWEB" && fields["scene_info"] === undefined)
      return yield* new WechatPayV2Refused({ code: "PARAM_ERROR" })
    if (trade_type === "JSAPI" && fields["openid"] === undefined)
      return yield* new WechatPayV2Refused({ code: "PARAM_ERROR" })
    const now = DateTime.formatIso(yield* DateTime.now)
    const order = yield* book.create({
      reference: out_trade_no,
      number: makeNumber("4200", now),
      description: body,
      amount: total,
      currency: "CNY",
      notifyUrl: notify_url,
      returnUrl: null,
      expiresAt: time_expire === undefined ? null : toIso(time_expire),
      details: { trade_type }
    })
    if (order.state === "paid") return yield* new WechatPayV2Refused({ code: "ORDERPAID" })
    if (order.state === "closed") return yield* new WechatPayV2Refused({ code: "ORDERCLOSED" })
    const prepay_id = `wx${order.reference}`
    const answer: Fields = {
      trade_type,
      prepay_id,
      ...(trade_type === "NATIVE" ? { code_url: codeOf(order) } : {}),
      ...(trade_type === "MWEB"
        ? { mweb_url: `https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=${prepay_id}` }
        : {})
    }
    return answer
  })

  const query = Effect.fnUntraced(function* ({ out_trade_no = "" }: Fields) {
    const order = yield* book.find(out_trade_no)
    const answer: Fields = {
      out_trade_no: order.reference,
      trade_state: tradeState(order, book.refunded(order.reference)),
      total_fee: String(order.amount),
      fee_type: order.currency,
      ...(order.state === "paid" ? paidFields(order) : {})
    }
    return answer
  })

  const close = Effect.fnUntraced(function* ({ out_trade_no = "" }: Fields) {
    const before = yield* book.find(out_trade_no)
    if (before.state === "closed") return yield* new WechatPayV2Refused({ code: "ORDERCLOSED" })
    yield* book.close(out_trade_no)
    const answer: Fields = {}
    return answer
  })

  const refund = Effect.fnUntraced(function* (fields: Fields) {
    const { out_refund_no = "", out_trade_no = "", refund_desc = "", refund_fee } = fields
    const order = yield* book.find(out_trade_no)
    if (Number(fields["total_fee"]) !== order.amount)
      return yield* new WechatPayV2Refused({ code: "REFUND_FEE_MISMATCH" })
    const accepted = yield* book.refund({
      reference: out_refund_no,
      number: makeNumber("5030", DateTime.formatIso(yield* DateTime.now)),
      order: order.reference,
      amount: Number(refund_fee),
      reason: refund_desc
    })
    const answer: Fields = {
      out_trade_no: order.reference,
      transaction_id: order.number,
      out_refund_no: accepted.reference,
      refund_id: accepted.number,
      refund_fee: String(accepted.amount),
      total_fee: String(order.amount)
    }
    return answer
  })

  const refundQuery = Effect.fnUntraced(function* ({ out_refund_no = "" }: Fields) {
    const found = yield* Effect.mapError(
      book.findRefund(out_refund_no),
      () => new WechatPayV2Refused({ code: "REFUNDNOTEXIST" })
    )
    const order = yield* book.find(found.order)
    const answer: Fields = {
      out_trade_no: order.reference,
      transaction_id: order.number,
      total_fee: String(order.amount),
      refund_count: "1",
      out_refund_no_0: found.reference,
      refund_id_0: found.number,
      refund_fee_0: String(found.amount),
      refund_status_0: refundStatus[found.state]
    }
    return answer
  })

  return { create, query, close, refund, refundQuery }
}
