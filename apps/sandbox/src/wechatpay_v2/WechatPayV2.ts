import { Effect } from "effect"
import type { Schema } from "effect"
import { randomBytes } from "node:crypto"
import { beijingDay } from "../beijing.ts"
import { BillChanges } from "../BillChanges.ts"
import { bookRows, whenAsked } from "../bookRows.ts"
import { Callbacks } from "../Callbacks.ts"
import type { Channel, ChannelRequest, Notice, Operation, OrderView, Reply } from "../Channel.ts"
import type { Tampering } from "../Fault.ts"
import { makeOrderBook } from "../OrderBook.ts"
import type { BookRefused, Order } from "../OrderBook.ts"
import { ofBook, toOrderView } from "../orderView.ts"
import { noticePauses } from "../wechatpay/noticePauses.ts"
import { wechatPayBillText } from "../wechatpay/wechatPayBillText.ts"
import { falsify } from "./falsify.ts"
import { loadKeys } from "./WechatPayV2Keys.ts"
import { refusals, WechatPayV2Refused } from "./WechatPayV2Refused.ts"
import { codeOf, makeWechatPayV2Trades, paidFields, refundStatus } from "./wechatPayV2Trades.ts"
import { encryptRefund, fromXml, signatureOf, toXml } from "./wechatPayV2Xml.ts"
import type { Fields } from "./wechatPayV2Xml.ts"

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
  const trades = makeWechatPayV2Trades(book)
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
    pauses: noticePauses
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

  /** Neither a bill nor why there is none is signed. */
  const bill = Effect.fnUntraced(function* ({ body }: ChannelRequest) {
    const fields = fromXml(body)
    const digits = fields["bill_date"] ?? ""
    const day = beijingDay(digits.replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3"))
    if (!isOurs(fields)) return noBill("SIGN ERROR")
    if (day === undefined || fields["bill_type"] !== "ALL") return noBill("data format error")
    const rows = yield* changes.bill("wechatpay_v2", yield* bookRows(book, whenAsked), day)
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
    handle: (fields: Fields) => Effect.Effect<Fields, WechatPayV2Refused | BookRefused>
  ) => ({
    operation,
    method: "POST" as const,
    path,
    handle: (request: ChannelRequest): Effect.Effect<Reply> => {
      const fields = fromXml(request.body)
      return (isOurs(fields) ? handle(fields) : Effect.fail(new WechatPayV2Refused({ code: "SIGNERROR" }))).pipe(
        Effect.map((answer): Reply => ({ status: 200, payload: { ...ours, ...answer }, verdict: "accepted" })),
        Effect.catchTags({
          WechatPayV2Refused: ({ code }) => Effect.succeed(failed(code)),
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
      route("create", "/pay/unifiedorder", trades.create),
      route("query", "/pay/orderquery", trades.query),
      route("close", "/pay/closeorder", trades.close),
      route("refund", "/secapi/pay/refund", trades.refund),
      route("refundQuery", "/pay/refundquery", trades.refundQuery),
      { operation: "bill", method: "POST", path: "/pay/downloadbill", handle: bill }
    ],
    refusal: (status, code) => failed(code ?? "SYSTEMERROR", status),
    seal: ({ file, payload }, tampering) =>
      Effect.sync(() => ({
        headers: { "content-type": file === undefined ? "text/xml; charset=utf-8" : "text/plain; charset=utf-8" },
        body: file ?? (payload === undefined ? "" : signed(textsOf(payload), tampering))
      })),
    ...ofBook(book, view),
    act: Effect.fnUntraced(function* (reference, action, options) {
      const order = yield* book.act(reference, action, { ...options, failure: "PAYERROR" })
      if (action === "pay" && order.notifyUrl !== null) {
        yield* notify({ event: "PAYMENT", reference, url: order.notifyUrl, payload: { ...ours, ...paidFields(order) } })
      }
      return view(order)
    })
  }
  return channel
})
