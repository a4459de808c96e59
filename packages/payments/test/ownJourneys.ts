import { Money } from "@mall/domain/kernel/Money"
import { ChannelId, ChannelMethod } from "@mall/domain/payments/Payment"
import { Effect, Schedule } from "effect"
import { HttpBody, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { ChannelCredentials } from "../src/credentials/ChannelCredentials.ts"
import { Confirmations } from "../src/lifecycle/Confirmations.ts"
import { Payments } from "../src/lifecycle/Payments.ts"
import { newOperationId } from "./TestPayments.ts"
import type { Merchant } from "./TwoMerchants.ts"

const post = Effect.fnUntraced(function* (url: string, authorization: string, body: HttpBody.HttpBody) {
  const http = yield* HttpClient.HttpClient
  const answer = yield* http.execute(
    HttpClientRequest.post(url).pipe(
      HttpClientRequest.setHeader("authorization", authorization),
      HttpClientRequest.setBody(body)
    )
  )
  return yield* HttpClientResponse.filterStatusOk(answer)
})

/** Enters an address for events, as the owner of the account does at the channel. */
const tellStripe = ({ account: { stripe }, sandbox }: Merchant, url: string) =>
  post(
    `${sandbox}/stripe/v1/webhook_endpoints`,
    `Bearer ${stripe["secretKey"]}`,
    HttpBody.text(new URLSearchParams({ url }).toString(), "application/x-www-form-urlencoded")
  )

const tellPaypal = Effect.fnUntraced(function* ({ account: { paypal }, sandbox }: Merchant, url: string) {
  const basic = Buffer.from(`${paypal["clientId"]}:${paypal["clientSecret"]}`).toString("base64")
  const granted = yield* post(
    `${sandbox}/paypal/v1/oauth2/token`,
    `Basic ${basic}`,
    HttpBody.text("grant_type=client_credentials", "application/x-www-form-urlencoded")
  )
  const [, token = ""] = /"access_token":"([^"]+)"/.exec(yield* granted.text) ?? []
  yield* post(
    `${sandbox}/paypal/v1/notifications/webhooks`,
    `Bearer ${token}`,
    HttpBody.jsonUnsafe({ url, event_types: [{ name: "*" }] })
  )
})

export const journeys = [
  { channel: "alipay", method: "precreate", currency: "CNY" },
  { channel: "paypal", method: "paypal", currency: "USD" },
  { channel: "stripe", method: "card", currency: "USD" },
  { channel: "wechatpay", method: "native", currency: "CNY" },
  { channel: "wechatpay_v2", method: "native", currency: "CNY" }
] as const

export type Journey = (typeof journeys)[number]

/** Gives the channel's credentials, and the channel the address where it is to send what it has to tell. */
export const setUp = Effect.fnUntraced(function* (merchant: Merchant, { channel }: Journey) {
  const credentials = yield* ChannelCredentials
  const set = yield* credentials.set(
    merchant.id,
    { channel: ChannelId.make(channel), credentials: merchant.credentials[channel], reason: "own account" },
    "test"
  )
  if (channel === "stripe") yield* tellStripe(merchant, set.notifyUrl)
  if (channel === "paypal") yield* tellPaypal(merchant, set.notifyUrl)
  return set
})

export const begin = Effect.fnUntraced(function* (
  { principal }: Merchant,
  { channel, currency, method }: Journey,
  amount = 1999
) {
  const payments = yield* Payments
  const confirmations = yield* Confirmations
  const payment = yield* payments.create(
    { amount: Money.of(amount, currency), reference: "order-1", description: "Two shirts 两件衬衫" },
    principal,
    yield* newOperationId
  )
  const { attempt } = yield* confirmations.confirm(
    payment.id,
    { channel: ChannelId.make(channel), method: ChannelMethod.make(method) },
    principal
  )
  return { payment: payment.id, attempt: attempt.id }
})

export const eventually = <A, E, R>(what: string, look: Effect.Effect<A | undefined, E, R>) =>
  look.pipe(
    Effect.repeat({ until: (found) => found !== undefined, schedule: Schedule.spaced("10 millis") }),
    Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.die(new Error(`Not seen: ${what}`)) })
  )
