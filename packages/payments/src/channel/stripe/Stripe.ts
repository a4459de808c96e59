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
import { stripeCurrencies, toStripeAmount } from "./stripeAmount.ts"
import { stripeBill, stripeBillTerms } from "./stripeBill.ts"
import * as StripeCallback from "./StripeCallback.ts"
import * as StripeClient from "./StripeClient.ts"
import { ownAccounts } from "../OwnAccounts.ts"
import { ownStripeSettings, StripeCredentials, stripeConfig } from "./StripeConfig.ts"
import type { StripeSettings } from "./StripeConfig.ts"
import * as StripeDisputes from "./StripeDisputes.ts"
import { advice, isMissing, isUnexpectedState } from "./stripeErrors.ts"
import { attemptIdOf, PaymentIntent, refundIdOf, StripeRefund, toPayment, toRefundState } from "./stripeObjects.ts"

const Found = Schema.Struct({ data: Schema.Array(PaymentIntent) })
const Refunds = Schema.Struct({ data: Schema.Array(StripeRefund) })

/** The ways to pay that Stripe's own page for the buyer offers; wallets are cards to the API. */
const methods = ["card", "apple_pay", "google_pay"] as const

const unreadable = fromNetwork("UNREADABLE_ANSWER")
const unrepresentable = channelFailure("declined", "amount_not_representable")
/** At most so many refunds of one payment are looked through. */
const maxRefunds = 100

/**
 * Stripe: a PaymentIntent per try, confirmed by Stripe's script on the buyer's page, so that no card number reaches us. Our
 * number of the try is the idempotency key and in the metadata. Whoever has not got the client secret cannot pay: a
 * PaymentIntent that we never heard of again is harmless.
 */
const make = Effect.fnUntraced(function* (settings: StripeSettings) {
  const client = yield* StripeClient.make(settings)
  const isRegistered = yield* Ref.make(!settings.registersWebhook)
  const account = { livemode: String(settings.isLive) }

  const register = Effect.gen(function* () {
    if (yield* Ref.get(isRegistered)) return
    yield* client.call(
      "register",
      (stripe) => stripe.webhookEndpoints.create({ url: settings.notifyUrl, enabled_events: ["*"] }),
      Schema.Unknown
    )
    yield* Ref.set(isRegistered, true)
  }).pipe(
    Effect.catchTag("ChannelError", ({ reason }) =>
      Effect.logWarning("the address for events is not registered", reason.code)
    )
  )

  const assertOurs = (attempt: ChannelAttempt, intent: PaymentIntent) =>
    attemptIdOf(intent) === attempt.id ? Effect.succeed(intent) : Effect.fail(contradiction)

  const create = Effect.fnUntraced(function* (attempt: ChannelAttempt) {
    const amount = Option.getOrUndefined(toStripeAmount(attempt.amount))
    if (amount === undefined) return yield* unrepresentable
    yield* register
    const intent = yield* client
      .call(
        "create",
        (stripe) =>
          stripe.paymentIntents.create(
            {
              amount,
              currency: attempt.amount.currency.toLowerCase(),
              allowed_payment_method_types: ["card"],
              description: attempt.description,
              metadata: { attempt_id: toHexId(attempt.id) }
            },
            { idempotencyKey: `create-${attempt.id}` }
          ),
        PaymentIntent
      )
      .pipe(Effect.flatMap((created) => assertOurs(attempt, created)))
    const isAsAsked = intent.amount === amount && intent.currency === attempt.amount.currency.toLowerCase()
    if (!isAsAsked || typeof intent.client_secret !== "string") return yield* contradiction
    const order: ChannelOrder = {
      action: {
        type: "params",
        params: {
          clientSecret: intent.client_secret,
          publishableKey: settings.publishableKey,
          paymentIntent: intent.id,
          method: attempt.method
        }
      },
      channelReference: intent.id
    }
    return order
  })

  /** The PaymentIntent of a try: by its number, or, where we were never told it, by ours. */
  const find = Effect.fnUntraced(
    function* (attempt: ChannelAttempt): Effect.fn.Return<Option.Option<PaymentIntent>, ChannelError> {
      const { channelReference, id } = attempt
      if (channelReference !== null) {
        const intent = yield* client.call(
          "query",
          (stripe) => stripe.paymentIntents.retrieve(channelReference, { expand: ["latest_charge"] }),
          PaymentIntent
        )
        return Option.some(yield* assertOurs(attempt, intent))
      }
      const { data } = yield* client.call(
        "query",
        (stripe) =>
          stripe.paymentIntents.search({
            query: `metadata["attempt_id"]:"${toHexId(id)}"`,
            limit: 1,
            expand: ["data.latest_charge"]
          }),
        Found
      )
      const [intent] = data
      return intent === undefined ? Option.none() : Option.some(yield* assertOurs(attempt, intent))
    },
    Effect.catchIf(isMissing, () => Effect.succeedNone)
  )

  const query = Effect.fnUntraced(function* (attempt: ChannelAttempt): Effect.fn.Return<ChannelPayment, ChannelError> {
    const intent = yield* find(attempt)
    if (Option.isNone(intent)) return { _tag: "Missing" }
    const now = new Date(yield* Clock.currentTimeMillis)
    return yield* toPayment(intent.value, now).pipe(Effect.mapError(() => unreadable))
  })

  const afterRefusal = Effect.fnUntraced(function* (attempt: ChannelAttempt) {
    const { _tag } = yield* query(attempt)
    if (_tag === "Paid") return "paid" as const
    if (_tag === "Closed") return "closed" as const
    return yield* fromNetwork("NOT_CLOSABLE")
  })

  const close = Effect.fnUntraced(function* (
    attempt: ChannelAttempt
  ): Effect.fn.Return<"closed" | "paid", ChannelError> {
    const intent = yield* find(attempt)
    if (Option.isNone(intent)) return "closed"
    // No key of ours: a stored answer to an earlier call would hide what has become of it since.
    return yield* client
      .call("close", (stripe) => stripe.paymentIntents.cancel(intent.value.id, {}), PaymentIntent)
      .pipe(
        Effect.as("closed" as const),
        Effect.catchIf(isUnexpectedState, () => afterRefusal(attempt))
      )
  })

  const toState = (input: ChannelRefund, refund: StripeRefund) =>
    refundIdOf(refund) === input.id
      ? Effect.mapError(toRefundState(refund), () => unreadable)
      : Effect.fail(contradiction)

  const refund = Effect.fnUntraced(function* (input: ChannelRefund) {
    const amount = Option.getOrUndefined(toStripeAmount(input.amount))
    if (amount === undefined) return yield* unrepresentable
    const intent = yield* find(input.attempt)
    if (Option.isNone(intent)) return yield* channelFailure("declined", "resource_missing")
    const answer = yield* client.call(
      "refund",
      (stripe) =>
        stripe.refunds.create(
          {
            payment_intent: intent.value.id,
            amount,
            metadata: { refund_id: toHexId(input.id), attempt_id: toHexId(input.attempt.id), reason: input.reason }
          },
          { idempotencyKey: `refund-${input.id}` }
        ),
      StripeRefund
    )
    return yield* toState(input, answer)
  })

  const queryRefund = Effect.fnUntraced(function* (
    input: ChannelRefund
  ): Effect.fn.Return<ChannelRefundState, ChannelError> {
    const intent = yield* find(input.attempt)
    if (Option.isNone(intent)) return { _tag: "Missing" }
    const { data } = yield* client.call(
      "queryRefund",
      (stripe) => stripe.refunds.list({ payment_intent: intent.value.id, limit: maxRefunds }),
      Refunds
    )
    const found = data.find((candidate) => refundIdOf(candidate) === input.id)
    return found === undefined ? { _tag: "Missing" } : yield* toState(input, found)
  })

  const channel: Channel = {
    id: ChannelId.make("stripe"),
    methods,
    // wallets come with the card's form where the browser has one
    pageMethods: ["card"],
    pageScript: settings.script,
    currencies: stripeCurrencies,
    account,
    advice,
    create,
    query,
    close,
    refund,
    queryRefund,
    disputes: StripeDisputes.make(client),
    bill: stripeBill(settings.isLive ? "live" : "test", client),
    parseCallback: StripeCallback.make(settings, client),
    acknowledgement: { status: 200, contentType: "application/json", body: `{"received":true}` },
    refusal: (reason) => ({
      status: reason === "unavailable" ? 503 : 400,
      contentType: "application/json",
      body: `{"received":false,"reason":"${reason}"}`
    })
  }
  return channel
})

export const stripe: ChannelDefinition = {
  id: "stripe",
  setting: "STRIPE_SECRET_KEY",
  make: Effect.flatMap(stripeConfig, (settings) => Effect.transposeOption(Option.map(settings, make))),
  own: ownAccounts({
    bill: stripeBillTerms,
    credentials: StripeCredentials,
    accountOf: ({ accountId }) => accountId,
    settings: ownStripeSettings,
    make
  })
}
