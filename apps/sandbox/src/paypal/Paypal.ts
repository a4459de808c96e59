import { Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { ActionRefused, ReferenceUnknown } from "../Channel.ts"
import type { Channel, ChannelRequest, Operation, OrderView, Reply } from "../Channel.ts"
import { isSameSecret } from "../isSameSecret.ts"
import { makeOrderBook } from "../OrderBook.ts"
import type { BookRefused, Order } from "../OrderBook.ts"
import { ofBook, toOrderView } from "../orderView.ts"
import { makeEndpoints } from "../webhookEndpoints.ts"
import { falsify } from "./falsify.ts"
import { certificateOf, paypalEvents } from "./paypalEvents.ts"
import { loadKeys } from "./PaypalKeys.ts"
import { fromValue, idOf, isAgreed, isApproved, toCapture, toOrder, toRefund } from "./paypalObjects.ts"
import { invalid, missing, PaypalRefused, refusals, toReply, unprocessable } from "./PaypalRefused.ts"
import { makePaypalReport } from "./paypalReport.ts"
import { decodeOrder, decodeRefund, decodeWebhook } from "./paypalRequests.ts"

const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

/** PayPal's REST API: orders, captures, refunds and webhooks. On its page the buyer agrees; the merchant takes the money. */
export const makePaypal = Effect.gen(function* () {
  const keys = yield* loadKeys
  const { clientId, clientSecret, merchantId, publicKeyPem, webhookId } = keys
  const book = yield* makeOrderBook("paypal")
  const list = yield* makePaypalReport(book, merchantId)
  const accessToken = createHash("sha256").update(`${clientId} ${clientSecret}`).digest("base64url")
  let origin = "http://127.0.0.1"
  const endpoints = yield* makeEndpoints(
    "paypal",
    paypalEvents(keys, () => origin)
  )

  yield* book.start((refund, order) =>
    refund.state === "succeeded"
      ? endpoints.tell("PAYMENT.CAPTURE.REFUNDED", refund.reference, toRefund(refund, order))
      : Effect.void
  )

  const pageOf = ({ reference }: Order) => `${origin}/pay/paypal/${encodeURIComponent(reference)}`
  const show = (order: Order) => toOrder(order, book, merchantId, pageOf(order))

  const token = ({ headers }: ChannelRequest) =>
    isSameSecret(headers["authorization"], `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}`)
      ? Effect.succeed({ access_token: accessToken, token_type: "Bearer", expires_in: 32_400 })
      : Effect.fail(new PaypalRefused({ status: 401, name: "AUTHENTICATION_FAILURE", issue: null }))

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

  const query = Effect.fnUntraced(function* ({ params, query: { fields = "payment_source" } }: ChannelRequest) {
    if (fields !== "payment_source") return yield* invalid("INVALID_PARAMETER_VALUE")
    return show(yield* book.findByNumber(params["id"] ?? ""))
  })

  const capture = Effect.fnUntraced(function* ({ params }: ChannelRequest) {
    const order = yield* book.findByNumber(params["id"] ?? "")
    // the same request again is answered as the first one was
    if (order.state === "paid") return show(order)
    if (!isApproved(order)) return yield* unprocessable("ORDER_NOT_APPROVED")
    const paid = yield* Effect.mapError(book.act(order.reference, "pay", { failure: "" }), () => refusals.closed)
    yield* endpoints.tell("PAYMENT.CAPTURE.COMPLETED", order.reference, toCapture(paid, book, merchantId))
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
    yield* endpoints.add(url)
    return { id: webhookId, url, event_types: [{ name: "*" }] }
  })

  const report = ({ query: asked }: ChannelRequest) =>
    Effect.mapError(list(asked), ({ issue }) => new PaypalRefused({ status: 400, name: issue, issue: null }))

  const answered = (handled: Effect.Effect<Schema.JsonObject, PaypalRefused | BookRefused>, status: number) =>
    handled.pipe(
      Effect.map((payload): Reply => ({ status, payload, verdict: "accepted" })),
      Effect.catchTags({
        PaypalRefused: (refused) => Effect.succeed(toReply(refused)),
        BookRefused: ({ reason }) => Effect.succeed(toReply(refusals[reason]))
      })
    )

  const route = (
    operation: Operation | ((request: ChannelRequest) => Operation),
    method: "GET" | "POST",
    path: `/${string}`,
    handle: (request: ChannelRequest) => Effect.Effect<Schema.JsonObject, PaypalRefused | BookRefused>,
    status = 200
  ) => ({
    operation,
    method,
    path,
    handle: (request: ChannelRequest): Effect.Effect<Reply> => {
      const { host } = request.headers
      // where the merchant finds us is where its buyers and its server find our page and our certificate
      if (host !== undefined) origin = `http://${host}`
      return isSameSecret(request.headers["authorization"], `Bearer ${accessToken}`)
        ? answered(handle(request), status)
        : Effect.succeed(toReply(new PaypalRefused({ status: 401, name: "AUTHENTICATION_FAILURE", issue: null })))
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
    yield* endpoints.tell("CHECKOUT.ORDER.APPROVED", reference, show(approved))
    return approved
  })

  const view = (order: Order): OrderView => ({
    ...toOrderView("paypal", merchantId, book, order, pageOf(order)),
    ...(isAgreed(order) ? { state: "approved", stateText: { zh: "买家已同意", en: "Agreed to, not taken yet" } } : {})
  })

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
            params["id"] === certificateOf(merchantId)
              ? { status: 200, payload: { pem: publicKeyPem }, verdict: "accepted" }
              : toReply(missing)
          )
      },
      route("create", "POST", "/v2/checkout/orders", create, 201),
      route("query", "GET", "/v2/checkout/orders/:id", query),
      route("capture", "POST", "/v2/checkout/orders/:id/capture", capture, 201),
      route("refund", "POST", "/v2/payments/captures/:id/refund", refund, 201),
      route("other", "POST", "/v1/notifications/webhooks", register, 201),
      route("bill", "GET", "/v1/reporting/transactions", report)
    ],
    refusal: (status, code) =>
      toReply(
        new PaypalRefused({
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
    ...ofBook(book, view),
    act: Effect.fnUntraced(function* (reference, action, options) {
      return view(
        action === "pay"
          ? yield* approve(reference)
          : yield* book.act(reference, action, { ...options, failure: "INSTRUMENT_DECLINED" })
      )
    })
  }
  return channel
})
