import { assert, layer } from "@effect/vitest"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import type { Expression } from "@mall/domain/risk/Expression"
import { Array, Effect } from "effect"
import { Backtests } from "../src/Backtests.ts"
import { RiskChecks } from "../src/RiskChecks.ts"
import { RiskRules } from "../src/RiskRules.ts"
import { check, largeAmounts, newUserId, Outcomes, ruleId, testRisk } from "./TestRisk.ts"

const busy: Expression = {
  type: "any",
  of: [
    { type: "velocity", measure: "count", by: "user", within: 600, is: ">=", value: 4 },
    { type: "velocity", measure: "sum", by: "device", within: 7200, is: ">", value: 20_000 },
    { type: "velocity", measure: "declines", by: "network", within: 3600, is: ">=", value: 2 },
    { type: "velocity", measure: "distinct", of: "user", by: "device", within: 86_400, is: ">=", value: 3 }
  ]
}

layer(testRisk({ RISK_CUSTOMER_TRIES: "1000", RISK_DECLINES: "1000" }), {
  excludeTestServices: true,
  timeout: "60 seconds"
})("Backtests", (it) => {
  it.effect("finds what the same rule in shadow found, and shadow changed nothing", () =>
    Effect.gen(function* () {
      const backtests = yield* Backtests
      const checks = yield* RiskChecks
      const outcomes = yield* Outcomes
      const risk = yield* RiskCheck
      const rules = yield* RiskRules
      const put = largeAmounts({ when: busy, mode: "shadow", action: "deny" })
      yield* rules.put(ruleId("busy"), put, "test")
      const users = yield* Effect.all(Array.makeBy(4, () => newUserId))
      // an odd mixture, the same in each run
      for (const index of Array.range(0, 59)) {
        const { paymentId, verdict } = yield* check({
          user: users[index % users.length] ?? null,
          device: `device-${index % 7}`,
          network: `203.0.113.${index % 5}`,
          amount: MinorUnits.make(1_000 + index * 37)
        })
        assert.strictEqual(verdict, "allow")
        if (index % 11 === 0) yield* risk.declined(paymentId)
      }
      const { data } = yield* checks.list({ limit: 100 })
      const shadowed = data.filter(({ hits }) => hits.some(({ rule }) => rule === "busy"))
      assert.isAbove(shadowed.length, 5)
      assert.isBelow(shadowed.length, 60)
      assert.isTrue(shadowed.every(({ shadowVerdict, verdict }) => verdict === "allow" && shadowVerdict === "deny"))
      const [captured, refunded, disputed] = shadowed
      const paid = { isCaptured: true, isRefunded: false, isDisputed: false }
      if (captured !== undefined) outcomes.set(captured.paymentId, paid)
      if (refunded !== undefined) outcomes.set(refunded.paymentId, { ...paid, isRefunded: true })
      if (disputed !== undefined) outcomes.set(disputed.paymentId, { ...paid, isDisputed: true })

      const report = yield* backtests.run({
        rule: { id: ruleId("candidate"), when: busy, score: 0, action: "deny" },
        days: 1
      })
      assert.deepStrictEqual([report.checks, report.payments], [60, 60])
      assert.deepStrictEqual(report.hits, { checks: shadowed.length, payments: shadowed.length })
      assert.deepStrictEqual(report.outcomes, { captured: 3, refunded: 1, disputed: 1, unpaid: shadowed.length - 3 })
      assert.deepStrictEqual(report.changes, [{ from: "allow", to: "deny", checks: shadowed.length }])
      assert.isFalse(report.isTruncated)
    })
  )

  it.effect("compares with today's rules: what is denied anyhow is no change", () =>
    Effect.gen(function* () {
      const backtests = yield* Backtests
      const rules = yield* RiskRules
      yield* rules.put(ruleId("large"), largeAmounts(), "test")
      yield* check({ amount: MinorUnits.make(150_000) })
      yield* check({ amount: MinorUnits.make(60_000) })
      const when: Expression = { type: "fact", fact: "amount", is: ">=", value: 50_000 }
      const wider = { when, score: 0, action: "deny" } as const
      const beside = yield* backtests.run({ rule: { id: ruleId("wider"), ...wider }, days: 1 })
      assert.deepStrictEqual([beside.hits.checks, beside.changes], [2, [{ from: "allow", to: "deny", checks: 1 }]])
      const milder = yield* backtests.run({ rule: { id: ruleId("large"), ...wider, action: "review" }, days: 1 })
      assert.sameDeepMembers(
        [...milder.changes],
        [
          { from: "deny", to: "review", checks: 1 },
          { from: "allow", to: "review", checks: 1 }
        ]
      )
      const bad = yield* Effect.flip(
        backtests.run({
          rule: { id: ruleId("bad"), ...wider, when: { type: "fact", fact: "user", is: "<", value: 1 } },
          days: 1
        })
      )
      assert.strictEqual(bad.path, "when.is")
    })
  )
})
