import { MinorUnits } from "@mall/domain/kernel/Money"
import { Currency } from "@mall/domain/kernel/Currency"
import { AttemptId } from "@mall/domain/payments/Payment"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { Effect, Redacted, Schema } from "effect"
import { Aes } from "wechatpay-axios-plugin"
import type { Notice, RawCallback, VerifiedCallback } from "../Channel.ts"
import { CallbackRefused } from "../ChannelError.ts"
import { fromHexId } from "../hexId.ts"
import type { PlatformKeys } from "./PlatformKeys.ts"
import type { WechatPaySettings } from "./WechatPayConfig.ts"
import { ascii, verifySeal } from "./wechatPaySeal.ts"
import { toPayment, Transaction } from "./wechatPayTransaction.ts"
import type { TransactionIncomplete } from "./wechatPayTransaction.ts"

const Envelope = Schema.fromJsonString(
  Schema.Struct({
    id: ascii(64),
    event_type: ascii(64),
    resource_type: Schema.Literal("encrypt-resource"),
    resource: Schema.Struct({
      algorithm: Schema.Literal("AEAD_AES_256_GCM"),
      ciphertext: Schema.String,
      nonce: Schema.String,
      associated_data: Schema.optionalKey(Schema.String)
    })
  })
)

const RefundResource = Schema.fromJsonString(
  Schema.Struct({
    mchid: ascii(32),
    out_refund_no: Schema.String,
    refund_id: ascii(64),
    refund_status: Schema.Literals(["SUCCESS", "CLOSED", "ABNORMAL"]),
    amount: Schema.Struct({ refund: MinorUnits, currency: Schema.optionalKey(Currency) })
  })
)
const TransactionResource = Schema.fromJsonString(Transaction)

const decodeEnvelope = Schema.decodeEffect(Envelope)
const decodeTransaction = Schema.decodeEffect(TransactionResource)
const decodeRefund = Schema.decodeEffect(RefundResource)
const isAttemptId = Schema.is(AttemptId)
const isRefundId = Schema.is(RefundId)

const malformed = () => new CallbackRefused({ reason: "malformed" })

/**
 * Believes a notice that is signed by a key of the platform we know, over exactly these bytes, within the window of its
 * own timestamp. When the payment was made says nothing about that: WeChat Pay repeats a notice for 24 hours, each time
 * with a new timestamp, nonce and signature.
 */
export const make = (settings: WechatPaySettings, keys: PlatformKeys) => {
  const decrypt = (resource: (typeof Envelope.Type)["resource"]) =>
    Effect.try({
      try: () =>
        Aes.AesGcm.decrypt(
          resource.ciphertext,
          Redacted.value(settings.apiV3Key),
          resource.nonce,
          resource.associated_data
        ),
      catch: malformed
    })

  const paymentNotice = Effect.fnUntraced(function* (plain: string) {
    const transaction = yield* decodeTransaction(plain)
    const attemptId = fromHexId(transaction.out_trade_no)
    const notice: Notice = isAttemptId(attemptId)
      ? { _tag: "PaymentNotice", attemptId, payment: yield* toPayment(transaction) }
      : { _tag: "OtherNotice", about: "an order of another system" }
    return notice
  })

  const refundNotice = Effect.fnUntraced(function* (plain: string) {
    const { amount, mchid, out_refund_no, refund_id, refund_status } = yield* decodeRefund(plain)
    const refundId = fromHexId(out_refund_no)
    if (!isRefundId(refundId)) {
      const other: Notice = { _tag: "OtherNotice", about: "a refund of another system" }
      return other
    }
    const notice: Notice = {
      _tag: "RefundNotice",
      refundId,
      refund:
        refund_status === "SUCCESS"
          ? {
              _tag: "Refunded",
              amount: amount.refund,
              currency: amount.currency ?? "CNY",
              account: { mchid },
              channelReference: refund_id
            }
          : { _tag: "Failed", code: refund_status }
    }
    return notice
  })

  const noticeOf = (
    eventType: string,
    plain: string
  ): Effect.Effect<Notice, Schema.SchemaError | TransactionIncomplete> => {
    switch (eventType) {
      case "TRANSACTION.SUCCESS":
        return paymentNotice(plain)
      case "REFUND.SUCCESS":
      case "REFUND.ABNORMAL":
      case "REFUND.CLOSED":
        return refundNotice(plain)
      default:
        return Effect.succeed({ _tag: "OtherNotice", about: eventType })
    }
  }

  return Effect.fn("WechatPay.parseCallback")(function* (callback: RawCallback) {
    const nonce = yield* verifySeal(callback, settings.callbackWindow, keys.find)
    const text = yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(callback.body),
      catch: malformed
    })
    const { event_type, id, resource } = yield* decodeEnvelope(text).pipe(Effect.mapError(malformed))
    const plain = yield* decrypt(resource)
    const notice = yield* noticeOf(event_type, plain).pipe(Effect.mapError(malformed))
    const verified: VerifiedCallback = { eventId: id, eventType: event_type, nonce, notice }
    return verified
  })
}
