import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Layer, Metric, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import * as ReviewQueueMetrics from "../src/ReviewQueueMetrics.ts"
import { RiskReviews } from "../src/RiskReviews.ts"
import { RiskRules } from "../src/RiskRules.ts"
import { check, largeAmounts, ruleId, testRisk } from "./TestRisk.ts"

/** What a metric counted or shows; 0 where it was never touched. */
const valueOf = (id: string, attributes: Record<string, string> = {}) =>
  Effect.map(Metric.snapshot, (all) => {
    const found = all.find(
      (each) => each.id === id && Object.entries(attributes).every(([key, value]) => each.attributes?.[key] === value)
    )
    if (found === undefined) return 0
    return found.type === "Gauge" ? Number(found.state.value) : found.type === "Counter" ? Number(found.state.count) : 0
  })

/** Measures the queue once, as a worker does that starts now, and answers with what it shows. */
const measured = Effect.fnUntraced(function* (open: number) {
  yield* Layer.build(Layer.fresh(ReviewQueueMetrics.layer))
  yield* valueOf("risk_review_open").pipe(
    Effect.repeat({ until: (shown) => shown === open, schedule: Schedule.spaced("5 millis") })
  )
  return yield* valueOf("risk_review_oldest_age_seconds")
}, Effect.scoped)

const Test = Layer.fresh(testRisk()).pipe(Layer.provideMerge(Layer.succeed(Metric.MetricRegistry, new Map())))

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("the metrics of risk", (it) => {
  it.effect("show how many payments wait for a person and for how long, and count what was decided", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [reviews, rules] = [yield* RiskReviews, yield* RiskRules]
      const put = largeAmounts({ action: "review", when: { type: "fact", fact: "device", is: "=", value: "strange" } })
      yield* rules.put(ruleId("strange_device"), put, "test")
      assert.strictEqual(yield* measured(0), 0)

      yield* check({})
      for (const _ of [1, 2, 3]) yield* check({ device: "strange" })
      assert.deepStrictEqual(
        [
          yield* valueOf("risk_check_total", { verdict: "review" }),
          yield* valueOf("risk_check_total", { verdict: "allow" })
        ],
        [3, 1]
      )
      const { data } = yield* reviews.list({ status: "open", limit: 10 })
      const [first, second, third] = data
      const then = new Date((yield* Clock.currentTimeMillis) - 20 * 60_000)
      yield* sql`UPDATE risk.reviews SET created_at = ${then} WHERE id = ${first!.id}`
      const oldest = yield* measured(3)
      assert.isAtLeast(oldest, 1_200)
      assert.isBelow(oldest, 1_300)

      const ruling = { actor: "operator:ann", reason: "called the buyer" }
      yield* reviews.approve(first!.id, ruling)
      yield* reviews.reject(second!.id, ruling)
      assert.isBelow(yield* measured(1), 1_200)
      yield* sql`UPDATE risk.reviews SET expires_at = now() - interval '1 second' WHERE id = ${third!.id}`
      yield* reviews.expire(10)
      assert.strictEqual(yield* measured(0), 0)
      const ended = yield* Effect.forEach(["approved", "rejected", "expired"], (status) =>
        valueOf("risk_review_total", { status })
      )
      assert.deepStrictEqual(ended, [1, 1, 1])
    })
  )
})
