import { generator } from "@mall/domain/kernel/Id"
import { AttemptId } from "@mall/domain/payments/Payment"
import { DateTime, Duration, Effect, FileSystem, Layer, Redacted, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import type { ChannelAttempt } from "../../../src/channel/Channel.ts"
import * as WechatPay from "../../../src/channel/wechatpay/WechatPay.ts"
import type { WechatPaySettings } from "../../../src/channel/wechatpay/WechatPayConfig.ts"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"
import { cny, Peer } from "../../TestPayments.ts"

const Merchant = Schema.fromJsonString(
  Schema.Struct({
    appid: Schema.String,
    mchid: Schema.String,
    merchantSerial: Schema.String,
    merchantPrivateKeyPem: Schema.String,
    platformSerial: Schema.String,
    platformPublicKeyPem: Schema.String,
    apiV3Key: Schema.String
  })
)
const newAttemptId = generator(AttemptId)

/** Those of the merchant that the sandbox made. */
export const settings = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { callbackUrl, folder, url } = yield* Peer
  const merchant = yield* fs
    .readFileString(`${folder}/sandbox/wechatpay/merchant.json`)
    .pipe(Effect.flatMap(Schema.decodeEffect(Merchant)))
  const result: WechatPaySettings = {
    baseUrl: `${url}/wechatpay/`,
    notifyUrl: callbackUrl,
    appid: merchant.appid,
    mchid: merchant.mchid,
    merchantSerial: merchant.merchantSerial,
    merchantPrivateKey: Redacted.make(merchant.merchantPrivateKeyPem),
    platformKeys: { [merchant.platformSerial]: merchant.platformPublicKeyPem },
    apiV3Key: Redacted.make(merchant.apiV3Key),
    timeout: Duration.millis(500),
    certificateRefresh: Duration.hours(12),
    certificatePause: Duration.minutes(1),
    certificateTrust: Duration.hours(1),
    callbackWindow: Duration.minutes(5)
  }
  return result
})

/** There is no database here to keep a log in. */
const Unlogged = Layer.succeed(ChannelLog, ChannelLog.of({ write: () => Effect.void, flush: Effect.void }))

/** A client with breakers of its own. */
export const channelWith = Effect.fnUntraced(function* (changes: Partial<WechatPaySettings> = {}) {
  const own = yield* Layer.build(Layer.merge(CircuitBreaker.layerStoreMemory(), Unlogged))
  return yield* WechatPay.make({ ...(yield* settings), ...changes }).pipe(Effect.provideContext(own))
})

export const anAttempt = Effect.gen(function* () {
  const now = yield* DateTime.now
  const attempt: ChannelAttempt = {
    id: yield* newAttemptId,
    method: "native",
    amount: cny(1999),
    description: "Two shirts 两件衬衫",
    expiresAt: DateTime.toDateUtc(DateTime.add(now, { minutes: 30 })),
    returnUrl: null,
    payer: {},
    channelReference: null
  }
  return attempt
})
