import { DateTime, Duration, Effect, Option, Schema } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { BillChanges } from "../BillChanges.ts"
import { beijingDay, bookRows } from "../bookRows.ts"
import { Callbacks } from "../Callbacks.ts"
import type { Channel, ChannelRequest, Notice, Operation, OrderView, Reply } from "../Channel.ts"
import type { Tampering } from "../Fault.ts"
import { makeOrderBook } from "../OrderBook.ts"
import type { BookRefused, Order, Refund } from "../OrderBook.ts"
import { toOrderView } from "../orderView.ts"
import { wechatPayBillText } from "../wechatpay/wechatPayBillText.ts"
import { makeNumber } from "../wechatpay/WechatPayOrders.ts"
import { loadKeys } from "./WechatPayV2Keys.ts"
import { encryptRefund, fromXml, signatureOf, toXml } from "./wechatPayV2Xml.ts"
import type { Fields } from "./wechatPayV2Xml.ts"

/** WeChat Pay's schedule: 15 deliveries after the first, over 24 hours and 4 minutes. */
const pauses = [
  ...[15, 15, 30].map(Duration.seconds),
  ...[3, 10, 20, 30, 30, 30, 60].map(Duration.minutes),
  ...[3, 3, 3, 6, 6].map(Duration.hours)
]

/** What the platform answers instead of what was asked for. */
class Refused extends Schema.TaggedError<Refused>()("Refused", { code: Schema.String }) {
  override get message() {
    return `WeChat Pay refuses: ${this.code}`
  }
}

const refusals: Readonly<Record<BookRefused["reason"], string>> = {
  unknown: "ORDERNOTEXIST",
  different: "OUT_TRADE_NO_USED",
  paid: "ORDERPAID",
  closed: "ORDERCLOSED",
  notPaid: "TRADE_STATE_ERROR",
  exceeds: "REFUND_FEE_MISMATCH",
  expired: "PARAM_ERROR"
}

const beijing = DateTime.zoneMakeOffset(8 * 60 * 60 * 1000)
const formatTime = (iso: string) =>
  DateTime.formatIsoOffset(DateTime.setZone(DateTime.makeUnsafe(iso), beijing))
    .slice(0, 19)
    .replaceAll(/[-:T]/g, "")
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

const refundStatus: Readonly<Record<Refund["state"], string>> = {
  processing: "PROCESSING",
  succeeded: "SUCCESS",
  failed: "CHANGE",
  closed: "REFUNDCLOSE"
}

const codeOf = ({ reference }: Order) =>
  `weixin://wxpay/bizpayurl?pr=${createHash("sha256").update(`v2 ${reference}`).digest("base64url").slice(0, 11)}`

/** Fields with something untrue in them. */
const falsify = (fields: Fields, tampering: Tampering | undefined): Fields => {
  const replace = (name: string, value: string) => (name in fields ? { ...fields, [name]: value } : fields)
  switch (tampering) {
    case "amount": {
      const more = (name: string) => (name in fields ? { [name]: String(Number(fields[name]) + 1) } : {})
      return { ...fields, ...more("total_fee"), ...more("refund_fee_0") }
    }
    case "currency":
      return { ...fields, fee_type: "USD" }
    case "merchant":
      return replace("mch_id", "1900000000")
    case "reference":
      return replace("out_trade_no", "another-order")
    default:
      return fields
  }
}

const textsOf = (payload: Schema.JsonObject): Fields =>
  Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, String(value)]))

const noBill = (message: string): Reply => ({
  status: 200,
  payload: undefined,
  file: toXml({ return_code: "FAIL", return_msg: message, error_code: "20002" }),
  verdict: message
})

/** WeChat Pay, API v2: documents in XML, signed with a shared key. */
export const makeWechatPayV2 = Effect.gen(function* () {
  const { apiKey, appid, mchid } = yield* loadKeys
  const book = yield* makeOrderBook("wechatpay_v2")
  const callbacks = yield* Callbacks
  const changes = yield* BillChanges
  const nonce = () => randomBytes(16).toString("hex")

  const signed = (fields: Fields, tampering: Tampering | undefined) => {
    const told = falsify({ ...fields, nonce_str: nonce() }, tampering)
    const forged = tampering === "signature" || tampering === "serial"
    const sign = signatureOf(told, forged ? nonce() : apiKey, "HMAC-SHA256")
    return toXml({ ...told, ...(tampering === "body" ? { total_fee: "1" } : {}), sign })
  }

  const sealNotice = ({ event, payload }: Notice, tampering: Tampering | undefined) =>
    Effect.sync(() => {
      const fields = textsOf(payload)
      // a refund's notice is not signed, what it tells is encrypted
      const body = event.startsWith("REFUND")
        ? toXml({
            return_code: "SUCCESS",
            appid,
            mch_id: mchid,
            nonce_str: nonce(),
            req_info: encryptRefund(fields, apiKey)
          })
        : signed(fields, tampering)
      return { headers: { "content-type": "text/xml; charset=utf-8" }, body }
    })

  const notify = yield* callbacks.register("wechatpay_v2", {
    seal: sealNotice,
    isAcknowledged: (status, body) => status === 200 && body.includes("<return_code><![CDATA[SUCCESS]]></return_code>"),
    pauses
  })

  const paid = (order: Order): Fields => ({
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
  const ours: Fields = { return_code: "SUCCESS", return_msg: "OK", result_code: "SUCCESS", appid, mch_id: mchid }

  yield* book.start((refund, order) => {
    const url = order.details["refund_notify_url"] ?? order.notifyUrl
    return url === null
      ? Effect.void
      : notify({
          event: "REFUND",
          reference: refund.reference,
          url,
          payload: {
            out_refund_no: refund.reference,
            refund_id: refund.number,
            out_trade_no: order.reference,
            transaction_id: order.number,
            refund_fee: String(refund.amount),
            total_fee: String(order.amount),
            refund_status: refundStatus[refund.state]
          }
        })
  })

  const create = Effect.fnUntraced(function* (fields: Fields) {
    const total = Number(fields["total_fee"])
    const { body = "", notify_url = null, out_trade_no = "", time_expire, trade_type = "" } = fields
    if (!Number.isSafeInteger(total) || total < 1 || out_trade_no === "")
      return yield* new Refused({ code: "PARAM_ERROR" })
    if (!["NATIVE", "JSAPI", "MWEB"].includes(trade_type)) return yield* new Refused({ code: "PARAM_ERROR" })
    if (trade_type === "JSAPI" && fields["openid"] === undefined) return yield* new Refused({ code: "PARAM_ERROR" })
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
    if (order.state === "paid") return yield* new Refused({ code: "ORDERPAID" })
    if (order.state === "closed") return yield* new Refused({ code: "ORDERCLOSED" })
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
      ...(order.state === "paid" ? paid(order) : {})
    }
    return answer
  })

  const close = Effect.fnUntraced(function* ({ out_trade_no = "" }: Fields) {
    const before = yield* book.find(out_trade_no)
    if (before.state === "closed") return yield* new Refused({ code: "ORDERCLOSED" })
    yield* book.close(out_trade_no)
    const answer: Fields = {}
    return answer
  })

  const refund = Effect.fnUntraced(function* (fields: Fields) {
    const { out_refund_no = "", out_trade_no = "", refund_desc = "", refund_fee } = fields
    const order = yield* book.find(out_trade_no)
    if (Number(fields["total_fee"]) !== order.amount) return yield* new Refused({ code: "REFUND_FEE_MISMATCH" })
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
    const found = yield* Effect.mapError(book.findRefund(out_refund_no), () => new Refused({ code: "REFUNDNOTEXIST" }))
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

  /** Neither a bill nor why there is none is signed. */
  const bill = Effect.fnUntraced(function* ({ body }: ChannelRequest) {
    const fields = fromXml(body)
    const digits = fields["bill_date"] ?? ""
    const day = beijingDay(digits.replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3"))
    if (!isOurs(fields)) return noBill("SIGN ERROR")
    if (day === undefined || fields["bill_type"] !== "ALL") return noBill("data format error")
    const rows = yield* changes.bill("wechatpay_v2", yield* bookRows(book), day)
    if (rows.length === 0) return noBill("No Bill Exist")
    const reply: Reply = {
      ...{ status: 200, payload: undefined, verdict: "accepted" },
      file: wechatPayBillText(rows, { appid, mchid })
    }
    return reply
  })

  const isOurs = (fields: Fields) =>
    fields["mch_id"] === mchid && fields["appid"] === appid && fields["sign"] === signatureOf(fields, apiKey)

  const failed = (code: string, status = 200): Reply => ({
    status,
    payload: { return_code: "SUCCESS", result_code: "FAIL", appid, mch_id: mchid, err_code: code, err_code_des: code },
    verdict: code
  })

  const route = (
    operation: Operation,
    path: `/${string}`,
    handle: (fields: Fields) => Effect.Effect<Fields, Refused | BookRefused>
  ) => ({
    operation,
    method: "POST" as const,
    path,
    handle: (request: ChannelRequest): Effect.Effect<Reply> => {
      const fields = fromXml(request.body)
      return (isOurs(fields) ? handle(fields) : Effect.fail(new Refused({ code: "SIGNERROR" }))).pipe(
        Effect.map((answer): Reply => ({ status: 200, payload: { ...ours, ...answer }, verdict: "accepted" })),
        Effect.catchTags({
          Refused: ({ code }) => Effect.succeed(failed(code)),
          BookRefused: ({ reason }) => Effect.succeed(failed(refusals[reason]))
        })
      )
    }
  })

  const view = (order: Order): OrderView => toOrderView("wechatpay_v2", mchid, book, order, codeOf(order))

  const channel: Channel = {
    id: "wechatpay_v2",
    title: { zh: "微信支付 v2", en: "WeChat Pay v2" },
    routes: [
      route("create", "/pay/unifiedorder", create),
      route("query", "/pay/orderquery", query),
      route("close", "/pay/closeorder", close),
      route("refund", "/secapi/pay/refund", refund),
      route("refundQuery", "/pay/refundquery", refundQuery),
      { operation: "bill", method: "POST", path: "/pay/downloadbill", handle: bill }
    ],
    refusal: (status, code) => failed(code ?? "SYSTEMERROR", status),
    seal: ({ file, payload }, tampering) =>
      Effect.sync(() => ({
        headers: { "content-type": file === undefined ? "text/xml; charset=utf-8" : "text/plain; charset=utf-8" },
        body: file ?? (payload === undefined ? "" : signed(textsOf(payload), tampering))
      })),
    orders: Effect.map(book.list, (orders) => orders.map(view)),
    order: (reference) => Effect.map(book.look(reference), Option.map(view)),
    scan: (code) =>
      Effect.map(book.list, (orders) =>
        Option.map(Option.fromUndefinedOr(orders.find((order) => codeOf(order) === code)), view)
      ),
    act: Effect.fnUntraced(function* (reference, action, options) {
      const order = yield* book.act(reference, action, { ...options, failure: "PAYERROR" })
      if (action === "pay" && order.notifyUrl !== null) {
        yield* notify({ event: "PAYMENT", reference, url: order.notifyUrl, payload: { ...ours, ...paid(order) } })
      }
      return view(order)
    }),
    settleRefund: book.settle,
    reset: book.clear
  }
  return channel
})
