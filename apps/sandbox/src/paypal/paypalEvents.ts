import { DateTime, Duration, Effect, Schema } from "effect"
import { sign } from "node:crypto"
import { crc32 } from "node:zlib"
import type { Notice, NoticeProtocol } from "../Channel.ts"
import type { Tampering } from "../Fault.ts"
import { falsify } from "./falsify.ts"
import type { PaypalKeys } from "./PaypalKeys.ts"
import { idOf } from "./paypalObjects.ts"

/** PayPal tries 25 times over three days. */
const pauses = [
  ...[10, 60].map(Duration.seconds),
  ...[5, 15, 30].map(Duration.minutes),
  ...Array.from({ length: 20 }, () => Duration.minutes(210))
]

const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Json))

export const certificateOf = (merchantId: string) => `CERT-${merchantId}`

/** How events are signed and delivered; `originOf` says where the merchant reaches us, and so our certificate. */
export const paypalEvents = (
  { merchantId, privateKey, webhookId }: PaypalKeys,
  originOf: () => string
): NoticeProtocol => ({
  seal: Effect.fnUntraced(function* (notice: Notice, tampering: Tampering | undefined) {
    const now = yield* DateTime.now
    const time = DateTime.formatIso(tampering === "timestamp" ? DateTime.subtract(now, { minutes: 10 }) : now)
    const event = {
      id: `WH-${idOf("event", notice.id)}`,
      event_version: "1.0",
      create_time: notice.createdAt,
      resource_type: "capture",
      event_type: notice.event,
      resource: falsify(notice.payload, tampering)
    }
    const body = toJson(event)
    const signed = `${notice.id}|${time}|${tampering === "signature" ? "WH-OTHER" : webhookId}|${crc32(body)}`
    const certificate = tampering === "serial" ? "CERT-unknown" : certificateOf(merchantId)
    return {
      headers: {
        "content-type": "application/json",
        "paypal-transmission-id": notice.id,
        "paypal-transmission-time": time,
        "paypal-transmission-sig": sign("sha256", Buffer.from(signed), privateKey).toString("base64"),
        "paypal-cert-url": `${originOf()}/paypal/v1/notifications/certs/${certificate}`,
        "paypal-auth-algo": "SHA256withRSA"
      },
      body: tampering === "body" ? body.replace("event", "evenT") : body
    }
  }),
  isAcknowledged: (status) => status >= 200 && status < 300,
  pauses
})
