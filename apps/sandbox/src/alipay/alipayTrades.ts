import { formatMajor, parseMajor } from "@mall/domain/kernel/Currency"
import { DateTime, Effect } from "effect"
import { randomInt } from "node:crypto"
import type { Order, OrderBook, Refund } from "../OrderBook.ts"
import { failed, refused, successful } from "./alipayAnswers.ts"
import type { OneOrder, OneRefund, OrderContent, RefundContent } from "./alipayContent.ts"
import type { Parameters } from "./AlipaySignature.ts"
import { timeOf, toIso } from "./alipayTime.ts"

export const tradeStatus = ({ state }: Order) =>
  state === "paid" ? "TRADE_SUCCESS" : state === "closed" ? "TRADE_CLOSED" : "WAIT_BUYER_PAY"

const tradeNumber = (nowIso: string) =>
  `${nowIso.slice(0, 10).replaceAll("-", "")}22001${Array.from({ length: 15 }, () => randomInt(10)).join("")}`
/** What the QR code of an order holds. */
export const codeOf = ({ number }: Order) => `https://qr.alipay.com/${number}`

/** The methods about trades and their refunds. */
export const makeAlipayTrades = (book: OrderBook) => {
  /** The order that a page or a QR code is asked for. */
  const open = Effect.fnUntraced(function* (parameters: Parameters, content: OrderContent) {
    return yield* book.create({
      reference: content.out_trade_no,
      number: tradeNumber(DateTime.formatIso(yield* DateTime.now)),
      description: content.subject,
      amount: parseMajor(content.total_amount, "CNY") ?? 0,
      currency: "CNY",
      notifyUrl: parameters["notify_url"] ?? null,
      returnUrl: parameters["return_url"] ?? null,
      expiresAt: content.time_expire === undefined ? null : toIso(content.time_expire),
      details: {}
    })
  })

  const create = Effect.fnUntraced(function* (parameters: Parameters, content: OrderContent) {
    const order = yield* open(parameters, content)
    if (order.state === "paid") return failed("ACQ.TRADE_HAS_SUCCESS")
    if (order.state === "closed") return failed("ACQ.TRADE_HAS_CLOSE")
    return successful({ out_trade_no: order.reference, qr_code: codeOf(order) })
  })

  const query = Effect.fnUntraced(function* ({ out_trade_no }: OneOrder) {
    const order = yield* book.find(out_trade_no)
    return successful({
      out_trade_no: order.reference,
      trade_no: order.number,
      trade_status: tradeStatus(order),
      total_amount: formatMajor(order.amount, order.currency),
      ...(order.paidAt === null ? {} : { send_pay_date: timeOf(order.paidAt) })
    })
  })

  const close = Effect.fnUntraced(function* ({ out_trade_no }: OneOrder) {
    const before = yield* book.find(out_trade_no)
    if (before.state === "closed") return failed("ACQ.TRADE_STATUS_ERROR")
    const order = yield* book.close(out_trade_no)
    return successful({ out_trade_no: order.reference, trade_no: order.number })
  })

  const refund = Effect.fnUntraced(function* (content: RefundContent) {
    const order = yield* book.find(content.out_trade_no)
    const known = book.refundsOf(order.reference).find(({ reference }) => reference === content.out_request_no)
    const accepted = yield* book
      .refund({
        reference: content.out_request_no,
        number: content.out_request_no,
        order: order.reference,
        amount: parseMajor(content.refund_amount, order.currency) ?? 0,
        reason: content.refund_reason ?? ""
      })
      .pipe(
        Effect.mapError((error) =>
          error.reason === "different" ? failed("ACQ.DISCORDANT_REPEAT_REQUEST") : refused(error)
        )
      )
    return successful({
      out_trade_no: order.reference,
      trade_no: order.number,
      fund_change: known === undefined && accepted.state === "succeeded" ? "Y" : "N",
      refund_fee: formatMajor(book.refunded(order.reference), order.currency)
    })
  })

  const refundQuery = Effect.fnUntraced(function* ({ out_request_no, out_trade_no }: OneRefund) {
    const order = yield* book.find(out_trade_no)
    const found: Refund | undefined = book
      .refundsOf(order.reference)
      .find(({ reference, state }) => reference === out_request_no && state !== "closed" && state !== "failed")
    return successful(
      found === undefined
        ? {}
        : {
            out_trade_no: order.reference,
            trade_no: order.number,
            out_request_no: found.reference,
            refund_amount: formatMajor(found.amount, order.currency),
            ...(found.state === "succeeded" ? { refund_status: "REFUND_SUCCESS" } : {})
          }
    )
  })

  return { open, create, query, close, refund, refundQuery }
}
