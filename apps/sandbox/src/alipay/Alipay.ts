import { formatMajor, parseMajor } from "@mall/domain/kernel/Currency"
import { DateTime, Duration, Effect, Option, Schema } from "effect"
import { randomInt } from "node:crypto"
import { Callbacks } from "../Callbacks.ts"
import type { Channel, ChannelRequest, Operation, OrderView, Reply } from "../Channel.ts"
import type { Tampering } from "../Fault.ts"
import { makeOrderBook } from "../OrderBook.ts"
import type { BookRefused, NewOrder, Order, Refund } from "../OrderBook.ts"
import { toOrderView } from "../orderView.ts"
import { makeAlipayBills } from "./alipayBills.ts"
import { loadKeys } from "./AlipayKeys.ts"
import { formatTime, isSigned, parametersOf, signNotice, signText } from "./AlipaySignature.ts"
import type { Parameters } from "./AlipaySignature.ts"

/** Alipay's schedule: 7 deliveries after the first, over 24 hours and 24 minutes. */
const pauses = [...[4, 10, 10].map(Duration.minutes), ...[1, 2, 6, 15].map(Duration.hours)]

const Text = (maximum: number) => Schema.NonEmptyString.check(Schema.isMaxCodePoints(maximum))
const Yuan = Schema.String.check(Schema.isPattern(/^(?!0+(\.0+)?$)\d{1,9}(\.\d{1,2})?$/))
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

const operations: Readonly<Record<string, Operation>> = {
  "alipay.trade.precreate": "create",
  "alipay.trade.page.pay": "create",
  "alipay.trade.query": "query",
  "alipay.trade.close": "close",
  "alipay.trade.refund": "refund",
  "alipay.trade.fastpay.refund.query": "refundQuery",
  "alipay.data.dataservice.bill.downloadurl.query": "bill"
}

const notifyTypes: Readonly<Record<string, string>> = {
  TRADE_SUCCESS: "trade_status_sync",
  REFUND: "trade_status_sync"
}

/** The name of the node that a method is answered in. */
const nodeOf = (method: string | undefined) => `${(method ?? "error").replaceAll(".", "_")}_response`

type Answer = Schema.JsonObject

const successful = (fields: Answer): Answer => ({ code: "10000", msg: "Success", ...fields })
const failed = (subCode: string, code = "40004", msg = "Business Failed"): Answer => ({
  code,
  msg,
  sub_code: subCode,
  sub_msg: subCode
})

const refusals: Readonly<Record<BookRefused["reason"], string>> = {
  unknown: "ACQ.TRADE_NOT_EXIST",
  different: "ACQ.CONTEXT_INCONSISTENT",
  paid: "ACQ.TRADE_STATUS_ERROR",
  closed: "ACQ.TRADE_STATUS_ERROR",
  notPaid: "ACQ.TRADE_STATUS_ERROR",
  exceeds: "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
  expired: "ACQ.INVALID_PARAMETER"
}

const tradeStatus = ({ state }: Order) =>
  state === "paid" ? "TRADE_SUCCESS" : state === "closed" ? "TRADE_CLOSED" : "WAIT_BUYER_PAY"

const toIso = (time: string) => `${time.replace(" ", "T")}+08:00`
const timeOf = (iso: string) => formatTime(DateTime.makeUnsafe(iso))
const tradeNumber = (nowIso: string) =>
  `${nowIso.slice(0, 10).replaceAll("-", "")}22001${Array.from({ length: 15 }, () => randomInt(10)).join("")}`
const codeOf = ({ number }: Order) => `https://qr.alipay.com/${number}`

const isObject = Schema.is(Schema.JsonObject)
const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

/** The same notice with something untrue in it, signed as if it were true. */
const falsify = (notice: Parameters, tampering: Tampering | undefined): Parameters => {
  switch (tampering) {
    case "amount":
      return { ...notice, total_amount: "0.01" }
    case "currency":
      return { ...notice, trans_currency: "USD", total_amount: "0.07" }
    case "merchant":
      return { ...notice, seller_id: "2088000000000000" }
    case "reference":
      return { ...notice, out_trade_no: "another-order" }
    default:
      return notice
  }
}

/** Alipay's open platform: one gateway, RSA2 over requests, answers and notices. */
export const makeAlipay = Effect.gen(function* () {
  const keys = yield* loadKeys
  const book = yield* makeOrderBook("alipay")
  const bills = yield* makeAlipayBills(keys.sellerId, book)
  const callbacks = yield* Callbacks
  const notify = yield* callbacks.register("alipay", {
    seal: Effect.fnUntraced(function* ({ event, id, payload }, tampering) {
      const texts = Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, String(value)]))
      const now = yield* DateTime.now
      const sentAt = tampering === "timestamp" ? DateTime.subtract(now, { minutes: 10 }) : now
      const notice = falsify(
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

  const newOrder = Effect.fnUntraced(function* (parameters: Parameters, content: typeof OrderContent.Type) {
    const created: NewOrder = {
      reference: content.out_trade_no,
      number: tradeNumber(DateTime.formatIso(yield* DateTime.now)),
      description: content.subject,
      amount: parseMajor(content.total_amount, "CNY") ?? 0,
      currency: "CNY",
      notifyUrl: parameters["notify_url"] ?? null,
      returnUrl: parameters["return_url"] ?? null,
      expiresAt: content.time_expire === undefined ? null : toIso(content.time_expire),
      details: {}
    }
    return created
  })

  const create = Effect.fnUntraced(function* (parameters: Parameters, content: typeof OrderContent.Type) {
    const order = yield* book.create(yield* newOrder(parameters, content))
    if (order.state === "paid") return failed("ACQ.TRADE_HAS_SUCCESS")
    if (order.state === "closed") return failed("ACQ.TRADE_HAS_CLOSE")
    return successful({ out_trade_no: order.reference, qr_code: codeOf(order) })
  })

  const query = Effect.fnUntraced(function* ({ out_trade_no }: typeof OneOrder.Type) {
    const order = yield* book.find(out_trade_no)
    return successful({
      out_trade_no: order.reference,
      trade_no: order.number,
      trade_status: tradeStatus(order),
      total_amount: formatMajor(order.amount, order.currency),
      ...(order.paidAt === null ? {} : { send_pay_date: timeOf(order.paidAt) })
    })
  })

  const close = Effect.fnUntraced(function* ({ out_trade_no }: typeof OneOrder.Type) {
    const before = yield* book.find(out_trade_no)
    if (before.state === "closed") return failed("ACQ.TRADE_STATUS_ERROR")
    const order = yield* book.close(out_trade_no)
    return successful({ out_trade_no: order.reference, trade_no: order.number })
  })

  const refund = Effect.fnUntraced(function* (content: typeof RefundContent.Type) {
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
        Effect.mapError(({ reason }) =>
          reason === "different" ? failed("ACQ.DISCORDANT_REPEAT_REQUEST") : failed(refusals[reason])
        )
      )
    return successful({
      out_trade_no: order.reference,
      trade_no: order.number,
      fund_change: known === undefined && accepted.state === "succeeded" ? "Y" : "N",
      refund_fee: formatMajor(book.refunded(order.reference), order.currency)
    })
  })

  const refundQuery = Effect.fnUntraced(function* ({ out_request_no, out_trade_no }: typeof OneRefund.Type) {
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

  const bill = Effect.fnUntraced(function* ({ bill_date }: typeof BillContent.Type, host: string) {
    const token = yield* bills.announce(bill_date)
    return token === undefined
      ? failed("isp.bill_not_exist")
      : successful({ bill_download_url: `http://${host}/alipay/downloadBillFile.resource?token=${token}` })
  })

  const fetchFile = ({ query: { token } }: ChannelRequest) =>
    Effect.sync((): Reply => {
      const file = bills.file(String(token))
      return file === undefined
        ? { status: 404, payload: undefined, verdict: "unknown" }
        : { status: 200, payload: undefined, file, verdict: "accepted" }
    })

  const decode = <A, I>(schema: Schema.Codec<A, I>) => {
    const json = Schema.decodeEffect(Schema.fromJsonString(schema))
    return (parameters: Parameters) =>
      Effect.mapError(json(parameters["biz_content"] ?? ""), () => failed("ACQ.INVALID_PARAMETER"))
  }
  const decodeOrder = decode(OrderContent)
  const decodeOne = decode(OneOrder)
  const decodeRefund = decode(RefundContent)
  const decodeOneRefund = decode(OneRefund)
  const decodeBill = decode(BillContent)

  const dispatch = (parameters: Parameters, host: string): Effect.Effect<Answer, Answer | BookRefused> => {
    switch (parameters["method"]) {
      case "alipay.trade.precreate":
        return Effect.flatMap(decodeOrder(parameters), (content) => create(parameters, content))
      case "alipay.trade.query":
        return Effect.flatMap(decodeOne(parameters), query)
      case "alipay.trade.close":
        return Effect.flatMap(decodeOne(parameters), close)
      case "alipay.trade.refund":
        return Effect.flatMap(decodeRefund(parameters), refund)
      case "alipay.trade.fastpay.refund.query":
        return Effect.flatMap(decodeOneRefund(parameters), refundQuery)
      case "alipay.data.dataservice.bill.downloadurl.query":
        return Effect.flatMap(decodeBill(parameters), (content) => bill(content, host))
      default:
        return Effect.succeed(failed("isv.invalid-method", "40002", "Invalid Arguments"))
    }
  }

  const isBookRefused = (error: Answer | BookRefused): error is BookRefused =>
    "_tag" in error && error._tag === "BookRefused"

  const verified = (parameters: Parameters) =>
    parameters["app_id"] !== keys.appId
      ? Effect.fail(failed("isv.invalid-app-id", "40002", "Invalid Arguments"))
      : isSigned(keys, parameters)
        ? Effect.void
        : Effect.fail(failed("isv.invalid-signature", "40002", "Invalid Arguments"))

  const replyWith = (method: string | undefined, answer: Answer): Reply => ({
    status: 200,
    payload: { [nodeOf(method)]: answer },
    verdict: answer["code"] === "10000" ? "accepted" : String(answer["sub_code"])
  })

  const handle = Effect.fnUntraced(function* (request: ChannelRequest) {
    const parameters = parametersOf(request)
    const answer = yield* verified(parameters).pipe(
      Effect.andThen(Effect.suspend(() => dispatch(parameters, request.headers["host"] ?? "127.0.0.1"))),
      Effect.catch((error) => Effect.succeed(isBookRefused(error) ? failed(refusals[error.reason]) : error))
    )
    return replyWith(parameters["method"], answer)
  })

  /** A buyer's browser comes with a signed address; it is sent on to the page where a person pays. */
  const openPage = Effect.fnUntraced(function* (request: ChannelRequest) {
    const parameters = parametersOf(request)
    const opened = yield* verified(parameters).pipe(
      Effect.andThen(decodeOrder(parameters)),
      Effect.flatMap((content) => newOrder(parameters, content)),
      Effect.flatMap(book.create),
      Effect.result
    )
    if (opened._tag === "Failure") {
      const { failure } = opened
      return replyWith(undefined, isBookRefused(failure) ? failed(refusals[failure.reason]) : failure)
    }
    const location = `/pay/alipay/${encodeURIComponent(opened.success.reference)}`
    const reply: Reply = { status: 302, payload: { location }, verdict: "accepted" }
    return reply
  })

  const view = (order: Order): OrderView => toOrderView("alipay", keys.sellerId, book, order, codeOf(order))
  const channel: Channel = {
    id: "alipay",
    title: { zh: "支付宝", en: "Alipay" },
    routes: [
      {
        operation: (request) => operations[parametersOf(request)["method"] ?? ""] ?? "other",
        method: "POST",
        path: "/gateway.do",
        handle
      },
      { operation: "create", method: "GET", path: "/gateway.do", handle: openPage },
      { operation: "billFile", method: "GET", path: "/downloadBillFile.resource", handle: fetchFile }
    ],
    refusal: (status, code, request) => ({
      status,
      payload: {
        [nodeOf(parametersOf(request)["method"])]:
          code === undefined ? failed("isp.unknow-error", "20000", "Service Currently Unavailable") : failed(code)
      },
      verdict: code ?? String(status)
    }),
    seal: ({ file, payload, status }, tampering) =>
      Effect.sync(() => {
        if (file !== undefined)
          return { headers: { "content-type": "application/zip" }, body: falsifyFile(file, tampering) }
        if (payload === undefined) return { headers: {}, body: "" }
        if (status === 302) return { headers: { location: String(payload["location"]) }, body: "" }
        const [[node = "", answer = null] = []] = Object.entries(payload)
        const signed = toJson(falsifyAnswer(answer, tampering))
        const sent = tampering === "body" ? toJson(falsifyAnswer(answer, "amount")) : signed
        const seal = signText(keys, tampering === "signature" || tampering === "serial" ? "something else" : signed)
        return {
          headers: { "content-type": "application/json;charset=utf-8" },
          body: `{"${node}":${sent},"sign":"${seal}"}`
        }
      }),
    orders: Effect.map(book.list, (orders) => orders.map(view)),
    order: (reference) => Effect.map(book.look(reference), Option.map(view)),
    scan: (code) => Effect.option(Effect.map(book.findByNumber(code.replace("https://qr.alipay.com/", "")), view)),
    act: Effect.fnUntraced(function* (reference, action, options) {
      const order = yield* book.act(reference, action, { ...options, failure: "ACQ.BUYER_BALANCE_NOT_ENOUGH" })
      if (action === "pay" && order.notifyUrl !== null) {
        yield* notify({ event: "TRADE_SUCCESS", reference, url: order.notifyUrl, payload: noticeOf(order) })
      }
      return view(order)
    }),
    settleRefund: book.settle,
    reset: book.clear
  }
  return channel
})

/** A file is not signed: its own check sum tells that a byte of it is another one. */
const falsifyFile = (file: string | Uint8Array, tampering: Tampering | undefined) =>
  tampering === "body" && typeof file !== "string"
    ? file.map((byte, index) => (index === Math.floor(file.length / 3) ? byte ^ 1 : byte))
    : file

/** An answer with something untrue in it. */
const falsifyAnswer = (given: Schema.Json, tampering: Tampering | undefined): Schema.Json => {
  const answer = isObject(given) ? given : {}
  switch (tampering) {
    case "amount":
    case "currency":
      return {
        ...answer,
        altered: "yes",
        ...("total_amount" in answer ? { total_amount: "0.01" } : {}),
        ...("refund_amount" in answer ? { refund_amount: "0.01" } : {})
      }
    case "reference":
      return { ...answer, out_trade_no: "another-order" }
    default:
      return answer
  }
}
