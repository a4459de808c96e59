import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { Legs } from "@mall/domain/ledger/Transfer"
import { BillDay } from "@mall/domain/treasury/Bill"
import { CorrectionId } from "@mall/domain/treasury/Difference"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { Effect, Exit, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Differences } from "../src/reconciliation/Differences.ts"
import { Rules } from "../src/reconciliation/Rules.ts"
import { differencesOf, lay, movement, noon, run, shown, theDifference } from "./reconciledDays.ts"
import { billOf, monday, TestReconciliation, tuesday, wechat, World } from "./TestBills.ts"

const decodeLegs = Schema.decodeUnknownEffect(Legs)
const newCorrectionId = generator(CorrectionId)

layer(TestReconciliation, { excludeTestServices: true, timeout: "60 seconds" })("A difference", (it) => {
  it.effect("is corrected in the books once a second person approves, once", () =>
    Effect.gen(function* () {
      const world = yield* World
      const differences = yield* Differences
      const { trade } = yield* movement(noon, 700)
      yield* lay({ [monday]: [trade] }, [])
      yield* run(monday)
      const { id } = yield* theDifference
      const correctionId = yield* newCorrectionId
      const none = yield* Effect.flip(differences.approve(id, { reason: "ok" }, "user:bob"))
      assert.strictEqual(none._tag, "DifferenceNotOpen")
      yield* differences.draft(id, { reason: "paid at the channel" }, "user:ann", correctionId)
      yield* differences.draft(id, { reason: "paid at the channel" }, "user:ann", correctionId)
      const own = yield* Effect.flip(differences.approve(id, { reason: "ok" }, "user:ann"))
      assert.strictEqual(own._tag, "SecondPersonNeeded")
      assert.strictEqual(world.postings.length, 0)
      const exits = yield* Effect.forEach(
        ["user:bob", "user:cat", "user:dan"],
        (actor) => Effect.exit(differences.approve(id, { reason: "ok" }, actor)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 1)
      assert.deepStrictEqual(
        world.postings.map(({ id, legs, purpose }): ReadonlyArray<unknown> => [
          ...[id, purpose],
          legs.map(({ account, amount, side }) => [account, side, amount])
        ]),
        [
          [
            correctionId,
            "adjustment",
            [
              ["platform:clearing:wechatpay:CNY", "debit", 700],
              ["platform:adjustments:CNY", "credit", 700]
            ]
          ]
        ]
      )
      assert.strictEqual((yield* run(monday)).counts?.missingHere, 1)
      assert.strictEqual((yield* differences.details(id)).difference.status, "resolved")
    })
  )

  it.effect("is corrected by no more than is left where it was corrected as it was before", () =>
    Effect.gen(function* () {
      const world = yield* World
      const differences = yield* Differences
      const { record, trade } = yield* movement(noon, 900)
      yield* lay({ [monday]: [{ ...trade, amount: 1_000 }] }, [record])
      yield* run(monday)
      const { id } = yield* theDifference
      for (const amount of [1_000, 1_001, 980]) {
        world.bills.set(monday, billOf([{ ...trade, amount }]))
        yield* run(monday)
        yield* differences.draft(id, { reason: "the bill says so" }, "user:ann", yield* newCorrectionId)
        yield* differences.approve(id, { reason: "ok" }, "user:bob")
      }
      assert.deepStrictEqual(
        world.postings.map(({ legs: [clearing] }) => [clearing?.side, Number(clearing?.amount)]),
        [
          ["debit", 100],
          ["debit", 1],
          ["credit", 21]
        ]
      )
      assert.isNull((yield* differences.details(id)).proposal)
    })
  )

  it.effect("is not corrected once a later bill has it, though somebody had drafted that", () =>
    Effect.gen(function* () {
      const world = yield* World
      const differences = yield* Differences
      const late = yield* movement("2026-11-16 23:59:30", 900)
      const wednesday = BillDay.make("2026-11-18")
      const trade = { ...late.trade, time: "2026-11-18 00:00:02" }
      yield* lay({ [monday]: [], [tuesday]: [], [wednesday]: [trade] }, [late.record])
      yield* run(monday)
      yield* run(tuesday)
      const { id } = yield* theDifference
      yield* differences.draft(id, { reason: "it never came" }, "user:ann", yield* newCorrectionId)
      yield* run(wednesday)
      const { corrections, difference, history } = yield* differences.details(id)
      assert.deepInclude(difference, { class: "timing", status: "resolved", resolution: "in the bill of 2026-11-18" })
      assert.deepStrictEqual(
        corrections.map(({ status }) => status),
        ["superseded"]
      )
      assert.deepInclude(history.at(-1), { fromStatus: "drafted", toStatus: "resolved" })
      const refused = yield* Effect.flip(differences.approve(id, { reason: "ok" }, "user:bob"))
      assert.strictEqual(refused._tag, "DifferenceNotOpen")
      assert.lengthOf(world.postings, 0)
    })
  )

  for (const [what, newer] of [
    ["a later bill has it", "2026-11-18"],
    ["a newer bill of its day agrees with us", monday]
  ] as const) {
    it.effect(`that was corrected is open again, by what is to be taken back, once ${what}`, () =>
      Effect.gen(function* () {
        const world = yield* World
        const differences = yield* Differences
        const late = yield* movement("2026-11-16 23:59:30", 900)
        yield* lay({ [monday]: [], [tuesday]: [] }, [late.record])
        yield* run(monday)
        yield* run(tuesday)
        const { id } = yield* theDifference
        const correct = Effect.gen(function* () {
          yield* differences.draft(id, { reason: "it never came" }, "user:ann", yield* newCorrectionId)
          yield* differences.approve(id, { reason: "so it is" }, "user:bob")
        })
        yield* correct
        const day = BillDay.make(newer)
        world.bills.set(day, billOf([{ ...late.trade, time: `${newer} 23:59:30` }]))
        yield* run(day)
        const again = yield* differences.details(id)
        assert.deepInclude(again.difference, { status: "open", excess: MinorUnits.make(0), resolution: null })
        assert.deepStrictEqual(
          again.proposal?.map(({ amount, side }) => [side, amount]),
          [
            ["debit", 900],
            ["credit", 900]
          ]
        )
        assert.deepInclude(again.history.at(-1), { fromStatus: "resolved", toStatus: "open" })
        // nothing changes by looking once more
        yield* run(day)
        assert.lengthOf((yield* differences.details(id)).history, again.history.length)
        yield* correct
        yield* run(day)
        const { difference, proposal } = yield* differences.details(id)
        assert.deepStrictEqual([difference.status, proposal], ["resolved", null])
        assert.lengthOf(world.postings, 2)
      })
    )
  }

  it.effect("is not corrected by what does not add up, by nothing, or from an account that may not be overdrawn", () =>
    Effect.gen(function* () {
      const differences = yield* Differences
      const { record, trade } = yield* movement(noon, 700)
      yield* lay({ [monday]: [trade] }, [{ ...record, amount: 700, currency: "USD" }])
      yield* run(monday)
      const { id } = yield* theDifference
      const draft = (legs?: ReadonlyArray<readonly [string, "debit" | "credit", number]>) =>
        Effect.gen(function* () {
          const given = legs?.map(([account, side, amount]) => ({ account, side, amount }))
          const correction = given === undefined ? {} : { legs: yield* decodeLegs(given) }
          const correctionId = yield* newCorrectionId
          return yield* Effect.flip(differences.draft(id, { reason: "try", ...correction }, "user:ann", correctionId))
        })
      assert.strictEqual((yield* draft())._tag, "NothingToCorrect")
      for (const legs of [
        [
          ["platform:clearing:wechatpay:CNY", "debit", 2],
          ["platform:adjustments:CNY", "credit", 1]
        ],
        [
          ["platform:adjustments:CNY", "debit", 1],
          ["platform:adjustments:CNY", "credit", 1]
        ],
        [
          ["platform:wallet:b7:CNY", "debit", 1],
          ["platform:adjustments:CNY", "credit", 1]
        ]
      ] as const) {
        assert.strictEqual((yield* draft(legs))._tag, "CorrectionMalformed")
      }
      const rejected = yield* Effect.flip(differences.reject(id, { reason: "no" }, "user:bob"))
      assert.strictEqual(rejected._tag, "DifferenceNotOpen")
      const resolved = yield* differences.resolve(id, { reason: "asked the channel" }, "user:ann")
      assert.deepInclude(resolved.difference, { status: "resolved", resolution: "asked the channel" })
      const again = yield* Effect.flip(differences.resolve(id, { reason: "again" }, "user:ann"))
      assert.strictEqual(again._tag, "DifferenceNotOpen")
    })
  )

  it.effect("resolves itself where a rule allows, and only as far", () =>
    Effect.gen(function* () {
      const rules = yield* Rules
      const [one, more] = [yield* movement(noon, 500), yield* movement(noon, 600)]
      yield* lay(
        {
          [monday]: [
            { ...one.trade, amount: 501 },
            { ...more.trade, amount: 602 }
          ]
        },
        [one.record, more.record]
      )
      const rule = {
        class: "amount_differs",
        channel: wechat,
        currency: "CNY",
        upTo: MinorUnits.make(1),
        reason: "rounding"
      } as const
      const { version } = yield* rules.current
      yield* rules.put({ version, rules: [rule], reason: "agreed" }, "user:ann")
      const stale = yield* Effect.flip(rules.put({ version, rules: [], reason: "stale" }, "user:bob"))
      assert.strictEqual(stale._tag, "ResolutionRulesChanged")
      yield* run(monday)
      assert.sameDeepMembers((yield* differencesOf(monday)).map(shown), [
        ["amount_differs", "payment", one.trade.reference, 1, "resolved"],
        ["amount_differs", "payment", more.trade.reference, 2, "open"]
      ])
    })
  )

  it.effect("is not approved by its drafter even past the program", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const differences = yield* Differences
      const { trade } = yield* movement(noon, 700)
      yield* lay({ [monday]: [trade] }, [])
      yield* run(monday)
      const { id } = yield* theDifference
      yield* differences.draft(id, { reason: "paid" }, "user:ann", yield* newCorrectionId)
      const refused = yield* Effect.flip(sql`
        UPDATE treasury.corrections SET status = 'approved', decided_by = 'user:ann', decided_at = timestamptz '2026-11-18'
        WHERE difference_id = ${id}`)
      assert.include(String(refused.reason.cause), "corrections_two_persons")
    })
  )
})
