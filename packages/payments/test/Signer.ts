import { Effect, FileSystem, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { randomBytes, randomUUID, sign as signWith } from "node:crypto"
import { Aes } from "wechatpay-axios-plugin"
import { toHexId } from "../src/channel/hexId.ts"
import { Peer } from "./TestPayments.ts"

const Identity = Schema.fromJsonString(
  Schema.Struct({
    appid: Schema.String,
    mchid: Schema.String,
    platformSerial: Schema.String,
    platformPrivateKeyPem: Schema.String,
    apiV3Key: Schema.String
  })
)
const toJson = Schema.encodeSync(Schema.fromJsonString(Schema.Unknown))

export interface Identity {
  readonly appid: string
  readonly mchid: string
  readonly platformSerial: string
  readonly platformPrivateKeyPem: string
  readonly apiV3Key: string
}

/** A notice as it goes over the wire. */
export interface Sending {
  readonly headers: Record<string, string>
  readonly body: string
}

/** A body sealed as the platform seals it, now unless told. */
export const seal = (
  identity: Identity,
  body: string,
  options: { readonly timestamp?: number; readonly nonce?: string; readonly serial?: string } = {}
): Sending => {
  const timestamp = String(options.timestamp ?? Math.floor(Date.now() / 1000))
  const nonce = options.nonce ?? randomBytes(16).toString("hex")
  const signature = signWith("sha256", Buffer.from(`${timestamp}\n${nonce}\n${body}\n`), identity.platformPrivateKeyPem)
  return {
    headers: {
      "wechatpay-serial": options.serial ?? identity.platformSerial,
      "wechatpay-signature": signature.toString("base64"),
      "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
      "wechatpay-timestamp": timestamp,
      "wechatpay-nonce": nonce
    },
    body
  }
}

/** The envelope of one event; the same `eventId` is the same event. */
export const envelope = (
  identity: Identity,
  resource: Record<string, unknown>,
  options: { readonly eventId?: string; readonly eventType?: string; readonly key?: string } = {}
) => {
  const nonce = randomBytes(6).toString("hex")
  return toJson({
    id: options.eventId ?? randomUUID(),
    create_time: "2026-11-20T10:00:00+08:00",
    resource_type: "encrypt-resource",
    event_type: options.eventType ?? "TRANSACTION.SUCCESS",
    summary: "支付成功",
    resource: {
      original_type: "transaction",
      algorithm: "AEAD_AES_256_GCM",
      ciphertext: Aes.AesGcm.encrypt(toJson(resource), options.key ?? identity.apiV3Key, nonce, "transaction"),
      associated_data: "transaction",
      nonce
    }
  })
}

/** What the platform tells of a paid order. */
export const paidOrder = (
  { appid, mchid }: Identity,
  attemptId: string,
  total: number,
  changes: Record<string, unknown> = {}
) => ({
  appid,
  mchid,
  out_trade_no: toHexId(attemptId),
  transaction_id: `42${toHexId(attemptId).slice(4)}`,
  trade_type: "NATIVE",
  trade_state: "SUCCESS",
  trade_state_desc: "支付成功",
  bank_type: "OTHERS",
  success_time: "2026-11-19T10:00:00+08:00",
  payer: { openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" },
  // a platform coupon paid one fen of it
  amount: { total, payer_total: total - 1, currency: "CNY", payer_currency: "CNY" },
  ...changes
})

/** The platform's own hand: it signs what the sandbox would never send. */
export const signer = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const http = yield* HttpClient.HttpClient
  const { callbackUrl, folder } = yield* Peer
  const identity = yield* fs
    .readFileString(`${folder}/sandbox/wechatpay/platform.json`)
    .pipe(Effect.flatMap(Schema.decodeEffect(Identity)))

  const post = Effect.fnUntraced(function* ({ body, headers }: Sending) {
    const response = yield* HttpClientRequest.post(callbackUrl).pipe(
      HttpClientRequest.setHeaders(headers),
      HttpClientRequest.bodyText(body, "application/json"),
      http.execute
    )
    return { status: response.status, body: yield* response.text }
  })

  return {
    identity,
    post,
    /** Tells that `attemptId` was paid. */
    tellPaid: (
      attemptId: string,
      total: number,
      options: { readonly eventId?: string; readonly changes?: Record<string, unknown> } = {}
    ) =>
      Effect.suspend(() =>
        post(seal(identity, envelope(identity, paidOrder(identity, attemptId, total, options.changes), options)))
      )
  }
})
