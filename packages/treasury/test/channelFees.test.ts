import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { ChannelId } from "@mall/domain/payments/Payment"
import { ChannelFeeId } from "@mall/domain/treasury/ChannelFee"
import type { NewChannelFee } from "@mall/domain/treasury/ChannelFee"
import { CorrectionId } from "@mall/domain/treasury/Difference"
import type { Difference } from "@mall/domain/treasury/Difference"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { ChannelFees } from "../src/reconciliation/ChannelFees.ts"
import { Differences } from "../src/reconciliation/Differences.ts"
import { Rules } from "../src/reconciliation/Rules.ts"
import { differencesOf, lay, movement, noon, run } from "./reconciledDays.ts"
import { billOf, monday, TestReconciliation, wechat, World } from "./TestBills.ts"

const newFeeId = generator(ChannelFeeId)
const newCorrectionId = generator(CorrectionId)

const add = (terms: Partial<NewChannelFee>) =>
  Effect.gen(function* () {
    const fees = yield* ChannelFees
    const fee: NewChannelFee = {
      ...{ channel: wechat, currency: "CNY", basisPoints: "60", fixed: MinorUnits.make(0), rounding: "half_up" },
      ...{ isReturned: true, effectiveFrom: new Date("2026-01-01T00:00:00Z"), reason: "contract", ...terms }
    }
    return yield* fees.add(fee, "operator:olga", yield* newFeeId)
  })

const noRules = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`TRUNCATE treasury.channel_fees`)

const shown = (one: Difference): ReadonlyArray<unknown> => [
  ...[one.class, one.kind, one.reference, one.billFee, one.ourFee, one.excess, one.status]
]
const found = Effect.map(differencesOf(monday), (all) => all.map(shown))

/** A payment of so much whose line in the bill has the fee. */
const paid = (amount: number, fee: number, kind: "payment" | "refund" = "payment", time = noon) =>
  Effect.map(movement(time, amount, kind), ({ record, trade }) => ({ record, trade: { ...trade, fee } }))

layer(TestReconciliation, { excludeTestServices: true, timeout: "60 seconds" })("The fees of a bill", (it) => {
  it.effect("are compared with nothing where no rule is in force", () =>
    Effect.gen(function* () {
      yield* noRules
      const one = yield* paid(10_000, 999)
      yield* lay({ [monday]: [one.trade] }, [one.record])
      yield* add({ currency: "USD" })
      yield* add({ channel: ChannelId.make("alipay") })
      yield* add({ effectiveFrom: new Date("2026-11-16T12:00:01+08:00") })
      assert.deepInclude((yield* run(monday)).counts, { matched: 1, feeDiffers: 0 })
      const before = new Date("2026-11-16T12:00:00+08:00")
      yield* add({ effectiveFrom: before })
      assert.deepInclude((yield* run(monday)).counts, { matched: 0, feeDiffers: 1 })
      // of two that begin together the newer is in force
      yield* add({ effectiveFrom: before, basisPoints: null })
      assert.deepInclude((yield* run(monday)).counts, { matched: 1, feeDiffers: 0 })
      assert.deepStrictEqual(yield* found, [
        ["fee_differs", "payment", one.trade.reference, 999, 60, -939, "superseded"]
      ])
    })
  )

  it.effect(
    "differ where the channel took more or less, gave back less, or took it of a line that differs besides",
    () =>
      Effect.gen(function* () {
        yield* noRules
        yield* add({})
        const [right, more, less] = [yield* paid(10_000, 60), yield* paid(10_000, 62), yield* paid(10_000, 59)]
        const [back, kept] = [yield* paid(5000, -30, "refund"), yield* paid(5000, -29, "refund")]
        const [unknown, changed] = [yield* paid(1000, 7), yield* paid(1000, 5)]
        const all = [right, more, less, back, kept, unknown, changed]
        yield* lay(
          { [monday]: all.map(({ trade }) => trade) },
          all.flatMap((one) => (one === unknown ? [] : [one === changed ? { ...one.record, amount: 999 } : one.record]))
        )
        const { counts } = yield* run(monday)
        assert.deepInclude(counts, { matched: 2, feeDiffers: 5, missingHere: 1, amountDiffers: 1 })
        assert.sameDeepMembers(yield* found, [
          ["fee_differs", "payment", more.trade.reference, 62, 60, -2, "open"],
          ["fee_differs", "payment", less.trade.reference, 59, 60, 1, "open"],
          ["fee_differs", "refund", kept.trade.reference, -29, -30, -1, "open"],
          ["fee_differs", "payment", unknown.trade.reference, 7, 6, -1, "open"],
          ["missing_here", "payment", unknown.trade.reference, null, null, 1000, "open"],
          ["fee_differs", "payment", changed.trade.reference, 5, 6, 1, "open"],
          ["amount_differs", "payment", changed.trade.reference, null, null, 1, "open"]
        ])
        // the same bill again finds the same, and a right one nothing
        assert.deepInclude((yield* run(monday)).counts, { feeDiffers: 5 })
        assert.strictEqual((yield* found).length, 7)
        const world = yield* World
        world.bills.set(monday, billOf([{ ...more.trade, fee: 60 }]))
        world.records.splice(0, world.records.length, more.record)
        assert.deepInclude((yield* run(monday)).counts, { matched: 1, feeDiffers: 0 })
        assert.isTrue((yield* differencesOf(monday)).every(({ status }) => status === "superseded"))
      })
  )

  it.effect("are rounded as the rule says, with the fixed part on payments alone", () =>
    Effect.gen(function* () {
      const fees = { half_up: [3, 4], half_even: [2, 4], up: [3, 4], down: [2, 3] } as const
      for (const rounding of ["half_up", "half_even", "up", "down"] as const) {
        yield* noRules
        // of 100 the share is 2.5, of 140 it is 3.5
        yield* add({ basisPoints: "250", rounding, fixed: MinorUnits.make(30), isReturned: false })
        const [half, more] = fees[rounding]
        const all = yield* Effect.all([paid(100, half + 30), paid(140, more + 30), paid(100, 0, "refund")])
        yield* lay(
          { [monday]: all.map(({ trade }) => trade) },
          all.map(({ record }) => record)
        )
        assert.deepInclude((yield* run(monday)).counts, { matched: 3, feeDiffers: 0 }, rounding)
      }
      yield* noRules
      yield* add({ basisPoints: "38.5", fixed: MinorUnits.make(30) })
      const [exact, kept] = [yield* paid(1000, 34), yield* paid(1000, -4, "refund")]
      yield* lay({ [monday]: [exact.trade, kept.trade] }, [exact.record, kept.record])
      assert.deepInclude((yield* run(monday)).counts, { matched: 2, feeDiffers: 0 })
    })
  )

  it.effect("resolve themselves by a rule of one unit, and are corrected in the books by two persons", () =>
    Effect.gen(function* () {
      yield* noRules
      yield* add({})
      const rules = yield* Rules
      const differences = yield* Differences
      const world = yield* World
      const tolerance = { class: "fee_differs", channel: null, currency: "CNY", upTo: MinorUnits.make(1) } as const
      const { version } = yield* rules.current
      yield* rules.put({ version, rules: [{ ...tolerance, reason: "rounding" }], reason: "agreed" }, "user:ann")
      const [near, far] = [yield* paid(10_000, 61), yield* paid(10_000, 70)]
      yield* lay({ [monday]: [near.trade, far.trade] }, [near.record, far.record])
      yield* run(monday)
      assert.sameDeepMembers(yield* found, [
        ["fee_differs", "payment", near.trade.reference, 61, 60, -1, "resolved"],
        ["fee_differs", "payment", far.trade.reference, 70, 60, -10, "open"]
      ])
      const open = (yield* differencesOf(monday)).find(({ status }) => status === "open")
      const { id, paymentId } = yield* Effect.fromNullishOr(open)
      assert.strictEqual(paymentId, "p1")
      yield* differences.draft(id, { reason: "charged too much" }, "user:ann", yield* newCorrectionId)
      yield* differences.approve(id, { reason: "seen" }, "user:bob")
      assert.deepStrictEqual(
        world.postings.flatMap(({ legs }) => legs.map(({ account, amount, side }) => [String(account), side, amount])),
        [
          ["platform:clearing:wechatpay:CNY", "credit", 10],
          ["platform:adjustments:CNY", "debit", 10]
        ]
      )
    })
  )

  it.effect("keep every rule that ever was, and the same one once", () =>
    Effect.gen(function* () {
      yield* noRules
      const fees = yield* ChannelFees
      const sql = yield* SqlClient.SqlClient
      const first = yield* add({ basisPoints: "38.50", effectiveFrom: new Date("2026-01-01T00:00:00Z") })
      const second = yield* add({ basisPoints: "40" })
      assert.strictEqual(first.basisPoints, "38.5")
      const { at: _at, actor: _actor, id, traceId: _traceId, ...terms } = first
      assert.deepStrictEqual(yield* fees.add({ ...terms, basisPoints: "99" }, "operator:bob", id), first)
      assert.deepStrictEqual(
        (yield* fees.all).map((fee) => fee.id),
        [second.id, first.id]
      )
      const denied = yield* Effect.flip(
        sql.withTransaction(
          Effect.andThen(sql`SET LOCAL ROLE mall_pay`, sql`UPDATE treasury.channel_fees SET fixed = 1`)
        )
      )
      assert.include(String(denied.reason.cause), "permission denied")
    })
  )
})
