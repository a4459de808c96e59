import { assert, describe, layer } from "@effect/vitest"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { FeeSchedule } from "@mall/domain/merchants/FeeSchedule"
import type { Captured } from "@mall/domain/merchants/FeeSchedule"
import type { FeePlan } from "@mall/domain/merchants/FeePlan"
import { ChannelId } from "@mall/domain/payments/Payment"
import type { AttemptId } from "@mall/domain/payments/Payment"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { FeePlans } from "../src/terms/FeePlans.ts"
import { aPlan, cny, newAttemptId, newMerchantId, newPaymentId, newRefundId, TestTerms } from "./TestTerms.ts"

const wechatpay = ChannelId.make("wechatpay")
const reason = "agreed"

const agree = Effect.fnUntraced(function* (plan: FeePlan) {
  const merchantId = yield* newMerchantId
  const plans = yield* FeePlans
  const agreed = yield* plans.put(merchantId, { version: 0, reason, content: plan }, "user:olga")
  return { merchantId, agreed }
})

const capture = Effect.fnUntraced(function* (merchantId: MerchantId, amount: number, at: Date) {
  const captured: Captured = {
    ...{ attemptId: yield* newAttemptId, paymentId: yield* newPaymentId, merchantId },
    ...{ channel: wechatpay, money: cny(amount), at }
  }
  return captured
})

const charge = Effect.fnUntraced(function* (captures: ReadonlyArray<Captured>) {
  const schedule = yield* FeeSchedule
  const sql = yield* SqlClient.SqlClient
  const movements = yield* sql.withTransaction(schedule.charge(captures, []))
  return movements.map(({ money, planVersion }) => [money.amount, planVersion])
})

const giveBack = Effect.fnUntraced(function* (attemptId: AttemptId, amount: number, at: Date) {
  const schedule = yield* FeeSchedule
  const sql = yield* SqlClient.SqlClient
  const refund = { refundId: yield* newRefundId, attemptId, money: cny(amount), at }
  const [movement] = yield* sql.withTransaction(schedule.charge([], [refund]))
  return movement?.money.amount ?? 0
})

layer(TestTerms, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
  describe("a capture", () => {
    it.effect("costs nothing where nothing is agreed, and many merchants are charged together", () =>
      Effect.gen(function* () {
        const [one, other] = [yield* agree(aPlan()), yield* agree(aPlan({ rounding: "up" }))]
        const nobody = yield* newMerchantId
        const at = new Date(Date.UTC(2090, 0, 1))
        const captures = [
          yield* capture(one.merchantId, 10_000, at),
          yield* capture(nobody, 10_000, at),
          yield* capture(other.merchantId, 101, at)
        ]
        assert.deepStrictEqual(yield* charge(captures), [
          [130, 1],
          [32, 1]
        ])
      })
    )

    it.effect("is charged by the plan of its own time when the plan changes at midnight", () =>
      Effect.gen(function* () {
        const { merchantId } = yield* agree(aPlan())
        const plans = yield* FeePlans
        const midnight = new Date("2091-03-31T16:00:00Z")
        const rates = [{ channel: null, currency: null, fixed: 0, minimum: null, maximum: null }]
        const content = aPlan({ rates: rates.map((rate) => ({ ...rate, tiers: [{ from: 0, basisPoints: "50" }] })) })
        yield* plans.put(merchantId, { version: 1, effectiveFrom: midnight, reason, content }, "user:olga")
        const before = yield* capture(merchantId, 10_000, new Date(midnight.getTime() - 1))
        const after = yield* capture(merchantId, 10_000, midnight)
        assert.deepStrictEqual(yield* charge([after, before]), [
          [50, 2],
          [130, 1]
        ])
        // what was charged by the former plan is given back by it
        assert.strictEqual(yield* giveBack(before.attemptId, 10_000, midnight), 100)
      })
    )

    it.effect("goes through the tiers of its month, one by one in a group, and starts anew with the next month", () =>
      Effect.gen(function* () {
        const tiers = [
          { from: 0, basisPoints: "100" },
          { from: 10_000, basisPoints: "10" }
        ]
        const rate = { channel: null, fixed: 0, minimum: null, maximum: null }
        const any = { ...rate, currency: null, tiers: [{ from: 0, basisPoints: "0" }] }
        const { merchantId } = yield* agree(aPlan({ rates: [any, { ...rate, currency: "CNY", tiers }] }))
        const november = new Date("2090-11-15T00:00:00Z")
        const captures = yield* Effect.replicateEffect(capture(merchantId, 8000, november), 3)
        assert.deepStrictEqual(yield* charge(captures), [
          [80, 1],
          [26, 1],
          [8, 1]
        ])
        // in Shanghai it is December already
        const december = yield* capture(merchantId, 8000, new Date("2090-11-30T16:00:00Z"))
        assert.deepStrictEqual(yield* charge([december]), [[80, 1]])
      })
    )

    it.effect("of many transactions at once is counted in the month to the last unit", () =>
      Effect.gen(function* () {
        const { merchantId } = yield* agree(aPlan())
        const at = new Date("2092-05-05T00:00:00Z")
        yield* Effect.forEach(
          Array.from({ length: 40 }, (_, index) => index + 1),
          (amount) => Effect.flatMap(capture(merchantId, amount, at), (each) => charge([each])),
          { concurrency: 8 }
        )
        const sql = yield* SqlClient.SqlClient
        const rows = yield* sql`SELECT amount FROM merchant_terms.volumes WHERE merchant_id = ${merchantId}`
        assert.deepStrictEqual(rows, [{ amount: 820 }])
      })
    )
  })

  describe("refunds", () => {
    it.effect("in parts give back the percentage and not a unit more, and keep the fixed part", () =>
      Effect.gen(function* () {
        const { merchantId } = yield* agree(aPlan())
        const at = new Date("2090-06-06T00:00:00Z")
        const captured = yield* capture(merchantId, 10_000, at)
        yield* charge([captured])
        const parts = yield* Effect.forEach([3333, 3333, 3333, 1], (part) => giveBack(captured.attemptId, part, at))
        assert.deepStrictEqual(parts, [33, 33, 33, 1])
        const unknown = yield* newAttemptId
        assert.strictEqual(yield* giveBack(unknown, 100, at), 0)
      })
    )
  })

  describe("a fee plan", () => {
    it.effect("is not changed backwards, nor in the place of a version that somebody else has put", () =>
      Effect.gen(function* () {
        const { agreed, merchantId } = yield* agree(aPlan())
        const plans = yield* FeePlans
        const change = { version: 1, reason, content: aPlan({ name: "second" }) }
        const past = new Date(agreed.at.getTime() - 1)
        const backdated = yield* Effect.flip(plans.put(merchantId, { ...change, effectiveFrom: past }, "user:olga"))
        assert.strictEqual(backdated._tag, "TermsBackdated")
        const both = yield* Effect.forEach([1, 2], () => Effect.exit(plans.put(merchantId, change, "user:olga")), {
          concurrency: 2
        })
        assert.strictEqual(both.filter(({ _tag }) => _tag === "Success").length, 1)
        const stale = yield* Effect.flip(plans.put(merchantId, change, "user:olga"))
        assert.deepStrictEqual([stale._tag, "version" in stale ? stale.version : 0], ["TermsChanged", 2])
        assert.deepStrictEqual(
          (yield* plans.list(merchantId)).map(({ content, version }) => [version, content.name]),
          [
            [2, "second"],
            [1, "standard"]
          ]
        )
      })
    )

    it.effect("is kept by the database as it was written", () =>
      Effect.gen(function* () {
        const { merchantId } = yield* agree(aPlan())
        const sql = yield* SqlClient.SqlClient
        const changed = yield* Effect.flip(
          sql`UPDATE merchant_terms.versions SET content = '{}' WHERE merchant_id = ${merchantId}`
        )
        assert.include(String(changed.reason.cause), "a change is a new version")
      })
    )

    it.effect("quotes what it would charge, and charges nothing", () =>
      Effect.gen(function* () {
        const { merchantId } = yield* agree(aPlan())
        const plans = yield* FeePlans
        const question = { channel: wechatpay, amount: cny(10_000) }
        const quote = yield* plans.quote(merchantId, question)
        assert.deepStrictEqual([quote.planVersion, quote.charged?.fee, quote.charged?.returnable], [
          1, 130, 100
        ] as never)
        const nothing = yield* plans.quote(yield* newMerchantId, question)
        assert.deepStrictEqual([nothing.planVersion, nothing.charged], [null, null])
        const sql = yield* SqlClient.SqlClient
        const fees = yield* sql`SELECT fee FROM merchant_terms.fees WHERE merchant_id = ${merchantId}`
        assert.lengthOf(fees, 0)
      })
    )
  })
})
