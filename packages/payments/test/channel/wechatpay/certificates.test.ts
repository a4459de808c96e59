import { assert, layer } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Queue, Redacted, Schema } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import type { Channel, RawCallback } from "../../../src/channel/Channel.ts"
import { Peer, TestPeer } from "../../TestPayments.ts"
import { anAttempt, channelWith } from "./wechatPayChannel.ts"

/** What the platform sent to our callback address. */
class Received extends Context.Service<Received, Queue.Queue<RawCallback>>()(
  "@mall/payments/test/channel/wechatpay/Received"
) {}

const Inbox = HttpRouter.serve(
  HttpRouter.use((router) =>
    Effect.flatMap(Received, (received) =>
      router.add("POST", "/callbacks/wechatpay", (request) =>
        Effect.gen(function* () {
          const body = new Uint8Array(yield* request.arrayBuffer)
          yield* Queue.offer(received, { headers: request.headers, body })
          return HttpServerResponse.empty()
        })
      )
    )
  ),
  { disableListenLog: true, disableLogger: true }
)

const Test = Inbox.pipe(
  Layer.provideMerge(Layer.effect(Received, Queue.unbounded<RawCallback>())),
  Layer.provideMerge(TestPeer)
)

const Requests = Schema.Struct({ data: Schema.Array(Schema.Struct({ target: Schema.String })) })

/** How often the certificates were asked for so far. */
const fetches = Effect.gen(function* () {
  const peer = yield* Peer
  const answer = yield* peer.control("GET", "/requests?channel=wechatpay&operation=other&limit=1000")
  const { data } = yield* Schema.decodeUnknownEffect(Requests)(answer)
  return data.filter(({ target }) => target.endsWith("/v3/certificates")).length
})

const rotate = Effect.gen(function* () {
  const { control } = yield* Peer
  const { serial } = yield* Schema.decodeUnknownEffect(Schema.Struct({ serial: Schema.String }))(
    yield* control("POST", "/wechatpay/rotate")
  )
  return serial
})

/** A channel that was given no key of the platform. */
const channelWithoutKeys = (changes: Parameters<typeof channelWith>[0] = {}) =>
  channelWith({ platformKeys: {}, certificatePause: Duration.zero, timeout: Duration.seconds(5), ...changes })

const tryToCreate = Effect.fnUntraced(function* (channel: Channel) {
  const attempt = yield* anAttempt
  const { reason } = yield* Effect.flip(channel.create(attempt))
  return [reason._tag, reason.code, attempt] as const
})

const payAndReceive = Effect.fnUntraced(function* (channel: Channel) {
  const peer = yield* Peer
  const received = yield* Received
  const attempt = yield* anAttempt
  yield* channel.create(attempt)
  assert.strictEqual(yield* peer.pay(attempt.id), 200)
  return yield* Queue.take(received)
})

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("The certificates of WeChat Pay", (it) => {
  it.effect("are missing where the platform has none: nothing is sent whose answer could not be believed", () =>
    Effect.gen(function* () {
      const channel = yield* channelWithoutKeys()
      const [tag, code, attempt] = yield* tryToCreate(channel)
      assert.deepStrictEqual([tag, code], ["ChannelNotSent", "NO_PLATFORM_CERTIFICATE"])
      const withKey = yield* channelWith()
      assert.strictEqual((yield* withKey.query(attempt))._tag, "Missing")
      const nobody = yield* channelWithoutKeys({ baseUrl: "http://127.0.0.1:1/wechatpay/" })
      assert.strictEqual((yield* tryToCreate(nobody))[0], "ChannelNotSent")
    })
  )

  it.effect("are fetched once for all who wait, and verify answers and notices", () =>
    Effect.gen(function* () {
      yield* rotate
      const channel = yield* channelWithoutKeys()
      const before = yield* fetches
      const attempts = yield* Effect.all(Array.from({ length: 10 }, () => anAttempt))
      yield* Effect.forEach(attempts, (attempt) => channel.create(attempt), { concurrency: "unbounded" })
      const verified = yield* channel.parseCallback(yield* payAndReceive(channel))
      assert.strictEqual(verified.notice._tag, "PaymentNotice")
      assert.strictEqual((yield* fetches) - before, 1)
    })
  )

  it.effect("change in the middle of the traffic, and nobody notices", () =>
    Effect.gen(function* () {
      const received = yield* Received
      const peer = yield* Peer
      const channel = yield* channelWithoutKeys()
      const old = yield* payAndReceive(channel)
      const buyer = Effect.gen(function* () {
        const attempt = yield* anAttempt
        yield* channel.create(attempt)
        yield* peer.pay(attempt.id)
        return (yield* channel.query(attempt))._tag
      })
      const [outcomes, serial] = yield* Effect.all(
        [
          Effect.all(
            Array.from({ length: 30 }, () => buyer),
            { concurrency: 6 }
          ),
          rotate
        ],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(outcomes), new Set(["Paid"]))
      const notices = yield* Effect.all(Array.from({ length: 30 }, () => Queue.take(received)))
      assert.isTrue(notices.some(({ headers }) => headers["wechatpay-serial"] === serial))
      const told = yield* Effect.forEach([old, ...notices], (notice) => channel.parseCallback(notice))
      assert.deepStrictEqual(new Set(told.map(({ notice }) => notice._tag)), new Set(["PaymentNotice"]))
    })
  )

  it.effect("are learned from a notice by a new key, but asked for once a minute only", () =>
    Effect.gen(function* () {
      const eager = yield* channelWithoutKeys()
      const calm = yield* channelWithoutKeys({ certificatePause: Duration.minutes(1) })
      yield* eager.create(yield* anAttempt)
      yield* calm.create(yield* anAttempt)
      yield* rotate
      const notice = yield* payAndReceive(yield* channelWithoutKeys())
      const before = yield* fetches
      for (let time = 0; time < 5; time++) {
        assert.strictEqual((yield* Effect.flip(calm.parseCallback(notice))).reason, "serial")
      }
      assert.strictEqual(yield* fetches, before)
      assert.strictEqual((yield* eager.parseCallback(notice)).notice._tag, "PaymentNotice")
      assert.strictEqual((yield* fetches) - before, 1)
      const headers = { ...notice.headers, "wechatpay-serial": "5EAD" }
      assert.strictEqual((yield* Effect.flip(eager.parseCallback({ ...notice, headers }))).reason, "serial")
    })
  )

  for (const what of ["signature", "body", "timestamp", "serial"]) {
    it.effect(`are not believed from an answer with another ${what}, neither first nor later`, () =>
      Effect.gen(function* () {
        const peer = yield* Peer
        const channel = yield* channelWithoutKeys()
        yield* peer.fault("other", { kind: "tamper", what })
        assert.strictEqual((yield* tryToCreate(channel))[0], "ChannelNotSent")
        const attempt = yield* anAttempt
        yield* channel.create(attempt)
        yield* rotate
        yield* peer.fault("other", { kind: "tamper", what })
        // the answer by the new key is not understood, since nobody vouches for that key
        assert.strictEqual((yield* Effect.flip(channel.query(attempt))).reason._tag, "ChannelOutcomeUnknown")
        assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
      })
    )
  }

  it.effect("are not believed under another APIv3 key", () =>
    Effect.gen(function* () {
      const channel = yield* channelWithoutKeys({ apiV3Key: Redacted.make("0".repeat(32)) })
      assert.strictEqual((yield* tryToCreate(channel))[0], "ChannelNotSent")
    })
  )

  it.effect("are not believed when no key that we know vouches for them, except at the beginning", () =>
    Effect.gen(function* () {
      const channel = yield* channelWithoutKeys()
      const attempt = yield* anAttempt
      yield* channel.create(attempt)
      // so many that the one we know is no longer among them
      yield* Effect.all([rotate, rotate, rotate])
      assert.strictEqual((yield* Effect.flip(channel.query(attempt))).reason.code, "ANSWER_NOT_SIGNED")
      const fresh = yield* channelWithoutKeys()
      assert.strictEqual((yield* fresh.query(attempt))._tag, "Open")
    })
  )

  it.effect("make a genuine notice wait where none can be fetched, and it is believed once they come", () =>
    Effect.gen(function* () {
      const peer = yield* Peer
      const channel = yield* channelWithoutKeys()
      const notice = yield* payAndReceive(yield* channelWithoutKeys())
      yield* peer.fault("other", { kind: "drop", when: "before" }, 1000)
      assert.strictEqual((yield* Effect.flip(channel.parseCallback(notice))).reason, "unverifiable")
      assert.strictEqual(channel.refusal("unverifiable").status, 503)
      yield* peer.reset
      assert.strictEqual((yield* channel.parseCallback(notice)).notice._tag, "PaymentNotice")
    })
  )

  it.effect("once fetched serve on while the platform does not give new ones", () =>
    Effect.gen(function* () {
      const peer = yield* Peer
      const channel = yield* channelWithoutKeys({ certificateRefresh: Duration.zero })
      const attempt = yield* anAttempt
      yield* channel.create(attempt)
      yield* peer.fault("other", { kind: "drop", when: "before" }, 1000)
      for (let time = 0; time < 10; time++) assert.strictEqual((yield* channel.query(attempt))._tag, "Open")
      yield* peer.reset
    })
  )
})
