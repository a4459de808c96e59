import { ChannelId } from "@mall/domain/payments/Payment"
import { Clock, Effect, Option, Ref, Schema } from "effect"
import type {
  Channel,
  ChannelAttempt,
  ChannelOrder,
  ChannelPayment,
  ChannelRefund,
  ChannelRefundState
} from "../Channel.ts"
import type { ChannelDefinition } from "../ChannelDefinition.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, contradiction, fromNetwork } from "../channelFailure.ts"
import { toHexId } from "../hexId.ts"
import { paypalCurrencies, toPaypalMoney } from "./paypalAmount.ts"
import { paypalBill, paypalBillTerms } from "./paypalBill.ts"
import * as PaypalCallback from "./PaypalCallback.ts"
import * as PaypalClient from "./PaypalClient.ts"
import { ownAccounts } from "../OwnAccounts.ts"
import { ownPaypalSettings, paypalConfig, PaypalCredentials } from "./PaypalConfig.ts"
import type { PaypalSettings } from "./PaypalConfig.ts"
import { advice, isDeclined, isMissing } from "./paypalErrors.ts"
import { captureOf, PaypalOrder, PaypalRefund, refundsOf, toPayment, toRefundState } from "./paypalObjects.ts"

const unreadable = fromNetwork("UNREADABLE_ANSWER")
const unrepresentable = channelFailure("declined", "AMOUNT_NOT_REPRESENTABLE")
const approvalLinks = new Set(["payer-action", "approve"])

/**
 * PayPal, Orders v2: the buyer is sent to PayPal and agrees there; the money is taken when we ask next (`query`), once, by the
 * number of the try. An order cannot be taken back at PayPal: closing is to take the money never, and PayPal forgets an order
 * that nobody captures.
 */
export const make = Effect.fnUntraced(function* (settings: PaypalSettings) {
  const client = yield* PaypalClient.make(settings)
  const isRegistered = yield* Ref.make(!settings.registersWebhook)
  const { merchantId } = settings

  const register = Effect.gen(function* () {
    if (yield* Ref.get(isRegistered)) return
    yield* client.call({
      operation: "register",
      method: "POST",
      path: "v1/notifications/webhooks",
      body: { url: settings.notifyUrl, event_types: [{ name: "*" }] },
      answer: Schema.Unknown
    })
    yield* Ref.set(isRegistered, true)
  }).pipe(
    Effect.catchTag("ChannelError", ({ reason }) =>
      Effect.logWarning("the address for events is not registered", reason.code)
    )
  )

  const assertOurs = (attempt: ChannelAttempt, order: PaypalOrder) =>
    order.purchase_units[0]?.custom_id === toHexId(attempt.id) ? Effect.succeed(order) : Effect.fail(contradiction)

  /** The same number again is answered with the same order. */
  const open = Effect.fnUntraced(function* (attempt: ChannelAttempt, operation: string) {
    const amount = Option.getOrUndefined(toPaypalMoney(attempt.amount))
    if (amount === undefined) return yield* unrepresentable
    const page = attempt.returnUrl ?? settings.returnUrl
    return yield* client
      .call({
        operation,
        method: "POST",
        path: "v2/checkout/orders",
        requestId: `create-${attempt.id}`,
        body: {
          intent: "CAPTURE",
          purchase_units: [
            {
              reference_id: "default",
              custom_id: toHexId(attempt.id),
              invoice_id: toHexId(attempt.id),
              description: attempt.description,
              amount
            }
          ],
          payment_source: {
            paypal: {
              experience_context: {
                user_action: "PAY_NOW",
                // no eCheck: what clears days later would be paid for an order that is over
                payment_method_preference: "IMMEDIATE_PAYMENT_REQUIRED",
                return_url: page,
                cancel_url: page
              }
            }
          }
        },
        answer: PaypalOrder
      })
      .pipe(Effect.flatMap((order) => assertOurs(attempt, order)))
  })

  const create = Effect.fnUntraced(function* (attempt: ChannelAttempt) {
    yield* register
    const { id, links = [] } = yield* open(attempt, "create")
    const url = links.find(({ rel }) => approvalLinks.has(rel))?.href
    if (url === undefined || !/^https?:\/\//.test(url)) return yield* unreadable
    const order: ChannelOrder = { action: { type: "redirect", url }, channelReference: id }
    return order
  })

  /** The order of a try. Where we were never told its number, PayPal tells it again for ours. */
  const find = Effect.fnUntraced(
    function* (attempt: ChannelAttempt): Effect.fn.Return<Option.Option<PaypalOrder>, ChannelError> {
      const id = attempt.channelReference ?? (yield* open(attempt, "query")).id
      const order = yield* client.call({
        operation: "query",
        method: "GET",
        path: `v2/checkout/orders/${encodeURIComponent(id)}`,
        answer: PaypalOrder
      })
      return Option.some(yield* assertOurs(attempt, order))
    },
    Effect.catchIf(isMissing, () => Effect.succeedNone)
  )

  const toState = Effect.fnUntraced(function* (order: PaypalOrder): Effect.fn.Return<ChannelPayment, ChannelError> {
    const capture = captureOf(order)
    if (capture === undefined) return { _tag: "Open" }
    const now = new Date(yield* Clock.currentTimeMillis)
    const payment = toPayment(capture, order.id, order.purchase_units[0]?.payee?.merchant_id, now)
    return Option.isSome(payment) ? payment.value : yield* unreadable
  })

  const take = (attempt: ChannelAttempt, { id }: PaypalOrder) =>
    client
      .call({
        operation: "capture",
        method: "POST",
        path: `v2/checkout/orders/${encodeURIComponent(id)}/capture`,
        requestId: `capture-${attempt.id}`,
        body: {},
        answer: PaypalOrder
      })
      .pipe(
        Effect.flatMap((order) => (order.id === id ? toState(order) : Effect.fail(contradiction))),
        // the buyer may choose another way to pay on PayPal's page
        Effect.catchIf(isDeclined, () => Effect.succeed<ChannelPayment>({ _tag: "Open" }))
      )

  const query = Effect.fnUntraced(function* (attempt: ChannelAttempt): Effect.fn.Return<ChannelPayment, ChannelError> {
    const order = yield* find(attempt)
    if (Option.isNone(order)) return { _tag: "Missing" }
    if (order.value.status === "VOIDED") return { _tag: "Closed" }
    return yield* order.value.status === "APPROVED" ? take(attempt, order.value) : toState(order.value)
  })

  const close = Effect.fnUntraced(function* (
    attempt: ChannelAttempt
  ): Effect.fn.Return<"closed" | "paid", ChannelError> {
    const order = yield* find(attempt)
    if (Option.isNone(order)) return "closed"
    const { _tag } = yield* toState(order.value)
    if (_tag === "Paid") return "paid"
    // PayPal has the money and looks at it, or waits for a bank: it may still be ours
    return _tag === "Open" && captureOf(order.value) !== undefined ? yield* fromNetwork("NOT_CLOSABLE") : "closed"
  })

  const toRefund = (input: ChannelRefund, refund: PaypalRefund): Effect.Effect<ChannelRefundState, ChannelError> =>
    refund.custom_id === toHexId(input.id)
      ? Effect.mapError(Effect.fromOption(toRefundState(refund)), () => unreadable)
      : Effect.fail(contradiction)

  const refund = Effect.fnUntraced(function* (input: ChannelRefund) {
    const amount = Option.getOrUndefined(toPaypalMoney(input.amount))
    if (amount === undefined) return yield* unrepresentable
    const order = yield* find(input.attempt)
    const capture = Option.isNone(order) ? undefined : captureOf(order.value)
    if (capture === undefined) return yield* channelFailure("declined", "CAPTURE_NOT_FOUND")
    const answer = yield* client.call({
      operation: "refund",
      method: "POST",
      path: `v2/payments/captures/${encodeURIComponent(capture.id)}/refund`,
      requestId: `refund-${input.id}`,
      body: { amount, custom_id: toHexId(input.id), invoice_id: toHexId(input.id), note_to_payer: input.reason },
      answer: PaypalRefund
    })
    return yield* toRefund(input, answer)
  })

  const queryRefund = Effect.fnUntraced(function* (
    input: ChannelRefund
  ): Effect.fn.Return<ChannelRefundState, ChannelError> {
    const id = input.attempt.channelReference
    if (id === null) return { _tag: "Missing" }
    const order = yield* client.call({
      operation: "queryRefund",
      method: "GET",
      path: `v2/checkout/orders/${encodeURIComponent(id)}`,
      answer: PaypalOrder
    })
    const found = refundsOf(order).find(({ custom_id }) => custom_id === toHexId(input.id))
    return found === undefined ? { _tag: "Missing" } : yield* toRefund(input, found)
  })

  const channel: Channel = {
    id: ChannelId.make("paypal"),
    methods: ["paypal"],
    pageMethods: ["paypal"],
    currencies: paypalCurrencies,
    account: { merchant_id: merchantId },
    advice,
    create,
    query,
    close,
    refund,
    queryRefund,
    parseCallback: PaypalCallback.make(settings, client),
    acknowledgement: { status: 200, contentType: "application/json", body: "{}" },
    refusal: (reason) => ({
      status: reason === "unavailable" || reason === "unverifiable" ? 503 : reason === "malformed" ? 400 : 401,
      contentType: "application/json",
      body: `{"reason":"${reason}"}`
    }),
    bill: paypalBill(merchantId, client)
  }
  return channel
})

export const paypal: ChannelDefinition = {
  id: "paypal",
  setting: "PAYPAL_CLIENT_ID",
  make: Effect.flatMap(paypalConfig, (settings) => Effect.transposeOption(Option.map(settings, make))),
  own: ownAccounts({
    bill: paypalBillTerms,
    credentials: PaypalCredentials,
    accountOf: ({ merchantId }) => merchantId,
    settings: ownPaypalSettings,
    make
  })
}
