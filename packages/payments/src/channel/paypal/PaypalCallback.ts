import { AttemptId } from "@mall/domain/payments/Payment"
import { RefundId } from "@mall/domain/payments/PaymentGateway"
import { Clock, Duration, Effect, Option, Result, Schema } from "effect"
import { createPublicKey, verify as verifySignature, X509Certificate } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { crc32 } from "node:zlib"
import type { Notice, RawCallback, VerifiedCallback } from "../Channel.ts"
import { CallbackRefused } from "../ChannelError.ts"
import { fromHexId } from "../hexId.ts"
import type { PaypalClient } from "./PaypalClient.ts"
import type { PaypalSettings } from "./PaypalConfig.ts"
import { Capture, PaypalOrder, PaypalRefund, toPayment, toRefundState } from "./paypalObjects.ts"

const ascii = (maxLength: number) =>
  Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(maxLength), Schema.isPattern(/^[\x21-\x7e]+$/))

const SignedHeaders = Schema.Struct({
  "paypal-transmission-id": ascii(128),
  "paypal-transmission-time": Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)),
  "paypal-transmission-sig": ascii(1024),
  "paypal-cert-url": ascii(512),
  "paypal-auth-algo": Schema.Literal("SHA256withRSA")
})
const Event = Schema.fromJsonString(Schema.Struct({ id: ascii(128), event_type: ascii(64), resource: Schema.Unknown }))
const decodeHeaders = Schema.decodeUnknownEffect(SignedHeaders)
const decodeEvent = Schema.decodeEffect(Event)
const decodeCapture = Schema.decodeUnknownEffect(Capture)
const decodeOrder = Schema.decodeUnknownEffect(PaypalOrder)
const decodeRefund = Schema.decodeUnknownEffect(PaypalRefund)
const isAttemptId = Schema.is(AttemptId)
const isRefundId = Schema.is(RefundId)

const refused = (reason: CallbackRefused["reason"]) => new CallbackRefused({ reason })
const malformed = () => refused("malformed")

/** Certificates kept; PayPal uses a few at a time. */
const maxCertificates = 16

/** The key of a certificate that is valid now; a bare public key is taken as it is. */
const keyOf = (pem: string, now: number) => {
  if (!pem.includes("BEGIN CERTIFICATE")) return createPublicKey(pem)
  const certificate = new X509Certificate(pem)
  if (certificate.validFromDate.getTime() > now || certificate.validToDate.getTime() < now) {
    throw new Error("The certificate is not valid now")
  }
  return certificate.publicKey
}

/**
 * Believes an event that is signed over its id, time, our webhook and the checksum of these bytes, by a certificate from PayPal's
 * own host, within the window of its own time. Where the host does not hand it out, nobody can say. The certificate is fetched at its first use and kept; that TLS to the pinned
 * host brought it is what makes it PayPal's.
 */
export const make = (settings: PaypalSettings, client: PaypalClient) => {
  const keys = new Map<string, KeyObject>()
  const origins = new Set(settings.certificateOrigins)

  const keyAt = Effect.fnUntraced(function* (address: string) {
    const kept = keys.get(address)
    if (kept !== undefined) return kept
    const url = URL.parse(address)
    if (url === null || !origins.has(url.origin)) return yield* refused("serial")
    const found = yield* client.fetchText(url.href).pipe(
      Effect.tapError((error) => Effect.logWarning("a certificate of PayPal not fetched", error)),
      Effect.mapError(() => refused("unverifiable"))
    )
    if (Option.isNone(found)) return yield* refused("serial")
    const pem = found.value
    const now = yield* Clock.currentTimeMillis
    const key = yield* Effect.try({ try: () => keyOf(pem, now), catch: () => refused("serial") })
    if (keys.size >= maxCertificates) keys.clear()
    keys.set(address, key)
    return key
  })

  const verify = Effect.fnUntraced(function* ({ body, headers }: RawCallback) {
    const signed = yield* decodeHeaders(headers).pipe(Effect.mapError(() => refused("signature")))
    const id = signed["paypal-transmission-id"]
    const time = signed["paypal-transmission-time"]
    const age = Math.abs((yield* Clock.currentTimeMillis) - Date.parse(time))
    if (!(age <= Duration.toMillis(settings.callbackWindow))) return yield* refused("timestamp")
    const key = yield* keyAt(signed["paypal-cert-url"])
    const message = `${id}|${time}|${settings.webhookId}|${crc32(body)}`
    const signature = Buffer.from(signed["paypal-transmission-sig"], "base64")
    const holds = Result.getOrElse(
      Result.try(() => verifySignature("sha256", Buffer.from(message), key, signature)),
      () => false
    )
    return holds ? id : yield* refused("signature")
  })

  const attemptNotice = (
    customId: string | undefined,
    payment: Option.Option<Extract<Notice, { readonly _tag: "PaymentNotice" }>["payment"]>
  ): Option.Option<Notice> => {
    const attemptId = fromHexId(customId ?? "")
    return isAttemptId(attemptId)
      ? Option.map(payment, (told) => ({ _tag: "PaymentNotice", attemptId, payment: told }))
      : Option.some({ _tag: "OtherNotice", about: "an order of another system" })
  }

  const captureNotice = Effect.fnUntraced(function* (resource: unknown) {
    const capture = yield* decodeCapture(resource)
    const orderId = capture.supplementary_data?.related_ids?.order_id
    const now = new Date(yield* Clock.currentTimeMillis)
    return attemptNotice(
      capture.custom_id,
      // without the order's number it cannot be compared: the channel is asked
      orderId === undefined ? Option.some({ _tag: "Approved" }) : toPayment(capture, orderId, undefined, now)
    )
  })

  const orderNotice = (resource: unknown) =>
    Effect.map(decodeOrder(resource), ({ purchase_units: [unit] }) =>
      attemptNotice(unit?.custom_id, Option.some({ _tag: "Approved" }))
    )

  const refundNotice = (resource: unknown) =>
    Effect.map(decodeRefund(resource), (told): Option.Option<Notice> => {
      const refundId = fromHexId(told.custom_id ?? "")
      return isRefundId(refundId)
        ? Option.map(toRefundState(told), (refund) => ({ _tag: "RefundNotice", refundId, refund }))
        : Option.some({ _tag: "OtherNotice", about: "a refund of another system" })
    })

  const noticeOf = (type: string, resource: unknown): Effect.Effect<Option.Option<Notice>, Schema.SchemaError> => {
    switch (type) {
      case "CHECKOUT.ORDER.APPROVED":
        return orderNotice(resource)
      case "PAYMENT.CAPTURE.COMPLETED":
      case "PAYMENT.CAPTURE.DECLINED":
      case "PAYMENT.CAPTURE.PENDING":
        return captureNotice(resource)
      case "PAYMENT.CAPTURE.REFUNDED":
        return refundNotice(resource)
      default:
        return Effect.succeedSome({ _tag: "OtherNotice", about: type })
    }
  }

  return Effect.fn("Paypal.parseCallback")(function* (callback: RawCallback) {
    yield* verify(callback)
    const text = yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true }).decode(callback.body),
      catch: malformed
    })
    const event = yield* decodeEvent(text).pipe(Effect.mapError(malformed))
    const notice = yield* noticeOf(event.event_type, event.resource).pipe(
      Effect.flatMap(Effect.fromOption),
      Effect.mapError(malformed)
    )
    // A repetition has the transmission's id of the first sending, so that only the event tells them apart.
    const verified: VerifiedCallback = { eventId: event.id, eventType: event.event_type, nonce: null, notice }
    return verified
  })
}
