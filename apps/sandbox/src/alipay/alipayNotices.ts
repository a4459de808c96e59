import { formatMajor } from "@mall/domain/kernel/Currency"
import { DateTime, Duration, Effect } from "effect"
import { Callbacks } from "../Callbacks.ts"
import type { Order, OrderBook } from "../OrderBook.ts"
import type { AlipayKeys } from "./AlipayKeys.ts"
import { signNotice, signText } from "./AlipaySignature.ts"
import type { Parameters } from "./AlipaySignature.ts"
import { formatTime, timeOf } from "./alipayTime.ts"
import { tradeStatus } from "./alipayTrades.ts"
import { falsifyNotice } from "./falsify.ts"

/** Alipay's schedule: 7 deliveries after the first, over 24 hours and 24 minutes. */
const pauses = [...[4, 10, 10].map(Duration.minutes), ...[1, 2, 6, 15].map(Duration.hours)]

const notifyTypes: Readonly<Record<string, string>> = {
  TRADE_SUCCESS: "trade_status_sync",
  REFUND: "trade_status_sync"
}

/** What merchants are told: of payments when they are made, of refunds as the book settles them. */
export const makeAlipayNotices = Effect.fnUntraced(function* (keys: AlipayKeys, book: OrderBook) {
  const callbacks = yield* Callbacks
  const notify = yield* callbacks.register("alipay", {
    seal: Effect.fnUntraced(function* ({ event, id, payload }, tampering) {
      const texts = Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, String(value)]))
      const now = yield* DateTime.now
      const sentAt = tampering === "timestamp" ? DateTime.subtract(now, { minutes: 10 }) : now
      const notice = falsifyNotice(
        {
          ...texts,
          notify_type: notifyTypes[event] ?? event,
          notify_id: id.replaceAll("-", ""),
          notify_time: formatTime(sentAt)
        },
        tampering
      )
      const signed = signNotice(keys, notice)
      const sealed =
        tampering === "signature" || tampering === "serial"
          ? { ...signed, sign: signText(keys, "something else") }
          : tampering === "body"
            ? { ...signed, subject: "altered" }
            : signed
      return {
        headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
        body: new URLSearchParams(sealed).toString()
      }
    }),
    isAcknowledged: (status, body) => status === 200 && body.trim().toLowerCase() === "success",
    pauses
  })

  const noticeOf = (order: Order, more: Parameters = {}): Parameters => ({
    app_id: keys.appId,
    seller_id: keys.sellerId,
    charset: "utf-8",
    version: "1.0",
    trade_no: order.number,
    out_trade_no: order.reference,
    trade_status: tradeStatus(order),
    subject: order.description,
    total_amount: formatMajor(order.amount, order.currency),
    receipt_amount: formatMajor(order.amount, order.currency),
    gmt_create: timeOf(order.createdAt),
    ...(order.paidAt === null ? {} : { gmt_payment: timeOf(order.paidAt) }),
    ...more
  })

  yield* book.start((refund, order) =>
    order.notifyUrl === null || refund.state !== "succeeded"
      ? Effect.void
      : notify({
          event: "REFUND",
          reference: refund.reference,
          url: order.notifyUrl,
          payload: noticeOf(order, {
            out_biz_no: refund.reference,
            refund_fee: formatMajor(book.refunded(order.reference), order.currency),
            gmt_refund: timeOf(refund.settledAt ?? refund.createdAt)
          })
        })
  )

  return {
    paid: (order: Order) =>
      order.notifyUrl === null
        ? Effect.void
        : notify({
            event: "TRADE_SUCCESS",
            reference: order.reference,
            url: order.notifyUrl,
            payload: noticeOf(order)
          })
  }
})
