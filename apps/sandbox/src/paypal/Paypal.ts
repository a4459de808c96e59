import { Currency } from "@mall/domain/kernel/Currency"
import { DateTime, Duration, Effect, Option, Schema } from "effect"
import { createHash, sign, timingSafeEqual } from "node:crypto"
import { crc32 } from "node:zlib"
import { Callbacks } from "../Callbacks.ts"
import { ActionRefused, ReferenceUnknown } from "../Channel.ts"
import type { Channel, ChannelRequest, Notice, Operation, OrderView, Reply } from "../Channel.ts"
import type { Tampering } from "../Fault.ts"
import { Journal } from "../Journal.ts"
import { makeOrderBook } from "../OrderBook.ts"
import type { BookRefused, Order } from "../OrderBook.ts"
import { toOrderView } from "../orderView.ts"
import { makePaypalReport } from "./paypalReport.ts"
import { loadKeys } from "./PaypalKeys.ts"
import { fromValue, idOf, isApproved, toCapture, toOrder, toRefund } from "./paypalObjects.ts"

/** PayPal tries 25 times over three days. */
const pauses = [
  ...[10, 60].map(Duration.seconds),
  ...[5, 15, 30].map(Duration.minutes),
  ...Array.from({ length: 20 }, () => Duration.minutes(210))
]

const Endpoint = Schema.Struct({ url: Schema.String })

/** What PayPal answers instead of what was asked for. */
class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Int,
  name: Schema.String,
  issue: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return `PayPal refuses: ${this.issue ?? this.name}`
  }
}

const unprocessable = (issue: string) => new Refused({ status: 422, name: "UNPROCESSABLE_ENTITY", issue })
const missing = new Refused({ status: 404, name: "RESOURCE_NOT_FOUND", issue: "INVALID_RESOURCE_ID" })
const invalid = (issue: string) => new Refused({ status: 400, name: "INVALID_REQUEST", issue })

const refusals: Readonly<Record<BookRefused["reason"], Refused>> = {
  unknown: missing,
  different: unprocessable("DUPLICATE_INVOICE_ID"),
  paid: unprocessable("ORDER_ALREADY_CAPTURED"),
  closed: unprocessable("ORDER_ALREADY_COMPLETED"),
  notPaid: unprocessable("ORDER_NOT_APPROVED"),
  exceeds: unprocessable("REFUND_AMOUNT_EXCEEDED"),
  expired: unprocessable("ORDER_EXPIRED")
}

const toReply = ({ issue, name, status }: Refused): Reply => ({
  status,
  payload: {
    name,
    message: "The request was not carried out.",
    debug_id: "sandbox",
    ...(issue === null ? {} : { details: [{ issue, description: issue }] })
  },
  verdict: issue ?? name
})

const Money = Schema.Struct({
  currency_code: Currency,
  value: Schema.String.check(Schema.isPattern(/^\d{1,9}(\.\d{1,3})?$/))
})
const NewOrder = Schema.Struct({
  intent: Schema.Literal("CAPTURE"),
  purchase_units: Schema.Tuple([
    Schema.Struct({
      custom_id: Schema.NonEmptyString.check(Schema.isMaxLength(255)),
      description: Schema.optionalKey(Schema.String),
      amount: Money
    })
  ]),
  payment_source: Schema.optionalKey(
    Schema.Struct({
      paypal: Schema.Struct({
        experience_context: Schema.Struct({ return_url: Schema.String, cancel_url: Schema.String })
      })
    })
  )
})
const NewRefund = Schema.Struct({
  amount: Money,
  custom_id: Schema.NonEmptyString,
  note_to_payer: Schema.optionalKey(Schema.String)
})
const NewWebhook = Schema.Struct({ url: Schema.String })

const isObject = Schema.is(Schema.JsonObject)
const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

const decodeBody = <A, I>(schema: Schema.Codec<A, I>) => {
  const decode = Schema.decodeEffect(Schema.fromJsonString(schema))
  return ({ body }: ChannelRequest) => Effect.mapError(decode(body), () => invalid("MALFORMED_REQUEST_JSON"))
}
const decodeOrder = decodeBody(NewOrder)
const decodeRefund = decodeBody(NewRefund)
const decodeWebhook = decodeBody(NewWebhook)

/** A resource with something untrue in it, also in what it holds. */
const falsify = (resource: Schema.Json, tampering: Tampering | undefined): Schema.Json => {
  if (Array.isArray(resource)) return resource.map((part: Schema.Json) => falsify(part, tampering))
  if (!isObject(resource) || tampering === undefined) return resource
  const inner = Object.fromEntries(Object.entries(resource).map(([name, value]) => [name, falsify(value, tampering)]))
  switch (tampering) {
    case "amount":
      return "value" in inner ? { ...inner, value: `9${String(inner["value"])}` } : inner
    case "currency":
      return "currency_code" in inner
        ? { ...inner, currency_code: inner["currency_code"] === "USD" ? "EUR" : "USD" }
        : inner
    case "merchant":
      return "merchant_id" in inner ? { ...inner, merchant_id: "SOMEBODYELSE1" } : inner
    case "reference":
      return "custom_id" in inner ? { ...inner, custom_id: "another-order" } : inner
    default:
      return inner
  }
}

/** PayPal's REST API: orders, captures, refunds and webhooks. On its page the buyer agrees; the merchant takes the money. */
export const makePaypal = Effect.gen(function* () {
  const keys = yield* loadKeys
  const { clientId, clientSecret, merchantId, privateKey, publicKeyPem, webhookId } = keys
  const book = yield* makeOrderBook("paypal")
  const list = yield* makePaypalReport(book, merchantId)
  const journal = yield* Journal
  const endpoints = yield* journal.open("paypal/endpoints", { schema: Endpoint, key: ({ url }) => url })
  const callbacks = yield* Callbacks
  const accessToken = createHash("sha256").update(`${clientId} ${clientSecret}`).digest("base64url")
  const certificateId = `CERT-${merchantId}`
  let origin = "http://127.0.0.1"

  const seal = Effect.fnUntraced(function* (notice: Notice, tampering: Tampering | undefined) {
    const now = yield* DateTime.now
    const time = DateTime.formatIso(tampering === "timestamp" ? DateTime.subtract(now, { minutes: 10 }) : now)
    const event = {
      id: `WH-${idOf("event", notice.id)}`,
      event_version: "1.0",
      create_time: notice.createdAt,
      resource_type: "capture",
      event_type: notice.event,
      resource: falsify(notice.payload, tampering)
    }
    const body = toJson(event)
    const signed = `${notice.id}|${time}|${tampering === "signature" ? "WH-OTHER" : webhookId}|${crc32(body)}`
    const certificate = tampering === "serial" ? "CERT-unknown" : certificateId
    return {
      headers: {
        "content-type": "application/json",
        "paypal-transmission-id": notice.id,
        "paypal-transmission-time": time,
        "paypal-transmission-sig": sign("sha256", Buffer.from(signed), privateKey).toString("base64"),
        "paypal-cert-url": `${origin}/paypal/v1/notifications/certs/${certificate}`,
        "paypal-auth-algo": "SHA256withRSA"
      },
      body: tampering === "body" ? body.replace("event", "evenT") : body
    }
  })
  const send = yield* callbacks.register("paypal", {
    seal,
    isAcknowledged: (status) => status >= 200 && status < 300,
    pauses
  })
  const tell = (event: string, reference: string, payload: Schema.JsonObject) =>
    Effect.forEach(endpoints.values(), ({ url }) => send({ event, reference, url, payload }), { discard: true })

  yield* book.start((refund, order) =>
    refund.state === "succeeded"
      ? tell("PAYMENT.CAPTURE.REFUNDED", refund.reference, toRefund(refund, order))
      : Effect.void
  )

  const isEqual = (given: string | undefined, expected: string) => {
    const [a, b] = [Buffer.from(given ?? ""), Buffer.from(expected)]
    return a.length === b.length && timingSafeEqual(a, b)
  }

  const pageOf = ({ reference }: Order) => `${origin}/pay/paypal/${encodeURIComponent(reference)}`
  const show = (order: Order) => toOrder(order, book, merchantId, pageOf(order))

  const token = ({ headers }: ChannelRequest) =>
    isEqual(headers["authorization"], `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`)
      ? Effect.succeed({ access_token: accessToken, token_type: "Bearer", expires_in: 32_400 })
      : Effect.fail(new Refused({ status: 401, name: "AUTHENTICATION_FAILURE", issue: null }))

  const create = Effect.fnUntraced(function* (request: ChannelRequest) {
    const { payment_source, purchase_units } = yield* decodeOrder(request)
    const [{ amount, custom_id, description = "" }] = purchase_units
    const minor = fromValue(amount.value, amount.currency_code)
    if (minor === undefined || minor < 1) return yield* unprocessable("DECIMALS_NOT_SUPPORTED")
    if (request.headers["paypal-request-id"] === undefined) return yield* invalid("MISSING_REQUIRED_PARAMETER")
    const order = yield* book.create({
      reference: custom_id,
      number: idOf("order", custom_id),
      description,
      amount: minor,
      currency: amount.currency_code,
      notifyUrl: null,
      returnUrl: payment_source?.paypal.experience_context.return_url ?? null,
      expiresAt: null,
      details: {}
    })
    return show(order)
  })

  const query = ({ params }: ChannelRequest) => Effect.map(book.findByNumber(params["id"] ?? ""), show)

  const capture = Effect.fnUntraced(function* ({ params }: ChannelRequest) {
    const order = yield* book.findByNumber(params["id"] ?? "")
    // the same request again is answered as the first one was
    if (order.state === "paid") return show(order)
    if (!isApproved(order)) return yield* unprocessable("ORDER_NOT_APPROVED")
    const paid = yield* Effect.mapError(book.act(order.reference, "pay", { failure: "" }), () => refusals.closed)
    yield* tell("PAYMENT.CAPTURE.COMPLETED", order.reference, toCapture(paid, book, merchantId))
    return show(paid)
  })

  const refund = Effect.fnUntraced(function* (request: ChannelRequest) {
    const { amount, custom_id, note_to_payer = "" } = yield* decodeRefund(request)
    const all = yield* book.list
    const order = all.find(({ reference }) => idOf("capture", reference) === request.params["id"])
    if (order === undefined) return yield* missing
    const accepted = yield* book.refund({
      reference: custom_id,
      number: idOf("refund", custom_id),
      order: order.reference,
      amount: fromValue(amount.value, amount.currency_code) ?? 0,
      reason: note_to_payer
    })
    return toRefund(accepted, order)
  })

  const register = Effect.fnUntraced(function* (request: ChannelRequest) {
    const { url } = yield* decodeWebhook(request)
    yield* endpoints.set({ url })
    return { id: webhookId, url, event_types: [{ name: "*" }] }
  })

  const report = ({ query: asked }: ChannelRequest) =>
    Effect.mapError(list(asked), ({ issue }) => new Refused({ status: 400, name: issue, issue: null }))

  const answered = (handled: Effect.Effect<Schema.JsonObject, Refused | BookRefused>, status: number) =>
    handled.pipe(
      Effect.map((payload): Reply => ({ status, payload, verdict: "accepted" })),
      Effect.catchTags({
        Refused: (refused) => Effect.succeed(toReply(refused)),
        BookRefused: ({ reason }) => Effect.succeed(toReply(refusals[reason]))
      })
    )

  const route = (
    operation: Operation | ((request: ChannelRequest) => Operation),
    method: "GET" | "POST",
    path: `/${string}`,
    handle: (request: ChannelRequest) => Effect.Effect<Schema.JsonObject, Refused | BookRefused>,
    status = 200
  ) => ({
    operation,
    method,
    path,
    handle: (request: ChannelRequest): Effect.Effect<Reply> => {
      const { host } = request.headers
      // where the merchant finds us is where its buyers and its server find our page and our certificate
      if (host !== undefined) origin = `http://${host}`
      return isEqual(request.headers["authorization"], `Bearer ${accessToken}`)
        ? answered(handle(request), status)
        : Effect.succeed(toReply(new Refused({ status: 401, name: "AUTHENTICATION_FAILURE", issue: null })))
    }
  })

  /** The buyer's hand: to pay is to agree, for the merchant takes the money. */
  const approve = Effect.fnUntraced(function* (
    reference: string
  ): Effect.fn.Return<Order, ReferenceUnknown | ActionRefused> {
    const order = yield* Effect.mapError(book.find(reference), () => new ReferenceUnknown({ reference }))
    if (order.state === "paid" || order.state === "closed") {
      return yield* new ActionRefused({ reason: `The order is ${order.state}` })
    }
    const approved = yield* Effect.mapError(
      book.remember(reference, { approved: "yes" }),
      () => new ReferenceUnknown({ reference })
    )
    yield* tell("CHECKOUT.ORDER.APPROVED", reference, show(approved))
    return approved
  })

  const view = (order: Order): OrderView => toOrderView("paypal", merchantId, book, order, pageOf(order))

  const channel: Channel = {
    id: "paypal",
    title: { zh: "PayPal", en: "PayPal" },
    routes: [
      {
        operation: "other",
        method: "POST",
        path: "/v1/oauth2/token",
        handle: (request) => answered(token(request), 200)
      },
      {
        operation: "other",
        method: "GET",
        path: "/v1/notifications/certs/:id",
        handle: ({ params }) =>
          Effect.succeed<Reply>(
            params["id"] === certificateId
              ? { status: 200, payload: { pem: publicKeyPem }, verdict: "accepted" }
              : toReply(missing)
          )
      },
      route("create", "POST", "/v2/checkout/orders", create, 201),
      route(
        ({ query: { fields } }) => (fields === undefined ? "query" : "refundQuery"),
        "GET",
        "/v2/checkout/orders/:id",
        query
      ),
      route("capture", "POST", "/v2/checkout/orders/:id/capture", capture, 201),
      route("refund", "POST", "/v2/payments/captures/:id/refund", refund, 201),
      route("other", "POST", "/v1/notifications/webhooks", register, 201),
      route("bill", "GET", "/v1/reporting/transactions", report)
    ],
    refusal: (status, code) =>
      toReply(
        new Refused({
          status,
          name:
            status === 429 ? "RATE_LIMIT_REACHED" : status >= 500 ? "INTERNAL_SERVER_ERROR" : "UNPROCESSABLE_ENTITY",
          issue: code ?? null
        })
      ),
    seal: ({ payload }, tampering) =>
      Effect.sync(() => {
        if (payload === undefined) return { headers: {}, body: "" }
        const pem = payload["pem"]
        return typeof pem === "string"
          ? { headers: { "content-type": "application/x-pem-file" }, body: pem }
          : { headers: { "content-type": "application/json" }, body: toJson(falsify(payload, tampering)) }
      }),
    orders: Effect.map(book.list, (orders) => orders.map(view)),
    order: (reference) => Effect.map(book.look(reference), Option.map(view)),
    scan: (code) =>
      Effect.map(book.list, (orders) =>
        Option.map(Option.fromUndefinedOr(orders.find((order) => pageOf(order) === code)), view)
      ),
    act: Effect.fnUntraced(function* (reference, action, options) {
      return view(
        action === "pay"
          ? yield* approve(reference)
          : yield* book.act(reference, action, { ...options, failure: "INSTRUMENT_DECLINED" })
      )
    }),
    settleRefund: book.settle,
    reset: book.clear
  }
  return channel
})
