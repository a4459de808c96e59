import { Effect, Schema } from "effect"
import type { Channel, ChannelRequest, Operation, OrderView, Reply } from "../Channel.ts"
import { makeOrderBook } from "../OrderBook.ts"
import type { BookRefused, Order } from "../OrderBook.ts"
import { ofBook, toOrderView } from "../orderView.ts"
import { failed, isBookRefused, refused, successful } from "./alipayAnswers.ts"
import type { Answer } from "./alipayAnswers.ts"
import { makeAlipayBills } from "./alipayBills.ts"
import { decodeBill, decodeOne, decodeOneRefund, decodeOrder, decodeRefund } from "./alipayContent.ts"
import { loadKeys } from "./AlipayKeys.ts"
import { makeAlipayNotices } from "./alipayNotices.ts"
import { isSigned, parametersOf, signText } from "./AlipaySignature.ts"
import type { Parameters } from "./AlipaySignature.ts"
import { codeOf, makeAlipayTrades } from "./alipayTrades.ts"
import { falsifyAnswer, falsifyFile } from "./falsify.ts"

const operations: Readonly<Record<string, Operation>> = {
  "alipay.trade.precreate": "create",
  "alipay.trade.page.pay": "create",
  "alipay.trade.query": "query",
  "alipay.trade.close": "close",
  "alipay.trade.refund": "refund",
  "alipay.trade.fastpay.refund.query": "refundQuery",
  "alipay.data.dataservice.bill.downloadurl.query": "bill"
}

/** The name of the node that a method is answered in. */
const nodeOf = (method: string | undefined) => `${(method ?? "error").replaceAll(".", "_")}_response`

const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

/** Alipay's open platform: one gateway, RSA2 over requests, answers and notices. */
export const makeAlipay = Effect.gen(function* () {
  const keys = yield* loadKeys
  const book = yield* makeOrderBook("alipay")
  const bills = yield* makeAlipayBills(keys.sellerId, book)
  const notices = yield* makeAlipayNotices(keys, book)
  const trades = makeAlipayTrades(book)

  const bill = Effect.fnUntraced(function* (parameters: Parameters, host: string) {
    const { bill_date } = yield* decodeBill(parameters)
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

  const dispatch = (parameters: Parameters, host: string): Effect.Effect<Answer, Answer | BookRefused> => {
    switch (parameters["method"]) {
      case "alipay.trade.precreate":
        return Effect.flatMap(decodeOrder(parameters), (content) => trades.create(parameters, content))
      case "alipay.trade.query":
        return Effect.flatMap(decodeOne(parameters), trades.query)
      case "alipay.trade.close":
        return Effect.flatMap(decodeOne(parameters), trades.close)
      case "alipay.trade.refund":
        return Effect.flatMap(decodeRefund(parameters), trades.refund)
      case "alipay.trade.fastpay.refund.query":
        return Effect.flatMap(decodeOneRefund(parameters), trades.refundQuery)
      case "alipay.data.dataservice.bill.downloadurl.query":
        return bill(parameters, host)
      default:
        return Effect.succeed(failed("isv.invalid-method", "40002", "Invalid Arguments"))
    }
  }

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
      Effect.catch((error) => Effect.succeed(isBookRefused(error) ? refused(error) : error))
    )
    return replyWith(parameters["method"], answer)
  })

  /** A buyer's browser comes with a signed address; it is sent on to the page where a person pays. */
  const openPage = Effect.fnUntraced(function* (request: ChannelRequest) {
    const parameters = parametersOf(request)
    const opened = yield* verified(parameters).pipe(
      Effect.andThen(decodeOrder(parameters)),
      Effect.flatMap((content) => trades.open(parameters, content)),
      Effect.result
    )
    if (opened._tag === "Failure") {
      const { failure } = opened
      return replyWith(undefined, isBookRefused(failure) ? refused(failure) : failure)
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
    ...ofBook(book, view),
    scan: (code) => Effect.option(Effect.map(book.findByNumber(code.replace("https://qr.alipay.com/", "")), view)),
    act: Effect.fnUntraced(function* (reference, action, options) {
      const order = yield* book.act(reference, action, { ...options, failure: "ACQ.BUYER_BALANCE_NOT_ENOUGH" })
      if (action === "pay") yield* notices.paid(order)
      return view(order)
    })
  }
  return channel
})
