import { parseMajor } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { AttemptId } from "@mall/domain/payments/Payment"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { Clock, Duration, Effect, Option, Result, Schema } from "effect"
import { ChannelText } from "../Channel.ts"
import type { Notice, RawCallback, VerifiedCallback } from "../Channel.ts"
import { CallbackRefused } from "../ChannelError.ts"
import { fromHexId } from "../hexId.ts"
import type { AlipayClient } from "./AlipayClient.ts"
import type { AlipaySettings } from "./AlipayConfig.ts"
import { fromAlipayTime } from "./alipayTime.ts"

const ascii = (maxLength: number) =>
  Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxLength), Schema.isPattern(/^[\x21-\x7e]+$/))

const NoticeFields = Schema.Struct({
  notify_id: ascii(128),
  notify_type: ascii(64),
  notify_time: Schema.String,
  app_id: ascii(32),
  seller_id: ascii(32),
  trade_no: ascii(64),
  out_trade_no: Schema.String,
  trade_status: ascii(32),
  total_amount: Schema.String,
  gmt_payment: Schema.optionalKey(Schema.String),
  /** There where the notice is about a refund: our number of it, and all that was given back so far. */
  out_biz_no: Schema.optionalKey(Schema.String),
  refund_fee: Schema.optionalKey(Schema.String)
})
const decodeFields = Schema.decodeUnknownEffect(NoticeFields)
const isAttemptId = Schema.is(AttemptId)
const isRefundId = Schema.is(RefundId)
const isMinorUnits = Schema.is(MinorUnits)
const isChannelText = Schema.is(ChannelText)

const refused = (reason: CallbackRefused["reason"]) => new CallbackRefused({ reason })
const malformed = () => refused("malformed")

/** The fields of a form; none where a name comes twice, for which of the two is signed is open to doubt. */
const formOf = (body: Uint8Array) =>
  Result.try(() => {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body)
    const entries = [...new URLSearchParams(text)]
    const fields: Record<string, string> = Object.create(null)
    for (const [name, value] of entries) fields[name] = value
    return Object.keys(fields).length === entries.length ? fields : undefined
  })

/**
 * Believes a notice that Alipay signed and sent within the window: `notify_time` is when it was sent, anew for each repetition;
 * when the payment was made says nothing about that. There is no nonce, so that a recorded sending counts as a repetition of
 * its event, which changes nothing.
 */
export const make = (settings: AlipaySettings, client: AlipayClient) => {
  const verify = Effect.fnUntraced(function* ({ body }: RawCallback) {
    const form = Result.getOrElse(formOf(body), () => undefined)
    if (form === undefined) return yield* malformed()
    const isGenuine = Result.getOrElse(
      Result.try(() => client.isGenuine(form)),
      () => false
    )
    if (!isGenuine) return yield* refused("signature")
    const fields = yield* decodeFields(form).pipe(Effect.mapError(malformed))
    const sentAt = fromAlipayTime(fields.notify_time)
    if (Option.isNone(sentAt)) return yield* malformed()
    const age = Math.abs((yield* Clock.currentTimeMillis) - sentAt.value.getTime())
    if (age > Duration.toMillis(settings.callbackWindow)) return yield* refused("timestamp")
    return fields
  })

  const noticeOf = (fields: typeof NoticeFields.Type): Notice | undefined => {
    const { app_id, out_biz_no, out_trade_no, refund_fee, seller_id, trade_no, trade_status } = fields
    if (fields.notify_type !== "trade_status_sync") return { _tag: "OtherNotice", about: fields.notify_type }
    const account = { app_id, seller_id }
    // A refund's own amount is not told, only the sum of all: the channel is asked about it.
    if (refund_fee !== undefined && out_biz_no !== undefined) {
      const refundId = fromHexId(out_biz_no)
      return isRefundId(refundId)
        ? { _tag: "RefundNotice", refundId, refund: { _tag: "Changed" } }
        : { _tag: "OtherNotice", about: "a refund of another system" }
    }
    const attemptId = fromHexId(out_trade_no)
    if (!isAttemptId(attemptId)) return { _tag: "OtherNotice", about: "an order of another system" }
    switch (trade_status) {
      case "TRADE_SUCCESS":
      case "TRADE_FINISHED": {
        const amount = parseMajor(fields.total_amount, "CNY")
        const paidAt = Option.getOrUndefined(fromAlipayTime(fields.gmt_payment ?? fields.notify_time))
        if (!isMinorUnits(amount) || paidAt === undefined) return undefined
        const payment = { _tag: "Paid", amount, currency: "CNY", account, channelReference: trade_no, paidAt } as const
        return { _tag: "PaymentNotice", attemptId, payment }
      }
      // Also said of a payment that was given back in full, so it decides nothing by itself: the channel is asked.
      case "TRADE_CLOSED":
        return { _tag: "PaymentNotice", attemptId, payment: { _tag: "Open" } }
      case "WAIT_BUYER_PAY":
        return { _tag: "PaymentNotice", attemptId, payment: { _tag: "Open" } }
      default:
        return { _tag: "OtherNotice", about: isChannelText(trade_status) ? trade_status : "unknown" }
    }
  }

  return Effect.fn("Alipay.parseCallback")(function* (callback: RawCallback) {
    const fields = yield* verify(callback)
    const notice = noticeOf(fields)
    if (notice === undefined) return yield* malformed()
    const verified: VerifiedCallback = {
      eventId: fields.notify_id,
      eventType: fields.out_biz_no === undefined ? fields.trade_status : "REFUND",
      nonce: null,
      notice
    }
    return verified
  })
}
