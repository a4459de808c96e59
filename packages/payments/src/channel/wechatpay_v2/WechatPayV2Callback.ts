import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { AttemptId } from "@mall/domain/payments/Payment"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { Effect, Option, Schema } from "effect"
import type { Notice, RawCallback, VerifiedCallback } from "../Channel.ts"
import { CallbackRefused } from "../ChannelError.ts"
import { fromHexId } from "../hexId.ts"
import { parseFlatXml } from "./flatXml.ts"
import type { Fields } from "./flatXml.ts"
import type { WechatPayV2Settings } from "./WechatPayV2Config.ts"
import { decryptRefund, isSigned } from "./wechatPayV2Signature.ts"
import { fromWechatTime } from "./wechatTime.ts"

const ascii = (maxLength: number) =>
  Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxLength), Schema.isPattern(/^[\x21-\x7e]+$/))

const PaymentFields = Schema.Struct({
  return_code: Schema.Literal("SUCCESS"),
  result_code: Schema.Literals(["SUCCESS", "FAIL"]),
  appid: ascii(32),
  mch_id: ascii(32),
  out_trade_no: Schema.String,
  transaction_id: ascii(64),
  total_fee: Schema.FiniteFromString.pipe(Schema.decodeTo(MinorUnits)),
  fee_type: Currency.pipe(Schema.withDecodingDefaultKey(Effect.succeed("CNY" as const))),
  time_end: Schema.String
})

const RefundFields = Schema.Struct({ out_refund_no: Schema.String, refund_id: ascii(64), refund_status: ascii(32) })

const decodePayment = Schema.decodeUnknownEffect(PaymentFields)
const decodeRefund = Schema.decodeUnknownEffect(RefundFields)
const isAttemptId = Schema.is(AttemptId)
const isRefundId = Schema.is(RefundId)

const refused = (reason: CallbackRefused["reason"]) => new CallbackRefused({ reason })
const malformed = () => refused("malformed")

/**
 * Believes a payment's notice that is signed with our key. The protocol signs no time of sending, and when the payment was made
 * says nothing about that: a genuine notice may come a day late. So a recorded one can be played back, and is a repetition
 * that changes nothing. A refund's notice is not signed at all, only encrypted without a seal: it is a hint to ask.
 */
export const make = (settings: WechatPayV2Settings) => {
  const paymentNotice = Effect.fnUntraced(function* (fields: Fields) {
    if (!isSigned(fields, settings.apiKey)) return yield* refused("signature")
    const told = yield* decodePayment(fields).pipe(Effect.mapError(malformed))
    const { appid, fee_type, mch_id, out_trade_no, result_code, time_end, total_fee, transaction_id } = told
    const attemptId = fromHexId(out_trade_no)
    const paidAt = Option.getOrUndefined(fromWechatTime(time_end))
    if (paidAt === undefined) return yield* malformed()
    const payment =
      result_code === "SUCCESS"
        ? ({
            _tag: "Paid",
            amount: total_fee,
            currency: fee_type,
            account: { appid, mch_id },
            channelReference: transaction_id,
            paidAt
          } as const)
        : ({ _tag: "Open" } as const)
    const notice: Notice = isAttemptId(attemptId)
      ? { _tag: "PaymentNotice", attemptId, payment }
      : { _tag: "OtherNotice", about: "an order of another system" }
    const verified: VerifiedCallback = {
      // there is no number of the event: what it says is what it is
      eventId: [transaction_id, result_code, out_trade_no, total_fee, fee_type, mch_id].join(".").slice(0, 128),
      eventType: result_code === "SUCCESS" ? "PAYMENT" : "PAYMENT.FAIL",
      nonce: null,
      notice
    }
    return verified
  })

  const refundNotice = Effect.fnUntraced(function* (fields: Fields, secret: string) {
    if (fields["appid"] !== settings.appid || fields["mch_id"] !== settings.mchid) return yield* refused("signature")
    const plain = yield* Effect.try({
      try: () => decryptRefund(secret, settings.apiKey),
      catch: () => refused("signature")
    })
    const told = yield* parseFlatXml(plain, "root").pipe(Effect.flatMap(decodeRefund), Effect.mapError(malformed))
    const refundId = fromHexId(told.out_refund_no)
    const notice: Notice = isRefundId(refundId)
      ? { _tag: "RefundNotice", refundId, refund: { _tag: "Changed" } }
      : { _tag: "OtherNotice", about: "a refund of another system" }
    const verified: VerifiedCallback = {
      eventId: `${told.refund_id}.${told.refund_status}`,
      eventType: `REFUND.${told.refund_status}`,
      nonce: null,
      notice
    }
    return verified
  })

  return Effect.fn("WechatPayV2.parseCallback")(function* ({ body }: RawCallback) {
    const text = yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(body),
      catch: malformed
    })
    const fields = yield* parseFlatXml(text, "xml").pipe(Effect.mapError(malformed))
    const { req_info } = fields
    return yield* req_info === undefined ? paymentNotice(fields) : refundNotice(fields, req_info)
  })
}
