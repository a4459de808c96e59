import { DateTime, Effect, Layer, Redacted, Duration, FileSystem, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { AttemptId } from "@mall/domain/payments/Payment"
import { generator } from "@mall/domain/kernel/Id"
import { assert, layer } from "@effect/vitest"
import { createPublicKey, verify } from "node:crypto"
import type { ChannelAttempt } from "../../../src/channel/Channel.ts"
import * as WechatPay from "../../../src/channel/wechatpay/WechatPay.ts"
import type { WechatPaySettings } from "../../../src/channel/wechatpay/WechatPayConfig.ts"
import { ChannelLog } from "../../../src/log/ChannelLog.ts"
import { cny, newRefundId, Peer, TestPeer } from "../../TestPayments.ts"

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

const settings = Effect.gen(function* () {
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
    callbackWindow: Duration.minutes(5)
  }
  return result
})

/** There is no database here to keep a log in. */
const Unlogged = Layer.succeed(ChannelLog, ChannelLog.of({ write: () => Effect.void, flush: Effect.void }))

/** A client with breakers of its own. */
const channelWith = Effect.fnUntraced(function* (changes: Partial<WechatPaySettings> = {}) {
  const own = yield* Layer.build(Layer.merge(CircuitBreaker.layerStoreMemory(), Unlogged))
  return yield* WechatPay.make({ ...(yield* settings), ...changes }).pipe(Effect.provideContext(own))
})

const anAttempt = Effect.gen(function* () {
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

layer(TestPeer, { excludeTestServices: true })("WechatPay", (it) => {
  it.effect("pays within WeChat by an order that we signed, for the buyer that was named", () =>
    Effect.gen(function* () {
      const channel = yield* channelWith()
      const peer = yield* Peer
      const { appid, merchantPrivateKey } = yield* settings
      const nobody = { ...(yield* anAttempt), method: "jsapi" }
      assert.strictEqual((yield* Effect.flip(channel.create(nobody))).reason.code, "OPENID_NEEDED")
      const attempt = { ...nobody, payer: { openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" } }
      const { action } = yield* channel.create(attempt)
      if (action.type !== "params") return assert.fail(action.type)
      const { appId, nonceStr, package: order, paySign = "", signType, timeStamp } = action.params
      assert.deepStrictEqual([appId, signType], [appid, "RSA"])
      const message = `${appId}\n${timeStamp}\n${nonceStr}\n${order}\n`
      const key = createPublicKey(Redacted.value(merchantPrivateKey))
      assert.isTrue(verify("sha256", Buffer.from(message), key, Buffer.from(paySign, "base64")))
      assert.strictEqual(yield* peer.pay(attempt.id), 200)
      assert.strictEqual((yield* channel.query(attempt))._tag, "Paid")
    })
  )

  it.effect("sends the browser of a phone to WeChat", () =>
    Effect.gen(function* () {
      const channel = yield* channelWith()
      const attempt = { ...(yield* anAttempt), method: "h5", payer: { ip: "203.0.113.7" } }
      const { action } = yield* channel.create(attempt)
      if (action.type !== "redirect") return assert.fail(action.type)
      assert.include(action.url, "prepay_id=")
      assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
    })
  )

  it.effect("repeats a call that got no answer, under the same number", () =>
    Effect.gen(function* () {
      const channel = yield* channelWith()
      const peer = yield* Peer
      const attempt = yield* anAttempt
      yield* peer.fault("create", { kind: "drop", when: "after" })
      assert.strictEqual((yield* channel.create(attempt)).action.type, "qr")
      assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
      assert.strictEqual(yield* channel.close(attempt), "closed")
      assert.strictEqual(yield* channel.close(attempt), "closed")
      assert.strictEqual((yield* channel.query(attempt))._tag, "Closed")
    })
  )

  it.effect("does not know the outcome of a call that took too long", () =>
    Effect.gen(function* () {
      const channel = yield* channelWith()
      const peer = yield* Peer
      const attempt = yield* anAttempt
      yield* peer.fault("create", { kind: "delay", milliseconds: 5_000, when: "after" }, 2)
      const { reason } = yield* Effect.flip(channel.create(attempt))
      assert.deepStrictEqual([reason._tag, reason.code], ["ChannelOutcomeUnknown", "DOWNSTREAM_TIMEOUT"])
      yield* peer.reset
    })
  )

  it.effect("is sure that nothing was done where nobody listens, and stops asking after a while", () =>
    Effect.gen(function* () {
      const channel = yield* channelWith({ baseUrl: "http://127.0.0.1:1/wechatpay/" })
      const attempt = yield* anAttempt
      const codes = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () =>
        Effect.map(Effect.flip(channel.create(attempt)), ({ reason }) => {
          assert.strictEqual(reason._tag, "ChannelNotSent")
          return reason.code
        })
      )
      assert.deepStrictEqual(codes, [...Array.from({ length: 5 }, () => "ECONNREFUSED"), "DOWNSTREAM_OPEN"])
    })
  )

  it.effect("is refused with another key of its own, and believes no other key of the platform", () =>
    Effect.gen(function* () {
      const { apiV3Key: _, ...given } = yield* settings
      const attempt = yield* anAttempt
      const stranger = yield* channelWith({ merchantSerial: "0".repeat(40) })
      const refused = yield* Effect.flip(stranger.create(attempt))
      assert.deepStrictEqual([refused.reason._tag, refused.reason.code], ["ChannelRefusedRequest", "SIGN_ERROR"])
      const suspicious = yield* channelWith({
        platformKeys: { PUB_KEY_ID_OTHER: Object.values(given.platformKeys)[0] ?? "" }
      })
      const { reason } = yield* Effect.flip(suspicious.create(attempt))
      assert.strictEqual(reason._tag, "ChannelOutcomeUnknown")
    })
  )

  it.effect("knows no order and no refund that were never made, and that a paid order cannot be closed", () =>
    Effect.gen(function* () {
      const channel = yield* channelWith()
      const peer = yield* Peer
      const attempt = yield* anAttempt
      assert.strictEqual((yield* channel.query(attempt))._tag, "Missing")
      const refund = { id: yield* newRefundId, attempt, amount: cny(1), reason: "none" }
      assert.strictEqual((yield* channel.queryRefund(refund))._tag, "Missing")
      yield* channel.create(attempt)
      yield* peer.pay(attempt.id)
      assert.strictEqual(yield* channel.close(attempt), "paid")
      const paid = yield* channel.query(attempt)
      assert.strictEqual(paid._tag, "Paid")
      if (paid._tag === "Paid") assert.deepStrictEqual([paid.amount, paid.currency], [1999, "CNY"])
      const first = yield* channel.refund(refund)
      const again = yield* channel.refund(refund)
      assert.notStrictEqual(first._tag, "Failed")
      assert.notStrictEqual(again._tag, "Failed")
    })
  )
})
