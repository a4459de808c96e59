import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Redacted, Stream } from "effect"
import { createPublicKey, verify } from "node:crypto"
import { toHexId } from "../../../src/channel/hexId.ts"
import { cny, newRefundId, Peer, TestPeer } from "../../TestPayments.ts"
import { anAttempt, channelWith, settings } from "./wechatPayChannel.ts"

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

  it.effect("keeps a bill whole whose descriptions were written in several lines", () =>
    Effect.gen(function* () {
      const channel = yield* channelWith()
      const peer = yield* Peer
      const attempt = { ...(yield* anAttempt), description: "Two shirts\r\n两件衬衫\u2028blue" }
      yield* channel.create(attempt)
      assert.strictEqual(yield* peer.pay(attempt.id), 200)
      yield* peer.control("POST", "/wechatpay/bill-changes", { kind: "earlier" })
      const day = DateTime.formatIsoDateUtc(DateTime.add(yield* DateTime.now, { hours: 8 - 24 }))
      const none = new Date(0)
      const file = yield* channel.bill?.download({ day, from: none, to: none }) ?? Effect.succeedNone
      const text = yield* Effect.fromOption(file).pipe(
        Effect.flatMap((bytes) => Stream.mkString(Stream.decodeText(bytes)))
      )
      const line = text.split(/\r?\n/).find((each) => each.includes(toHexId(attempt.id)))
      assert.strictEqual(line?.split(",`").length, 27)
      yield* peer.reset
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
