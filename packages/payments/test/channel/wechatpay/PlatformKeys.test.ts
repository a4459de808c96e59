import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { generateKeyPairSync } from "node:crypto"
import { fromNetwork } from "../../../src/channel/channelFailure.ts"
import * as PlatformKeys from "../../../src/channel/wechatpay/PlatformKeys.ts"
import type { PlatformCertificates } from "../../../src/channel/wechatpay/platformCertificates.ts"

const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const times = { pause: Duration.minutes(1), refresh: Duration.hours(12), trust: Duration.hours(1) }

/** A platform that has these certificates, by serial with their first and last hour, and counts who asks. */
const aPlatform = () => {
  const platform = {
    certificates: {} as Record<string, readonly [from: number, until: number]>,
    isDown: false,
    asked: 0,
    knownWhenAsked: [] as ReadonlyArray<string>,
    fetch: (known: ReadonlyMap<string, unknown>) =>
      Effect.suspend(() => {
        platform.asked++
        platform.knownWhenAsked = [...known.keys()]
        const hour = Duration.toMillis("1 hour")
        const told: PlatformCertificates = new Map(
          Object.entries(platform.certificates).map(([serial, [from, until]]) => [
            serial,
            { key: publicKey, from: from * hour, until: until * hour }
          ])
        )
        return platform.isDown ? Effect.fail(fromNetwork("ECONNREFUSED")) : Effect.succeed(told)
      })
  }
  return platform
}

const serials = (keys: PlatformKeys.PlatformKeys) => Effect.map(keys.known, (known) => [...known.keys()])

/** Lets what was started in the background run. */
const background = TestClock.adjust(0)

describe("The fetched keys of the platform", () => {
  it.effect("come at first need, in one call however many wait, also for those who come after one has left", () =>
    Effect.gen(function* () {
      const platform = aPlatform()
      platform.certificates = { A: [0, 100] }
      const gate = yield* Deferred.make<void>()
      const keys = yield* PlatformKeys.fetched(
        (known) => Effect.andThen(Deferred.await(gate), platform.fetch(known)),
        times
      )
      const impatient = yield* Effect.forkChild(keys.known)
      yield* background
      const others = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 20 }, () => keys.find("A")),
          {
            concurrency: "unbounded"
          }
        )
      )
      yield* background
      yield* Fiber.interrupt(impatient)
      yield* Deferred.succeed(gate, undefined)
      assert.isTrue((yield* Fiber.join(others)).every((key) => key === publicKey))
      assert.strictEqual(platform.asked, 1)
    })
  )

  it.effect("are asked for again after the next need where the first fetch failed", () =>
    Effect.gen(function* () {
      const platform = aPlatform()
      platform.certificates = { A: [0, 100] }
      platform.isDown = true
      const keys = yield* PlatformKeys.fetched(platform.fetch, times)
      const down = yield* Effect.flip(keys.known)
      assert.deepStrictEqual([down.reason._tag, down.reason.code], ["ChannelNotSent", "NO_PLATFORM_CERTIFICATE"])
      assert.strictEqual((yield* Effect.flip(keys.find("A"))).reason, "unverifiable")
      platform.isDown = false
      // one that does not count yet is none
      platform.certificates = { B: [100, 200] }
      assert.strictEqual((yield* Effect.flip(keys.known)).reason._tag, "ChannelNotSent")
      platform.certificates = { A: [0, 100] }
      assert.deepStrictEqual(yield* serials(keys), ["A"])
    })
  )

  it.effect("are fetched for an unknown serial, once in a minute, and both count during a rotation", () =>
    Effect.gen(function* () {
      const platform = aPlatform()
      platform.certificates = { A: [0, 100] }
      const keys = yield* PlatformKeys.fetched(platform.fetch, times)
      yield* keys.known
      platform.certificates = { A: [0, 100], B: [0, 200] }
      for (let notice = 0; notice < 20; notice++) assert.isUndefined(yield* keys.find("B"))
      assert.strictEqual(platform.asked, 1)
      yield* TestClock.adjust("1 minute")
      assert.isDefined(yield* keys.find("B"))
      assert.isDefined(yield* keys.find("A"))
      assert.deepStrictEqual([platform.asked, platform.knownWhenAsked], [2, ["A"]])
      for (let notice = 0; notice < 20; notice++) assert.isUndefined(yield* keys.find("forged"))
      assert.strictEqual(platform.asked, 2)
      // what the platform withdrew counts no more
      platform.certificates = { B: [0, 200] }
      yield* TestClock.adjust("1 minute")
      assert.isTrue(yield* keys.renewed)
      assert.isUndefined(yield* keys.find("A"))
    })
  )

  it.effect("are renewed in the background before they are old, and stay while the network is down", () =>
    Effect.gen(function* () {
      const platform = aPlatform()
      platform.certificates = { A: [0, 100] }
      const keys = yield* PlatformKeys.fetched(platform.fetch, times)
      yield* keys.known
      yield* TestClock.adjust("12 hours")
      platform.isDown = true
      assert.deepStrictEqual(yield* serials(keys), ["A"])
      yield* background
      assert.strictEqual(platform.asked, 2)
      assert.deepStrictEqual(yield* serials(keys), ["A"])
      yield* background
      assert.strictEqual(platform.asked, 2)
      platform.isDown = false
      platform.certificates = { B: [10, 200] }
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* serials(keys), ["A"])
      yield* background
      assert.deepStrictEqual(yield* serials(keys), ["B"])
    })
  )

  it.effect("vouch for new ones for a day, and then, as in a process that idled, all begins anew", () =>
    Effect.gen(function* () {
      const platform = aPlatform()
      platform.certificates = { A: [0, 100] }
      const keys = yield* PlatformKeys.fetched(platform.fetch, times)
      yield* keys.known
      for (const [wait, vouching] of [
        ["24 hours", ["A"]],
        ["25 hours", []]
      ] as const) {
        yield* TestClock.adjust(wait)
        yield* keys.known
        yield* background
        assert.deepStrictEqual(platform.knownWhenAsked, vouching)
      }
    })
  )

  it.effect("leave a notice undecided, not refused, while none is known or the platform does not answer", () =>
    Effect.gen(function* () {
      const platform = aPlatform()
      platform.isDown = true
      const keys = yield* PlatformKeys.fetched(platform.fetch, times)
      assert.strictEqual((yield* Effect.flip(keys.find("A"))).reason, "unverifiable")
      platform.isDown = false
      platform.certificates = { A: [0, 100] }
      assert.isDefined(yield* keys.find("A"))
      // known now, and the platform said so a moment ago: what it does not have is forged
      assert.isUndefined(yield* keys.find("B"))
      platform.isDown = true
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Effect.flip(keys.find("B"))).reason, "unverifiable")
      assert.isDefined(yield* keys.find("A"))
      platform.isDown = false
      platform.certificates = { B: [0, 100] }
      yield* TestClock.adjust("1 minute")
      assert.isDefined(yield* keys.find("B"))
    })
  )

  it.effect("begin anew, without a restart, where for an hour nothing came that they vouch for", () =>
    Effect.gen(function* () {
      const platform = aPlatform()
      platform.certificates = { A: [0, 100] }
      // the platform changed its keys altogether: no list is signed by one that is known
      let isReplaced = false
      const keys = yield* PlatformKeys.fetched(
        (known) =>
          isReplaced && known.size > 0 ? Effect.fail(fromNetwork("ANSWER_NOT_SIGNED")) : platform.fetch(known),
        times
      )
      assert.isDefined(yield* keys.find("A"))
      isReplaced = true
      platform.certificates = { B: [0, 100] }
      for (let minute = 1; minute < 60; minute++) {
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* Effect.flip(keys.find("B"))).reason, "unverifiable", `${minute}`)
      }
      yield* TestClock.adjust("2 minutes")
      assert.isDefined(yield* keys.find("B"))
      assert.isUndefined(yield* keys.find("A"))
    })
  )

  it.effect("count from their first moment until their last, and afterwards all begins anew", () =>
    Effect.gen(function* () {
      const platform = aPlatform()
      platform.certificates = { A: [0, 6], B: [5, 7], C: [100, 200] }
      const keys = yield* PlatformKeys.fetched(platform.fetch, times)
      const known = yield* keys.known
      assert.deepStrictEqual([...known.keys()], ["A"])
      assert.strictEqual(yield* keys.known, known)
      yield* TestClock.adjust("5 hours")
      assert.deepStrictEqual(yield* serials(keys), ["A", "B"])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* serials(keys), ["B"])
      assert.strictEqual(platform.asked, 1)
      platform.certificates = { D: [0, 300] }
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* serials(keys), ["D"])
      assert.deepStrictEqual([platform.asked, platform.knownWhenAsked], [2, []])
      assert.strictEqual(yield* Clock.currentTimeMillis, Duration.toMillis("7 hours"))
    })
  )
})
