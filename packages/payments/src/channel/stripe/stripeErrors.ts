import { Stripe } from "stripe"
import type { CallFailed } from "@mall/platform/DownstreamError"
import { networkCodeOf, noAnswer } from "../channelCalls.ts"
import type { Advice } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { channelFailure, fromNetwork, meaningOfStatus } from "../channelFailure.ts"

export const advice: Readonly<Record<string, Advice>> = {
  rate_limit: "retrySame",
  insufficient_funds: "askBuyer",
  expired_card: "askBuyer",
  incorrect_cvc: "askBuyer",
  incorrect_number: "askBuyer",
  authentication_required: "askBuyer",
  card_velocity_exceeded: "askBuyer",
  card_declined: "askBuyer",
  generic_decline: "askBuyer",
  do_not_honor: "askBuyer",
  processing_error: "retryOther",
  currency_not_supported: "retryOther",
  account_invalid: "retryOther",
  api_key_expired: "retryOther",
  amount_not_representable: "unsuited",
  amount_too_small: "unsuited",
  amount_too_large: "unsuited",
  fraudulent: "stop",
  lost_card: "stop",
  stolen_card: "stop",
  merchant_blacklist: "stop"
}

/** Codes that leave open what became of the request. */
const undecided = new Set(["lock_timeout", "idempotency_key_in_use", "payment_intent_unexpected_state"])

/** Codes of a refund that Stripe will never make: a bank took the money back already, or somebody gave it back by hand. */
const neverRefunded = new Set([
  "charge_already_refunded",
  "charge_disputed",
  "charge_not_refundable",
  "refund_disputed_payment"
])

/** Codes of an amount below Stripe's least or above its most. */
const neverCharged = new Set(["amount_too_small", "amount_too_large"])

const isCode = (text: string | undefined): text is string => text !== undefined && /^[a-z][a-z0-9_]{1,63}$/.test(text)

/** What the library threw. Its message may repeat what we sent and is not kept. */
export const toFailure = (cause: unknown): ChannelError | CallFailed => {
  if (cause instanceof Stripe.errors.StripeConnectionError) return noAnswer(fromNetwork(networkCodeOf(cause.detail)))
  if (!(cause instanceof Stripe.errors.StripeError) || cause.statusCode === undefined) {
    return noAnswer(fromNetwork("UNREADABLE_ANSWER"))
  }
  const { statusCode } = cause
  const code = [cause.decline_code, cause.code, cause.rawType].find(isCode)
  if (code === undefined) {
    return noAnswer(statusCode === 429 ? channelFailure("notSent", "HTTP_429") : fromNetwork(`HTTP_${statusCode}`))
  }
  if (statusCode >= 500) return noAnswer(channelFailure("unknown", code))
  if (statusCode === 429) return noAnswer(channelFailure("notSent", code))
  if (statusCode === 402 || neverRefunded.has(code) || neverCharged.has(code)) return channelFailure("declined", code)
  return channelFailure(statusCode === 409 || undecided.has(code) ? "unknown" : meaningOfStatus(statusCode), code)
}

export const isMissing = ({ reason }: ChannelError) => reason.code === "resource_missing"
export const isUnexpectedState = ({ reason }: ChannelError) => reason.code === "payment_intent_unexpected_state"
