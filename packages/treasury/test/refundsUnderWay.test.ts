import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { differencesOf, lay, movement, noon, run, shown } from "./reconciledDays.ts"
import { monday, TestReconciliation, tuesday, World } from "./TestBills.ts"

layer(TestReconciliation, { excludeTestServices: true, timeout: "60 seconds" })("A refund that is under way", (it) => {
  it.effect("in the one bill that tells of it is the one that succeeds on another day", () =>
    Effect.gen(function* () {
      const world = yield* World
      const slow = yield* movement(noon, 200, "refund")
      const quick = yield* movement(noon, 300, "refund")
      const other = yield* movement(noon, 400, "refund")
      const processing = { state: "PROCESSING" }
      yield* lay(
        {
          [monday]: [
            ...[slow, quick].map(({ trade }) => ({ ...trade, ...processing })),
            { ...other.trade, ...processing, amount: 401 }
          ],
          [tuesday]: []
        },
        [{ ...slow.record, state: "pending" }, quick.record, other.record]
      )
      assert.deepInclude((yield* run(monday)).counts, { matched: 1, timing: 1, stateDiffers: 1 })
      const done = { ...slow.record, at: new Date("2026-11-17T04:00:00Z") }
      world.records.splice(0, world.records.length, done, quick.record, other.record)
      assert.deepInclude((yield* run(tuesday)).counts, { missingThere: 0, timing: 0 })
      // the same again finds the same
      assert.deepInclude((yield* run(monday)).counts, { matched: 1, timing: 1, stateDiffers: 1 })
      assert.sameDeepMembers((yield* differencesOf(monday)).map(shown), [
        ["timing", "refund", slow.trade.reference, 0, "resolved"],
        ["state_differs", "refund", other.trade.reference, 400, "open"]
      ])
    })
  )
})
