import { Currency } from "@mall/domain/kernel/Currency"
import { DateTime, Duration, Effect, Option, Schema } from "effect"
import { createHmac } from "node:crypto"
import type { Channel, ChannelRequest, Notice, Operation, OrderView, PayerActionOptions, Reply } from "../Channel.ts"
import type { Tampering } from "../Fault.ts"
import { isSameSecret } from "../isSameSecret.ts"
import { makeOrderBook } from "../OrderBook.ts"
import type { BookRefused, Order } from "../OrderBook.ts"
import { ofBook, toOrderView } from "../orderView.ts"
import { makeEndpoints } from "../webhookEndpoints.ts"
import { falsify } from "./falsify.ts"
import { loadKeys } from "./StripeKeys.ts"
import { makeStripeBalance } from "./stripeBalance.ts"
import { makeStripeDisputes } from "./StripeDisputes.ts"
import { invalid, StripeRefused } from "./StripeRefused.ts"
import { declineCodes, isPaymentMethod, stripeFrame, stripeScript } from "./stripeScript.ts"
import { fromStripeAmount, idOf, secretOf, toIntent, toRefund } from "./stripeObjects.ts"

/** Stripe tries for three days, with growing pauses. */
const pauses = [
  ...[5, 30].map(Duration.seconds),
  ...[5, 30].map(Duration.minutes),
  ...[1, 3, 6, 12, 12, 12, 12, 12].map(Duration.hours)
]

const toReply = ({ code, order, status, type }: StripeRefused): Reply => ({
  status,
  payload: {
    error: {
      type,
      ...(code === null ? {} : { code }),
      message: code === "card_declined" ? "Your card was declined." : `${type}: ${code ?? "no code"}`,
      ...(isObject(order) ? { payment_intent: order } : {})
    }
  },
  verdict: code ?? type
})

const refusals: Readonly<Record<BookRefused["reason"], StripeRefused>> = {
  unknown: invalid("resource_missing", 404),
  different: new StripeRefused({ status: 400, type: "idempotency_error", code: null, order: null }),
  paid: invalid("payment_intent_unexpected_state"),
  closed: invalid("payment_intent_unexpected_state"),
  notPaid: invalid("payment_intent_unexpected_state"),
  exceeds: invalid("amount_too_large"),
  expired: invalid("payment_intent_unexpected_state")
}

const isObject = Schema.is(Schema.JsonObject)
const isCurrency = Schema.is(Currency)
const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

const threeDecimals = new Set<Currency>(["BHD", "JOD", "KWD", "OMR", "TND"])

/** Stripe's API: PaymentIntents, refunds, webhook endpoints and what a page needs of Stripe.js. */
export const makeStripe = Effect.gen(function* () {
  const keys = yield* loadKeys
  const book = yield* makeOrderBook("stripe")

  const seal = Effect.fnUntraced(function* (notice: Notice, tampering: Tampering | undefined) {
    const seconds = Math.floor(DateTime.toEpochMillis(yield* DateTime.now) / 1000)
    const time = tampering === "timestamp" ? seconds - 600 : seconds
    const event = {
      id: idOf("evt", notice.id),
      object: "event",
      api_version: "2026-10-28.endive",
      created: Math.floor(Date.parse(notice.createdAt) / 1000),
      type: notice.event,
      livemode: false,
      pending_webhooks: 1,
      data: { object: falsify(notice.payload, tampering) }
    }
    const body = toJson(event)
    const key = tampering === "signature" || tampering === "serial" ? "whsec_another" : keys.webhookSecret
    const v1 = createHmac("sha256", key).update(`${time}.${body}`).digest("hex")
    return {
      headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": `t=${time},v1=${v1}` },
      body: tampering === "body" ? body.replace("event", "evenT") : body
    }
  })
  const endpoints = yield* makeEndpoints("stripe", {
    seal,
    isAcknowledged: (status) => status >= 200 && status < 300,
    pauses
  })
  const { tell } = endpoints

  yield* book.start((refund, order) =>
    tell(refund.state === "failed" ? "refund.failed" : "refund.updated", refund.reference, toRefund(refund, order))
  )

  const disputes = yield* makeStripeDisputes(book, tell)
  const balance = yield* makeStripeBalance(book)

  const authenticated = ({ headers }: ChannelRequest) =>
    isSameSecret(headers["authorization"], `Bearer ${keys.secretKey}`)

  const formOf = ({ body }: ChannelRequest) => Object.fromEntries(new URLSearchParams(body))

  const create = Effect.fnUntraced(function* (request: ChannelRequest) {
    const form = formOf(request)
    const amount = Number(form["amount"])
    const currency = (form["currency"] ?? "").toUpperCase()
    const reference = form["metadata[attempt_id]"]
    if (!Number.isSafeInteger(amount) || amount < 1) return yield* invalid("parameter_invalid_integer")
    if (!isCurrency(currency)) return yield* invalid("currency_not_supported")
    if (threeDecimals.has(currency) && amount % 10 !== 0) return yield* invalid("amount_not_representable")
    if (reference === undefined || request.headers["idempotency-key"] === undefined) {
      return yield* invalid("parameter_missing")
    }
    const order = yield* book.create({
      reference,
      number: idOf("pi", reference),
      description: form["description"] ?? "",
      amount: fromStripeAmount(amount, currency),
      currency,
      notifyUrl: null,
      returnUrl: null,
      expiresAt: null,
      details: {}
    })
    return toIntent(order, false)
  })

  const query = ({ params }: ChannelRequest) =>
    Effect.map(book.findByNumber(params["id"] ?? ""), (order) => toIntent(order, true))

  const search = Effect.fnUntraced(function* ({ query: { query } }: ChannelRequest) {
    const reference = /^metadata\["attempt_id"\]:"([\w-]+)"$/.exec(String(query))?.[1] ?? ""
    const found = yield* book.look(reference)
    const data = Option.isSome(found) ? [toIntent(found.value, true)] : []
    return { object: "search_result", url: "/v1/payment_intents/search", has_more: false, data }
  })

  const cancel = Effect.fnUntraced(function* ({ params }: ChannelRequest) {
    const order = yield* book.findByNumber(params["id"] ?? "")
    if (order.state === "paid" || order.state === "closed") {
      return yield* invalid("payment_intent_unexpected_state", 400, toIntent(order, false))
    }
    const closed = yield* book.close(order.reference)
    yield* tell("payment_intent.canceled", order.reference, toIntent(closed, false))
    return toIntent(closed, false)
  })

  const paid = Effect.fnUntraced(function* (reference: string, options?: PayerActionOptions) {
    const order = yield* book.act(reference, "pay", { ...options, failure: "" })
    yield* tell("payment_intent.succeeded", reference, toIntent(order, false))
    return order
  })
  const declined = Effect.fnUntraced(function* (reference: string, failure: string) {
    const order = yield* book.act(reference, "fail", { failure })
    yield* tell("payment_intent.payment_failed", reference, toIntent(order, false))
    return order
  })

  /** What Stripe.js sends for a buyer: the client secret is all that it has. */
  const confirm = Effect.fnUntraced(function* (request: ChannelRequest) {
    const { client_secret = "", key, payment_method = "" } = formOf(request)
    const order = yield* book.findByNumber(request.params["id"] ?? "")
    if (key !== keys.publishableKey) return yield* invalid("api_key_invalid", 401)
    if (client_secret !== secretOf(order)) return yield* invalid("payment_intent_invalid_parameter")
    if (!isPaymentMethod(payment_method)) return yield* invalid("resource_missing")
    const declineCode = declineCodes[payment_method]
    const moved = yield* (
      declineCode === undefined ? paid(order.reference) : declined(order.reference, declineCode)
    ).pipe(Effect.mapError(() => invalid("payment_intent_unexpected_state", 400, toIntent(order, false))))
    if (declineCode === undefined) return toIntent(moved, false)
    return yield* new StripeRefused({
      status: 402,
      type: "card_error",
      code: "card_declined",
      order: toIntent(moved, false)
    })
  })

  const refund = Effect.fnUntraced(function* (request: ChannelRequest) {
    const form = formOf(request)
    const reference = form["metadata[refund_id]"]
    const order = yield* book.findByNumber(form["payment_intent"] ?? "")
    const amount = Number(form["amount"])
    if (reference === undefined || !Number.isSafeInteger(amount) || amount < 1)
      return yield* invalid("parameter_missing")
    const accepted = yield* book.refund({
      reference,
      number: idOf("re", reference),
      order: order.reference,
      amount: fromStripeAmount(amount, order.currency),
      reason: form["metadata[reason]"] ?? ""
    })
    return toRefund(accepted, order)
  })

  const refunds = Effect.fnUntraced(function* ({ query }: ChannelRequest) {
    const order = yield* book.findByNumber(String(query["payment_intent"]))
    const data = book.refundsOf(order.reference).map((one) => toRefund(one, order))
    return { object: "list", url: "/v1/refunds", has_more: false, data: data.toReversed() }
  })

  const register = Effect.fnUntraced(function* (request: ChannelRequest) {
    const url = URL.parse(formOf(request)["url"] ?? "")
    if (url === null) return yield* invalid("url_invalid")
    yield* endpoints.add(url.href)
    return {
      id: idOf("we", url.href),
      object: "webhook_endpoint",
      url: url.href,
      secret: keys.webhookSecret,
      status: "enabled"
    }
  })

  const answered = (handled: Effect.Effect<Schema.JsonObject, StripeRefused | BookRefused>) =>
    handled.pipe(
      Effect.map((payload): Reply => ({ status: 200, payload, verdict: "accepted" })),
      Effect.catchTags({
        StripeRefused: (refused) => Effect.succeed(toReply(refused)),
        BookRefused: ({ reason }) => Effect.succeed(toReply(refusals[reason]))
      })
    )

  const route = (
    operation: Operation,
    method: "GET" | "POST",
    path: `/${string}`,
    handle: (request: ChannelRequest) => Effect.Effect<Schema.JsonObject, StripeRefused | BookRefused>
  ) => ({
    operation,
    method,
    path,
    handle: (request: ChannelRequest): Effect.Effect<Reply> =>
      answered(authenticated(request) ? handle(request) : Effect.fail(invalid("api_key_invalid", 401)))
  })

  /** What a browser asks for, without the secret key. */
  const open = (method: "GET" | "POST", path: `/${string}`, handle: typeof confirm) => ({
    operation: "other" as const,
    method,
    path,
    handle: (request: ChannelRequest): Effect.Effect<Reply> => answered(handle(request))
  })

  const view = (order: Order): OrderView => toOrderView("stripe", "Stripe test account", book, order, secretOf(order))

  const channel: Channel = {
    id: "stripe",
    title: { zh: "Stripe", en: "Stripe" },
    routes: [
      route("create", "POST", "/v1/payment_intents", create),
      route("query", "GET", "/v1/payment_intents/search", search),
      route("query", "GET", "/v1/payment_intents/:id", query),
      route("close", "POST", "/v1/payment_intents/:id/cancel", cancel),
      open("POST", "/v1/payment_intents/:id/confirm", confirm),
      open("GET", "/js/v3/", () => Effect.succeed({ script: stripeScript })),
      open("GET", "/js/v3/elements", () => Effect.succeed({ frame: stripeFrame })),
      route("refund", "POST", "/v1/refunds", refund),
      route("refundQuery", "GET", "/v1/refunds", refunds),
      route("other", "POST", "/v1/webhook_endpoints", register),
      route("bill", "GET", "/v1/balance_transactions", balance),
      route("other", "GET", "/v1/disputes", disputes.listed),
      route("other", "GET", "/v1/disputes/:id", disputes.query),
      route("other", "POST", "/v1/disputes/:id", disputes.update),
      route("other", "POST", "/v1/disputes/:id/close", disputes.close),
      { ...route("other", "POST", "/v1/files", disputes.upload), takesFiles: true }
    ],
    refusal: (status, code) =>
      toReply(
        new StripeRefused({
          status,
          type: status === 402 ? "card_error" : status >= 500 ? "api_error" : "invalid_request_error",
          code: code ?? (status === 429 ? "rate_limit" : null),
          order: null
        })
      ),
    seal: ({ payload }, tampering) =>
      Effect.sync(() => {
        const { frame, script } = payload ?? {}
        if (typeof script === "string") return { headers: { "content-type": "text/javascript" }, body: script }
        if (typeof frame === "string") return { headers: { "content-type": "text/html; charset=utf-8" }, body: frame }
        return {
          headers: { "content-type": "application/json" },
          body: payload === undefined ? "" : toJson(falsify(payload, tampering))
        }
      }),
    ...ofBook(book, view),
    scan: (code) => Effect.option(Effect.map(book.findByNumber(code.split("_secret_", 1)[0] ?? ""), view)),
    act: Effect.fnUntraced(function* (reference, action, options) {
      if (action === "pay") return view(yield* paid(reference, options))
      if (action === "fail") return view(yield* declined(reference, "generic_decline"))
      return view(yield* book.act(reference, action, { ...options, failure: "" }))
    }),
    disputes: disputes.bank,
    reset: Effect.andThen(book.clear, disputes.clear)
  }
  return channel
})
