import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { FeeSchedule } from "@mall/domain/merchants/FeeSchedule"
import type { DisputeCase } from "@mall/domain/merchants/FeeSchedule"
import { DisputeId } from "@mall/domain/payments/Dispute"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { FeePlans } from "../src/terms/FeePlans.ts"
import { aPlan, newMerchantId, TestTerms } from "./TestTerms.ts"

const newDisputeId = generator(DisputeId)
const reason = "agreed"
type Stand = DisputeCase["stand"]

const borne = (charged: "opened" | "lost", returnedWhenWon = true) => ({
  bearer: "merchant",
  ...{ charged, returnedWhenWon, amounts: [{ currency: "CNY", amount: 1500 }] }
})

/** What each stand moves, in their order: above zero to the platform. */
const movements = Effect.fnUntraced(function* (
  disputes: object | undefined,
  stands: ReadonlyArray<Stand>,
  currency: DisputeCase["currency"] = "CNY"
) {
  const [plans, schedule, sql] = [yield* FeePlans, yield* FeeSchedule, yield* SqlClient.SqlClient]
  const merchantId = yield* newMerchantId
  const content = aPlan(disputes === undefined ? {} : { disputes })
  const { effectiveFrom } = yield* plans.put(merchantId, { version: 0, reason, content }, "user:olga")
  // what is agreed later does not concern a dispute of before
  const later = { version: 1, reason, content: aPlan(), effectiveFrom: new Date("2090-01-01") }
  yield* plans.put(merchantId, later, "user:olga")
  const disputeId = yield* newDisputeId
  const at = new Date("2091-01-01")
  const moved: Array<number> = []
  for (const stand of stands) {
    const dispute = { disputeId, merchantId, currency, stand, openedAt: effectiveFrom }
    const [movement] = yield* sql.withTransaction(schedule.chargeDisputes([dispute], at))
    const { direction, money, planVersion = 1 } = movement ?? {}
    assert.strictEqual(planVersion, 1)
    moved.push(money === undefined ? 0 : direction === "charged" ? money.amount : -money.amount)
    const { due, kept } = (yield* schedule.keptOfDisputes([dispute])).get(disputeId) ?? { due: 0, kept: 0 }
    assert.strictEqual(kept, due)
    assert.strictEqual(
      kept,
      moved.reduce((sum, each) => sum + each, 0)
    )
  }
  return moved
})

layer(TestTerms, { excludeTestServices: true, timeout: "60 seconds" })("a dispute", (it) => {
  it.effect("costs once it is opened, once, and nothing in the end when it is won", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* movements(borne("opened"), ["none", "open", "open", "won"]), [0, 1500, 0, -1500])
      assert.deepStrictEqual(yield* movements(borne("opened"), ["open", "lost"]), [1500, 0])
      assert.deepStrictEqual(yield* movements(borne("opened"), ["open", "none"]), [1500, -1500])
      assert.deepStrictEqual(yield* movements(borne("opened", false), ["open", "won", "lost"]), [1500, 0, 0])
      assert.deepStrictEqual(yield* movements(borne("opened"), ["won", "lost", "won"]), [0, 1500, -1500])
    })
  )

  it.effect("costs once it is lost, and stays so through an appeal until that is decided", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* movements(borne("lost"), ["open", "lost", "open", "won"]), [0, 1500, 0, -1500])
      assert.deepStrictEqual(yield* movements(borne("lost", false), ["lost", "open", "won"]), [1500, 0, 0])
      assert.deepStrictEqual(yield* movements(borne("lost"), ["open", "won"]), [0, 0])
    })
  )

  it.effect("costs nothing where the platform bears it, and in currencies of which nothing was said", () =>
    Effect.gen(function* () {
      const all = ["open", "lost"] as const
      assert.deepStrictEqual(yield* movements(undefined, all), [0, 0])
      assert.deepStrictEqual(yield* movements({ bearer: "platform" }, all), [0, 0])
      assert.deepStrictEqual(yield* movements(borne("opened"), all, "USD"), [0, 0])
    })
  )

  it.effect("that was lost and not charged is found by a check", () =>
    Effect.gen(function* () {
      const [plans, schedule] = [yield* FeePlans, yield* FeeSchedule]
      const merchantId = yield* newMerchantId
      const content = aPlan({ disputes: borne("lost") })
      const { effectiveFrom } = yield* plans.put(merchantId, { version: 0, reason, content }, "user:olga")
      const disputeId = yield* newDisputeId
      const dispute = { disputeId, merchantId, currency: "CNY", stand: "lost", openedAt: effectiveFrom } as const
      const kept = yield* schedule.keptOfDisputes([dispute])
      assert.deepStrictEqual([...kept.values()], [{ kept: 0, due: 1500 }])
    })
  )
})
