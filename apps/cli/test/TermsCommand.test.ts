import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { FeePlanVersion, FeeQuote } from "@mall/domain/merchants/FeePlan"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { QuotaReport, QuotaStanding } from "@mall/domain/merchants/PaymentLimits"
import { PaymentPolicyVersion } from "@mall/domain/merchants/PaymentPolicy"
import { Terms } from "@mall/domain/merchants/Terms"
import { Effect, FileSystem, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { mall } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"

const newMerchantId = generator(MerchantId)

const write = Effect.fnUntraced(function* (name: string, content: unknown) {
  const { folder } = yield* CommandLine
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(`${folder}/${name}`, JSON.stringify(content))
  return `${folder}/${name}`
})

const rate = { channel: null, currency: null, fixed: 0, minimum: null, maximum: null }
const plan = {
  name: "standard",
  rates: [
    { ...rate, tiers: [{ from: 0, basisPoints: "290" }] },
    { ...rate, channel: "wechatpay", currency: "CNY", fixed: 30, tiers: [{ from: 0, basisPoints: "60" }] }
  ],
  tierMode: "marginal",
  rounding: "half_even",
  timeZone: "Asia/Shanghai",
  returns: { percent: true, fixed: false }
}
const policy = {
  ...{ channels: ["alipay", "wechatpay"], methods: null, refundDays: 30 },
  ...{ partialRefunds: true, refundPercent: null }
}
const limits = { minimum: 100, maximum: null, daily: 5000, monthly: null, timeZone: "UTC", returnsOnRefund: false }

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "90 seconds" })("mall terms", (it) => {
  it.effect("agrees on fees only for a reason and after a yes, and says what a payment costs", () =>
    Effect.gen(function* () {
      const merchant = yield* newMerchantId
      const file = yield* write("plan.json", plan)
      const question = ["quote", merchant, "wechatpay", "10000", "CNY"]
      const nothing = yield* decode(FeeQuote, yield* mall("terms", ...question, "--json"))
      assert.isNull(nothing.charged)
      assert.strictEqual((yield* mall("terms", "assign", merchant, file, "--reason", "signed")).code, 2)
      const past = yield* mall(
        ...["terms", "assign", merchant, file, "--reason", "signed", "--yes", "--from", "2020-01-01T00:00:00Z"]
      )
      assert.deepStrictEqual([past.code, past.out], [1, ""])
      assert.include(past.err, "They can count from")
      const put = yield* decode(
        FeePlanVersion,
        yield* mall("terms", "assign", merchant, file, "--reason", "signed", "--yes", "--json")
      )
      assert.deepStrictEqual([put.version, put.actor, put.reason], [1, "operator:olga", "signed"])
      assert.strictEqual(put.effectiveFrom.getTime() - put.at.getTime(), 60_000)
      // it does not count yet
      const before = yield* decode(FeeQuote, yield* mall("terms", ...question, "--json"))
      assert.isNull(before.planVersion)
      assert.include((yield* mall("terms", "plans", merchant)).out, "standard")
      assert.include((yield* mall("terms", ...question)).out, "none")
    })
  )

  it.effect("names the file that it cannot read, and takes none with what nobody would heed", () =>
    Effect.gen(function* () {
      const merchant = yield* newMerchantId
      const file = yield* write("typo.json", { ...plan, dispute: [] })
      const act = ["terms", "assign", merchant, file, "--reason", "signed", "--yes"]
      const typo = yield* mall(...act)
      assert.deepStrictEqual([typo.code, typo.out], [1, ""])
      assert.strictEqual(typo.err, `${file}: Expected no excess property at ["dispute"].`)
      yield* write("typo.json", { ...plan, rates: undefined })
      assert.strictEqual((yield* mall(...act)).err, `${file}: Missing key at ["rates"].`)
      const noFile = yield* mall(
        "terms",
        "limits",
        merchant,
        "--set",
        "/no/such",
        ...act.slice(-3),
        "--currency",
        "CNY"
      )
      assert.include(noFile.err, "/no/such: NotFound")
    })
  )

  it.effect("sets a payment policy only for a reason and after a yes", () =>
    Effect.gen(function* () {
      const merchant = yield* newMerchantId
      const file = yield* write("policy.json", policy)
      assert.include((yield* mall("terms", "policy", merchant)).out, "in any way")
      const set = ["terms", "policy", merchant, "--set", file]
      assert.include((yield* mall(...set, "--yes")).err, "add --reason")
      assert.strictEqual((yield* mall(...set, "--reason", "no cards")).code, 2)
      const all = yield* decode(
        Schema.Array(PaymentPolicyVersion),
        yield* mall(...set, "--reason", "no cards", "--yes", "--json")
      )
      assert.deepStrictEqual(
        all.map(({ actor, content, version }) => [version, actor, content.refundDays]),
        [[1, "operator:olga", 30]]
      )
      assert.include((yield* mall("terms", "show", merchant)).out, "alipay wechatpay")
    })
  )

  it.effect("sets limits, shows them with all else, and finds a quota that was tampered with", () =>
    Effect.gen(function* () {
      const merchant = yield* newMerchantId
      const file = yield* write("limits.json", limits)
      const unsaid = yield* mall("terms", "limits", merchant, "--set", file, "--yes")
      assert.include(unsaid.err, "add --currency and --reason")
      yield* mall("terms", "limits", merchant, "--set", file, "--currency", "CNY", "--reason", "verified", "--yes")
      assert.include((yield* mall("terms", "limits", merchant)).out, "5000")
      assert.include((yield* mall("terms", "limits", "platform")).out, "No limits")
      const platform = ["terms", "limits", "platform", "--set", file, "--currency", "KRW", "--reason", "wary", "--yes"]
      assert.include((yield* mall(...platform)).out, "wary")
      const own = yield* decode(Schema.Array(QuotaStanding), yield* mall("terms", "quotas", "platform", "--json"))
      assert.deepStrictEqual(own, [])
      const terms = yield* decode(Terms, yield* mall("terms", "show", merchant, "--json"))
      assert.deepStrictEqual([terms.limits[0]?.content.daily, terms.feePlans.length], [5000, 0] as never)
      assert.include((yield* mall("terms", "show", merchant)).out, "verified")
      const quotas = yield* decode(Schema.Array(QuotaStanding), yield* mall("terms", "quotas", merchant, "--json"))
      assert.deepStrictEqual(quotas, [])

      const sound = yield* decode(QuotaReport, yield* mall("terms", "verify", "--json"))
      assert.deepStrictEqual(sound.faults, [])
      const sql = yield* SqlClient.SqlClient
      yield* sql`
        INSERT INTO merchant_terms.quota_counters (key, merchant_id, currency, period, "window", held)
        VALUES ('x', ${merchant}, 'CNY', 'day', '2090-01-01', 5)`
      const found = yield* mall("terms", "verify")
      assert.strictEqual(found.code, 1)
      assert.include(found.err, "not the sum of its holds: x")
    })
  )
})
