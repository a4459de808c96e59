import { MinorUnits } from "@mall/domain/kernel/Money"
import { Currency } from "@mall/domain/kernel/Currency"
import { AttemptId } from "@mall/domain/payments/Payment"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { Clock, Duration, Effect, Redacted, Result, Schema } from "effect"
import { verify as verifySignature } from "node:crypto"
import { Aes, Rsa } from "wechatpay-axios-plugin"
import type { Notice, RawCallback, VerifiedCallback } from "../Channel.ts"
import { CallbackRefused } from "../ChannelError.ts"
import { fromHexId } from "../hexId.ts"
import type { WechatPaySettings } from "./WechatPayConfig.ts"
import { toPayment, Transaction } from "./wechatPayTransaction.ts"
import type { TransactionIncomplete } from "./wechatPayTransaction.ts"

const ascii = (maxLength: number) =>
  Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxLength), Schema.isPattern(/^[\x21-\x7e]+$/))

const SignedHeaders = Schema.Struct({
  "wechatpay-serial": ascii(64),
  "wechatpay-signature": ascii(1024),
  "wechatpay-timestamp": Schema.String.check(Schema.isPattern(/^[0-9]{1,12}$/)),
  "wechatpay-nonce": ascii(128),
  "wechatpay-signature-type": Schema.optional(Schema.Literal("WECHATPAY2-SHA256-RSA2048"))
})

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

const decodeHeaders = Schema.decodeUnknownEffect(SignedHeaders)
const decodeEnvelope = Schema.decodeEffect(Envelope)
const decodeTransaction = Schema.decodeEffect(TransactionResource)
const decodeRefund = Schema.decodeEffect(RefundResource)
const isAttemptId = Schema.is(AttemptId)
const isRefundId = Schema.is(RefundId)

const refused = (reason: CallbackRefused["reason"]) => new CallbackRefused({ reason })
const malformed = () => refused("malformed")

/**
 * Believes a notice that is signed by a key of the platform we know, over exactly these bytes, within the window of its
 * own timestamp. When the payment was made says nothing about that: WeChat Pay repeats a notice for 24 hours, each time
 * with a new timestamp, nonce and signature.
 */
export const make = (settings: WechatPaySettings) => {
  const keys = new Map(
    Object.entries(settings.platformKeys).map(([serial, pem]) => [serial, Rsa.from(pem, Rsa.KEY_TYPE_PUBLIC)])
  )

  const verify = Effect.fnUntraced(function* ({ body, headers }: RawCallback) {
    const {
      "wechatpay-nonce": nonce,
      "wechatpay-serial": serial,
      "wechatpay-signature": signature,
      "wechatpay-timestamp": timestamp
    } = yield* decodeHeaders(headers).pipe(Effect.mapError(() => refused("signature")))
    const now = yield* Clock.currentTimeMillis
    if (Math.abs(now - Number(timestamp) * 1000) > Duration.toMillis(settings.callbackWindow)) {
      return yield* refused("timestamp")
    }
    const key = keys.get(serial)
    if (key === undefined) return yield* refused("serial")
    const message = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from("\n")])
    const holds = Result.getOrElse(
      Result.try(() => verifySignature("sha256", message, key, Buffer.from(signature, "base64"))),
      () => false
    )
    if (!holds) return yield* refused("signature")
    return nonce
  })

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
    const nonce = yield* verify(callback)
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
