import { Effect, Option, Schema, SchemaIssue } from "effect"
import { Callbacks } from "../Callbacks.ts"
import type { Channel, ChannelRequest, Operation, OrderView, PayerAction, Reply } from "../Channel.ts"
import type { Tampering } from "../Fault.ts"
import { errorOf, errors } from "./WechatPayError.ts"
import type { WechatPayError } from "./WechatPayError.ts"
import { makeBills } from "./WechatPayBills.ts"
import { loadKeys } from "./WechatPayKeys.ts"
import {
  CloseRequest,
  H5Request,
  JsapiRequest,
  NativeRequest,
  RefundRequest,
  tradeStates,
  tradeStateTexts
} from "./WechatPayModel.ts"
import type { Order, TradeType } from "./WechatPayModel.ts"
import { noticePauses } from "./noticePauses.ts"
import { makeOrders, toTransaction } from "./WechatPayOrders.ts"
import { makeRefunds, toRefund } from "./WechatPayRefunds.ts"
import { makeCertificates } from "./WechatPayCertificates.ts"
import { makeVerifier, sealNotice, signBody, toJson } from "./WechatPaySignature.ts"

const summaries: Readonly<Record<string, string>> = {
  "TRANSACTION.SUCCESS": "支付成功",
  "REFUND.SUCCESS": "退款成功",
  "REFUND.CLOSED": "退款关闭",
  "REFUND.ABNORMAL": "退款异常"
}

const accepted = (payload: Schema.JsonObject): Reply => ({ status: 200, payload, verdict: "accepted" })

const refuse = ({ code, detail, status, text }: WechatPayError): Reply => ({
  status,
  payload: { code, message: text, ...(detail === undefined ? {} : { detail }) },
  verdict: code
})

const decodeJson = Schema.decodeEffect(Schema.fromJsonString(Schema.Json))
const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

/** Decodes the body of a POST; the first thing wrong with it becomes WeChat Pay's `PARAM_ERROR`. */
const decodeBody = <A, I>(schema: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return Effect.fnUntraced(function* (request: ChannelRequest): Effect.fn.Return<A, WechatPayError> {
    if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) return yield* errors.contentType()
    const json = yield* decodeJson(request.body).pipe(Effect.mapError(() => errors.malformedJson()))
    return yield* decode(json).pipe(
      Effect.mapError(({ issue }) => {
        const [first] = formatIssues(issue).issues
        const path = (first?.path ?? []).map((key) => String(typeof key === "object" ? key.key : key))
        return errors.parameter(`/${path.join("/")}`, "body", first?.message ?? "")
      })
    )
  })
}

const decodeNative = decodeBody(NativeRequest)
const decodeJsapi = decodeBody(JsapiRequest)
const decodeH5 = decodeBody(H5Request)
const decodeClose = decodeBody(CloseRequest)
const decodeRefund = decodeBody(RefundRequest)

const isObject = Schema.is(Schema.JsonObject)

/** The payload with something untrue in it, for a merchant that must not believe a signature alone. */
const falsify = (payload: Schema.JsonObject, tampering: Tampering | undefined): Schema.JsonObject => {
  const replace = (key: string, value: Schema.Json) => (key in payload ? { ...payload, [key]: value } : payload)
  const amount = isObject(payload["amount"]) ? payload["amount"] : {}
  switch (tampering) {
    case "amount": {
      const raised = Object.entries(amount).map(([key, value]) => [key, typeof value === "number" ? value + 1 : value])
      return replace("amount", Object.fromEntries(raised))
    }
    case "currency":
      return replace("amount", { ...amount, currency: "USD", payer_currency: "USD" })
    case "merchant":
      return replace("mchid", "1900000000")
    case "reference":
      return replace("out_trade_no", "another-order")
    default:
      return payload
  }
}

/** A file is not signed: only the hash that announced it can tell that it is another one. */
const sealFile = (file: string | Uint8Array, tampering: Tampering | undefined) => ({
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: tampering === "body" && typeof file === "string" ? file.replace("NATIVE", "NATIVF") : file
})

const payerActions: ReadonlyArray<PayerAction> = ["pay", "fail", "cancel"]

const availableActions = ({ state }: Order) =>
  state === "PAYERROR"
    ? payerActions.filter((action) => action === "pay")
    : tradeStates.can(state, "SUCCESS")
      ? payerActions
      : []

/** WeChat Pay, API v3: the merchant shows a QR code that the payer scans, or hands the order to WeChat. */
export const makeWechatPay = Effect.gen(function* () {
  const keys = yield* loadKeys
  const callbacks = yield* Callbacks
  const certificates = yield* makeCertificates(keys)
  const verify = makeVerifier(keys)
  const { appid, mchid } = keys.account
  const notify = yield* callbacks.register("wechatpay", {
    seal: (notice, tampering) =>
      sealNotice(
        keys,
        certificates.sealOf(notice.payload),
        { ...notice, payload: falsify(notice.payload, tampering) },
        summaries[notice.event] ?? notice.event,
        tampering
      ),
    isAcknowledged: (status) => status === 200 || status === 204,
    pauses: noticePauses
  })
  const orders = yield* makeOrders
  const refunds = yield* makeRefunds(orders, mchid, notify)
  const bills = yield* makeBills(keys.account, orders, refunds)

  const sealAnswer = (payload: Reply["payload"], tampering: Tampering | undefined) =>
    signBody(certificates.sealOf(payload), payload === undefined ? "" : toJson(falsify(payload, tampering)), tampering)

  const view = (order: Order): OrderView => ({
    reference: order.outTradeNo,
    channel: "wechatpay",
    merchant: order.mchid,
    description: order.description,
    amount: order.total,
    refunded: refunds.refunded(order.outTradeNo),
    currency: "CNY",
    state: order.state,
    stateText: tradeStateTexts[order.state],
    createdAt: order.createdAt,
    code: order.codeUrl,
    actions: availableActions(order)
  })

  const checkMerchant = (named: unknown) => (named === mchid ? Effect.void : Effect.fail(errors.merchantMismatch()))

  /** What an order is answered with; the number of the prepayment is made of the order's own. */
  const answers: Readonly<Record<TradeType, (order: Order) => Schema.JsonObject>> = {
    NATIVE: ({ codeUrl }) => ({ code_url: codeUrl }),
    JSAPI: ({ outTradeNo }) => ({ prepay_id: `wx${outTradeNo}` }),
    MWEB: ({ outTradeNo }) => ({
      h5_url: `https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx${outTradeNo}`
    })
  }

  const create = (
    tradeType: TradeType,
    decode: (request: ChannelRequest) => Effect.Effect<NativeRequest, WechatPayError>
  ) =>
    Effect.fnUntraced(function* (request: ChannelRequest) {
      const payload = yield* decode(request)
      yield* checkMerchant(payload.mchid)
      if (payload.appid !== appid) return yield* errors.appidMismatch()
      return accepted(answers[tradeType](yield* orders.create(payload, tradeType)))
    })

  const query = (find: (request: ChannelRequest) => Effect.Effect<Order, WechatPayError>) =>
    Effect.fnUntraced(function* (request: ChannelRequest) {
      if (request.query["mchid"] === undefined) return yield* errors.parameter("mchid", "query", "不能为空")
      yield* checkMerchant(request.query["mchid"])
      return accepted(toTransaction(yield* find(request)))
    })

  const close = Effect.fnUntraced(function* (request: ChannelRequest) {
    const payload = yield* decodeClose(request)
    yield* checkMerchant(payload.mchid)
    yield* orders.close(request.params["out_trade_no"] ?? "")
    return { status: 204, payload: undefined, verdict: "accepted" }
  })

  const route = (
    operation: Operation,
    method: "GET" | "POST",
    path: `/${string}`,
    handle: (request: ChannelRequest) => Effect.Effect<Reply, WechatPayError>
  ) => ({
    operation,
    method,
    path,
    handle: (request: ChannelRequest) =>
      verify(request).pipe(
        Effect.andThen(Effect.suspend(() => handle(request))),
        Effect.catchTag("WechatPayError", (error) => Effect.succeed(refuse(error)))
      )
  })

  const transactions = "/v3/pay/transactions"
  const channel: Channel = {
    id: "wechatpay",
    title: { zh: "微信支付", en: "WeChat Pay" },
    routes: [
      route("create", "POST", `${transactions}/native`, create("NATIVE", decodeNative)),
      route("create", "POST", `${transactions}/jsapi`, create("JSAPI", decodeJsapi)),
      route("create", "POST", `${transactions}/h5`, create("MWEB", decodeH5)),
      route(
        "query",
        "GET",
        `${transactions}/out-trade-no/:out_trade_no`,
        query(({ params }) => orders.find(params["out_trade_no"] ?? ""))
      ),
      route(
        "query",
        "GET",
        `${transactions}/id/:transaction_id`,
        query(({ params }) => orders.findByTransaction(params["transaction_id"] ?? ""))
      ),
      route("close", "POST", `${transactions}/out-trade-no/:out_trade_no/close`, close),
      route("refund", "POST", "/v3/refund/domestic/refunds", (request) =>
        Effect.map(Effect.flatMap(decodeRefund(request), refunds.create), (refund) => accepted(toRefund(refund)))
      ),
      route("refundQuery", "GET", "/v3/refund/domestic/refunds/:out_refund_no", ({ params }) =>
        Effect.map(refunds.find(params["out_refund_no"] ?? ""), (refund) => accepted(toRefund(refund)))
      ),
      route("bill", "GET", "/v3/bill/tradebill", bills.announce),
      route("billFile", "GET", "/v3/billdownload/file", bills.fetchFile),
      route("other", "GET", "/v3/certificates", () => Effect.map(certificates.list, accepted))
    ],
    refusal: (status, code) => refuse(errorOf(status, code)),
    seal: ({ file, payload }, tampering) =>
      file === undefined ? sealAnswer(payload, tampering) : Effect.succeed(sealFile(file, tampering)),
    orders: Effect.map(orders.list, (list) => list.map(view)),
    order: (reference) => Effect.map(orders.look(reference), Option.map(view)),
    scan: (code) => Effect.map(orders.scan(code), Option.map(view)),
    act: Effect.fnUntraced(function* (reference, action, options) {
      const order = yield* orders.act(reference, action, options ?? {})
      if (action === "pay") {
        yield* notify({
          event: "TRANSACTION.SUCCESS",
          reference,
          url: order.notifyUrl,
          payload: toTransaction(order)
        })
      }
      return view(order)
    }),
    settleRefund: refunds.settle,
    rotate: certificates.issue,
    reset: Effect.andThen(refunds.clear, orders.clear)
  }
  return channel
})
