import { MinorUnits } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { RouteQuestion, RouteRule } from "@mall/domain/payments/Routing"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Random } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { ChannelLog } from "../src/log/ChannelLog.ts"
import { Confirmations } from "../src/lifecycle/Confirmations.ts"
import { PaymentOperations } from "../src/lifecycle/PaymentOperations.ts"
import { ChannelHealth } from "../src/routing/ChannelHealth.ts"
import { ChannelRouter, nothingTried } from "../src/routing/ChannelRouter.ts"
import { RoutingTables } from "../src/routing/RoutingTables.ts"
import { aBuyer, aPayment, awaitStatus, Peer, TestPayments, told, wechatpay } from "./TestPayments.ts"

const [alipay, v2, stripe] = [ChannelId.make("alipay"), ChannelId.make("wechatpay_v2"), ChannelId.make("stripe")]

const question: RouteQuestion = { amount: MinorUnits.make(1999), currency: "CNY", merchantId: null }
const all = { name: "all", targets: [{ channel: wechatpay, weight: 1 }] } satisfies RouteRule

/** The router as a process that has just started sees the world, with these rules. */
const routerWith = Effect.fnUntraced(function* (config: Record<string, string>, ...rules: ReadonlyArray<RouteRule>) {
  const tables = Layer.succeed(
    RoutingTables,
    RoutingTables.of({
      current: Effect.succeed({ version: 7, rules, author: "test", reason: "test", createdAt: null }),
      history: () => Effect.succeed([]),
      put: () => Effect.die(new Error("not of this test"))
    })
  )
  const fresh = ChannelRouter.layerNoDeps.pipe(
    Layer.provideMerge(ChannelHealth.layerNoDeps),
    Layer.provide([tables, CircuitBreaker.layerStoreMemory()]),
    Layer.provide(
      ConfigProvider.layer(
        ConfigProvider.fromUnknown({ ROUTING_EXPLORATION: "0", ROUTING_MIN_ATTEMPTS: "4", ...config })
      )
    ),
    Layer.fresh
  )
  return yield* Effect.provide(ChannelRouter, fresh)
})

const answer = (status: number, code: string) =>
  ({ kind: "answer", with: "error", when: "before", status, code }) as const

const shownOf = Effect.fnUntraced(function* (id: Parameters<PaymentOperations["Service"]["show"]>[0]) {
  const operations = yield* PaymentOperations
  const { attempts } = yield* operations.show(id)
  return attempts.map(({ channel, decision, status }) => ({ channel, status, decision }))
})

layer(TestPayments, { excludeTestServices: true })("ChannelRouter", (it) => {
  it.effect("takes the usual channel where nobody says otherwise, and goes on with an open try", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const step = yield* confirmations.confirm(id, {}, buyer)
      assert.strictEqual(step.attempt.channel, wechatpay)
      const again = yield* confirmations.confirm(id, {}, buyer)
      assert.deepStrictEqual([again.attempt.id, again.action], [step.attempt.id, step.action])
      const [shown] = yield* shownOf(id)
      assert.deepInclude(shown?.decision, { by: "weight", version: 0, rule: null, fallbackOf: null })
      assert.strictEqual(shown?.decision?.candidates[0]?.verdict, "chosen")
      // the buyer's own choice closes it, as ever, and is told apart
      const chosen = yield* confirmations.confirm(id, { channel: alipay }, buyer)
      assert.strictEqual(chosen.attempt.channel, alipay)
      assert.strictEqual((yield* shownOf(id))[1]?.decision?.by, "buyer")
    })
  )

  it.effect("goes to the next channel where the former certainly took nothing, and says so", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const peer = yield* Peer
      for (const fault of [answer(429, "FREQUENCY_LIMITED"), answer(403, "NO_AUTH")]) {
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        yield* peer.fault("create", fault)
        const step = yield* confirmations.confirm(id, {}, buyer)
        assert.strictEqual(step.attempt.channel, alipay)
        const [first, second] = yield* shownOf(id)
        assert.deepStrictEqual([first?.channel, first?.status], [wechatpay, "failed"])
        const operations = yield* PaymentOperations
        const { attempts } = yield* operations.show(id)
        assert.strictEqual(second?.decision?.fallbackOf, attempts[0]?.id)
        assert.strictEqual(second?.decision?.candidates[0]?.verdict, "tried")
      }
    })
  )

  it.effect("stays where the buyer has to do something, and where nobody knows what happened", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const peer = yield* Peer
      const buyer = yield* aBuyer
      const declined = yield* aPayment(buyer)
      yield* peer.fault("create", answer(403, "ACCOUNT_ERROR"))
      const error = yield* Effect.flip(confirmations.confirm(declined.id, {}, buyer))
      assert.strictEqual(error._tag, "PaymentDeclined")
      assert.lengthOf(yield* shownOf(declined.id), 1)

      const unknown = yield* aPayment(buyer)
      yield* peer.fault("create", { kind: "drop", when: "after" })
      const step = yield* confirmations.confirm(unknown.id, {}, buyer)
      assert.deepStrictEqual([step.attempt.status, step.action.type], ["unknown", "none"])
      assert.deepStrictEqual(
        (yield* shownOf(unknown.id)).map(({ status }) => status),
        ["unknown"]
      )
      // confirmed again it is the same try that goes on, at the same channel
      const goneOn = yield* confirmations.confirm(unknown.id, {}, buyer)
      assert.deepStrictEqual([goneOn.attempt.id, goneOn.action.type], [step.attempt.id, "qr"])
      yield* peer.pay(goneOn.attempt.id)
      yield* awaitStatus(unknown.id, "succeeded")
      assert.strictEqual(yield* told("mark_order_paid", unknown.id), 1)
    })
  )

  it.effect("answers as the last channel did where none takes the payment, after three of them", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      const none = yield* Effect.flip(confirmations.confirm(id, { method: "carrier_pigeon" }, buyer))
      assert.strictEqual(none._tag, "ChannelNotOffered")
      assert.lengthOf(yield* shownOf(id), 0)
    })
  )

  it.effect("shares payments out by weight, and leaves those without weight to stand by", () =>
    Effect.gen(function* () {
      const router = yield* routerWith(
        {},
        {
          name: "three to one",
          targets: [
            { channel: v2, weight: 300 },
            { channel: alipay, weight: 100 },
            { channel: wechatpay, weight: 0 }
          ]
        }
      )
      const counts = new Map<string, number>()
      for (let turn = 0; turn < 400; turn++) {
        const { channel } = Option.getOrThrow(yield* router.route(question, null, nothingTried))
        counts.set(channel.id, (counts.get(channel.id) ?? 0) + 1)
      }
      assert.isUndefined(counts.get(wechatpay))
      assert.closeTo((counts.get(v2) ?? 0) / 400, 0.75, 0.08)
      const tried = { tried: new Set([v2, alipay]), fallbackOf: null }
      assert.strictEqual(Option.getOrThrow(yield* router.route(question, null, tried)).channel.id, wechatpay)
      const nowhere = { tried: new Set([v2, alipay, wechatpay]), fallbackOf: null }
      assert.isTrue(Option.isNone(yield* router.route(question, null, nowhere)))
    }).pipe(Random.withSeed("weights"))
  )

  it.effect("goes by the first rule that fits: merchant, currency, amount, country, method", () =>
    Effect.gen(function* () {
      const merchantId = MerchantId.make("019a0000-0000-7000-8000-000000000001")
      const to = (channel: ChannelId) => ({ targets: [{ channel, weight: 1 }] as const })
      const router = yield* routerWith(
        {},
        { name: "theirs", merchants: [merchantId], ...to(v2) },
        { name: "abroad", countries: ["DE", "FR"], currencies: ["CNY"], ...to(stripe) },
        { name: "scan", methods: ["precreate"], ...to(alipay) },
        { name: "large", minAmount: MinorUnits.make(100_000), ...to(v2) },
        { name: "small", maxAmount: MinorUnits.make(100), ...to(alipay) },
        all
      )
      const ruleOf = (more: Partial<RouteQuestion>) =>
        Effect.map(router.route({ ...question, ...more }, null, nothingTried), (route) =>
          Option.match(route, { onNone: () => "none", onSome: ({ decision }) => decision.rule })
        )
      assert.strictEqual(yield* ruleOf({ merchantId }), "theirs")
      assert.strictEqual(yield* ruleOf({ country: "DE" }), "abroad")
      assert.strictEqual(yield* ruleOf({ country: "CN" }), "all")
      assert.strictEqual(yield* ruleOf({ method: "precreate" }), "scan")
      assert.strictEqual(yield* ruleOf({ amount: MinorUnits.make(100_000) }), "large")
      assert.strictEqual(yield* ruleOf({ amount: MinorUnits.make(99_999) }), "all")
      assert.strictEqual(yield* ruleOf({ amount: MinorUnits.make(100) }), "small")
      // the rule fits, but its channel does not take the currency
      assert.strictEqual(yield* ruleOf({ currency: "USD" }), "none")
      // what the merchant did not allow is not offered either
      assert.isTrue(Option.isNone(yield* router.route(question, [alipay], nothingTried)))
    })
  )

  it.effect("leaves out a channel that fails, looks whether it works again, and takes it rather than none", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const peer = yield* Peer
      for (let turn = 0; turn < 12; turn++) {
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        yield* peer.fault("create", answer(429, "FREQUENCY_LIMITED"))
        yield* Effect.flip(confirmations.confirm(id, { channel: wechatpay }, buyer))
      }
      const rule: RouteRule = {
        name: "both",
        targets: [
          { channel: wechatpay, weight: 100 },
          { channel: alipay, weight: 1 }
        ]
      }
      const verdicts = Effect.fnUntraced(function* (config: Record<string, string>, rule: RouteRule) {
        const router = yield* routerWith({ ROUTING_MIN_SUCCESS: "0.9", ...config }, rule)
        const { decision } = Option.getOrThrow(yield* router.route(question, null, nothingTried))
        return [decision.by, ...decision.candidates.map(({ verdict }) => verdict)]
      })
      assert.deepStrictEqual(yield* verdicts({}, rule), ["weight", "failing", "chosen"])
      assert.deepStrictEqual(yield* verdicts({ ROUTING_EXPLORATION: "1" }, rule), [
        "exploration",
        "chosen",
        "available"
      ])
      assert.deepStrictEqual(yield* verdicts({}, all), ["last", "chosen"])
      // too few tries say nothing
      assert.deepStrictEqual(yield* verdicts({ ROUTING_MIN_ATTEMPTS: "1000" }, all), ["weight", "chosen"])
    })
  )

  it.effect("holds nothing against a channel for payments that are none for it", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const peer = yield* Peer
      const rule: RouteRule = {
        name: "both",
        targets: [
          { channel: v2, weight: 100 },
          { channel: alipay, weight: 1 }
        ]
      }
      for (let turn = 0; turn < 8; turn++) {
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        yield* Effect.flip(confirmations.confirm(id, { channel: v2, method: "jsapi" }, buyer))
        const other = yield* aPayment(buyer)
        yield* peer.fault("create", answer(400, "amount_too_small"))
        const refused = yield* Effect.flip(confirmations.confirm(other.id, { channel: stripe }, buyer))
        assert.strictEqual(refused._tag, "PaymentDeclined")
      }
      const health = yield* ChannelHealth
      assert.isFalse((yield* health.of(v2)).isFailing)
      const router = yield* routerWith({}, rule)
      const { decision } = Option.getOrThrow(yield* router.route(question, null, nothingTried))
      assert.deepStrictEqual(
        decision.candidates.map(({ verdict }) => verdict),
        ["chosen", "available"]
      )
    })
  )

  it.effect("leaves out a channel whose questions are not answered, though it takes each try", () =>
    Effect.gen(function* () {
      const confirmations = yield* Confirmations
      const gateway = yield* PaymentGateway
      const log = yield* ChannelLog
      const peer = yield* Peer
      const rule: RouteRule = {
        name: "both",
        targets: [
          { channel: alipay, weight: 100 },
          { channel: v2, weight: 1 }
        ]
      }
      const verdicts = Effect.gen(function* () {
        yield* log.flush
        const router = yield* routerWith({ ROUTING_MIN_SUCCESS: "0.7" }, rule)
        const { decision } = Option.getOrThrow(
          yield* router.route(question, null, nothingTried).pipe(Random.withSeed("a share"))
        )
        return [decision.by, ...decision.candidates.map(({ verdict }) => verdict)]
      })
      const asked = Effect.fnUntraced(function* (fault: Readonly<Record<string, unknown>>, times: number) {
        const buyer = yield* aBuyer
        const { id } = yield* aPayment(buyer)
        yield* confirmations.confirm(id, { channel: alipay }, buyer)
        for (let turn = 0; turn < times; turn++) {
          yield* peer.fault("query", fault)
          yield* Effect.exit(gateway.settle(id))
        }
      })
      // an answer that says no is an answer
      yield* asked({ kind: "answer", with: "error", when: "before", status: 200, code: "ACQ.INVALID_PARAMETER" }, 12)
      assert.deepStrictEqual(yield* verdicts, ["weight", "chosen", "available"])
      yield* asked({ kind: "answer", with: "500", when: "before" }, 30)
      assert.deepStrictEqual(yield* verdicts, ["weight", "failing", "chosen"])
    })
  )

  it.effect("keeps every version of its rules, and lets nobody overwrite what they have not seen", () =>
    Effect.gen(function* () {
      const tables = yield* RoutingTables
      const confirmations = yield* Confirmations
      const change = { version: 0, rules: [{ ...all, targets: [{ channel: alipay, weight: 1 }] as const }] }
      const first = yield* tables.put({ ...change, reason: "alipay is cheaper" }, "user:ann")
      assert.deepInclude(first, { version: 1, author: "user:ann", reason: "alipay is cheaper" })
      const late = yield* Effect.flip(tables.put({ ...change, reason: "me too" }, "user:bob"))
      assert.deepInclude({ ...late }, { code: "RoutingTableChanged", version: 1 })
      const nobody = [{ ...all, targets: [{ channel: ChannelId.make("nobody"), weight: 1 }] as const }]
      const unknown = yield* Effect.flip(tables.put({ version: 1, rules: nobody, reason: "?" }, "user:bob"))
      assert.strictEqual(unknown.code, "UnknownChannel")

      const buyer = yield* aBuyer
      const { id } = yield* aPayment(buyer)
      assert.strictEqual((yield* confirmations.confirm(id, {}, buyer)).attempt.channel, alipay)
      assert.deepInclude((yield* shownOf(id))[0]?.decision, { version: 1, rule: "all" })
      yield* tables.put({ version: 1, rules: [], reason: "as before" }, "user:ann")
      assert.deepStrictEqual(
        (yield* tables.history(5)).map(({ version }) => version),
        [2, 1]
      )
    })
  )
})
