import { assert, layer } from "@effect/vitest"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { AccountCode } from "@mall/domain/ledger/Account"
import { AccountFreezes } from "@mall/domain/ledger/AccountFreezes"
import { Calendars } from "@mall/treasury/settlement/Calendars"
import { Reserves } from "@mall/treasury/settlement/Reserves"
import { SettlementReads } from "@mall/treasury/settlement/SettlementReads"
import { Settlements } from "@mall/treasury/settlement/Settlements"
import { SettlementSteps } from "@mall/treasury/settlement/SettlementSteps"
import { Terms } from "@mall/treasury/settlement/Terms"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { DateTime, Effect, Layer, Random, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import {
  balanceOf,
  begin,
  book,
  bookAll,
  carryOut,
  imbalance,
  itemsOf,
  movementsOf,
  newMerchant,
  setClosed,
  settle,
  SettlementLayer,
  termsOf
} from "./SettlementTest.ts"

const Test = SettlementLayer.pipe(Layer.provideMerge(TestDatabase))

const at = (time: string) => TestClock.setTime(Date.parse(time))
/** On a clock that the test sets; what the layers do in the background goes by the real one. */
const onTestClock = <A, E, R>(test: Effect.Effect<A, E, R>) => Effect.provide(test, TestClock.layer())

const shown = (id: Effect.Success<ReturnType<typeof settle>>) =>
  SettlementReads.use((reads) => reads.show("all", id)).pipe(Effect.map(({ settlement }) => settlement))

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("A settlement", (it) => {
  it.effect("is not agreed on by a calendar that nobody wrote", () =>
    Effect.gen(function* () {
      const [terms, calendars] = [yield* Terms, yield* Calendars]
      const named = termsOf(yield* newMerchant, { calendar: "moon" })
      const refused = yield* Effect.flip(terms.set(named, "test"))
      assert.deepInclude(refused, { _tag: "CalendarUnknown", calendar: "moon" })
      yield* calendars.put("moon", { version: 0, weekend: [7], days: [], reason: "full" }, "test")
      assert.strictEqual((yield* terms.set(named, "test")).calendar, "moon")
    })
  )

  it.effect("settles what came in before the cut-off, less what went back, and holds the reserve", () =>
    Effect.gen(function* () {
      yield* at("2026-11-16T10:00:00Z")
      const merchant = yield* newMerchant
      const terms = yield* Terms
      yield* terms.set(termsOf(merchant, { reserveBasisPoints: 500, reserveDays: 30 }), "test")
      yield* bookAll(merchant, [10_000, 5_000, -3_000])
      yield* at("2026-11-17T10:00:00Z")
      const cutOff = new Date("2026-11-17T00:00:00Z")
      yield* book(merchant, 700)
      const id = yield* settle(merchant, cutOff)
      const settlement = yield* shown(id)
      assert.strictEqual(settlement.status, "settled")
      assert.deepStrictEqual(
        [settlement.net, settlement.reserve, settlement.settled, settlement.carriedOut],
        [12_000, 750, 11_250, 0].map((amount) => MinorUnits.make(amount))
      )
      assert.strictEqual(yield* balanceOf(merchant, "settlement"), 11_250)
      assert.strictEqual(yield* balanceOf(merchant, "reserves"), 750)
      assert.strictEqual(yield* balanceOf(merchant, "payable"), 700)
      assert.strictEqual(yield* movementsOf(id), 2)

      const reserves = yield* Reserves
      assert.strictEqual(yield* reserves.releaseDue(10), 0)
      yield* at("2026-12-17T00:00:00Z")
      const released = yield* Effect.all([reserves.releaseDue(10), reserves.releaseDue(10)], { concurrency: 2 })
      assert.strictEqual(released[0] + released[1], 1)
      assert.strictEqual(yield* balanceOf(merchant, "reserves"), 0)
      assert.strictEqual(yield* balanceOf(merchant, "settlement"), 12_000)
      assert.strictEqual(yield* imbalance, 0)
    }).pipe(onTestClock)
  )

  it.effect("releases what it held back though the books refuse to release another merchant's", () =>
    Effect.gen(function* () {
      yield* at("2026-12-21T10:00:00Z")
      const [terms, reserves, freezes] = [yield* Terms, yield* Reserves, yield* AccountFreezes]
      const [frozen, merchant] = [yield* newMerchant, yield* newMerchant]
      for (const each of [frozen, merchant]) {
        yield* terms.set(termsOf(each, { reserveBasisPoints: 500, reserveDays: 1 }), "test")
      }
      for (const [day, each] of [
        ["22", frozen],
        ["23", frozen],
        ["24", merchant]
      ] as const) {
        yield* book(each, 1_000)
        yield* at(`2026-12-${day}T12:00:00Z`)
        yield* settle(each)
      }
      const account = AccountCode.make(`${frozen}:reserves:CNY`)
      yield* freezes.freeze(account, { by: "test", reason: "a court says so", violation: null })
      yield* at("2026-12-26T12:00:00Z")
      assert.strictEqual(yield* reserves.releaseDue(2), 1)
      assert.deepStrictEqual([yield* balanceOf(frozen, "reserves"), yield* balanceOf(merchant, "reserves")], [100, 0])
      yield* freezes.thaw(account, { by: "test", reason: "it does not any more" })
      assert.strictEqual(yield* reserves.releaseDue(2), 2)
      assert.strictEqual(yield* balanceOf(frozen, "settlement"), 2_000)
    }).pipe(onTestClock)
  )

  it.effect("carries a debt and small sums into the next one, and says so", () =>
    Effect.gen(function* () {
      yield* at("2027-01-04T10:00:00Z")
      const merchant = yield* newMerchant
      const terms = yield* Terms
      const given = { minimum: MinorUnits.make(1_000), reserveBasisPoints: 1_000, reserveDays: 30 }
      yield* terms.set(termsOf(merchant, given), "test")
      yield* book(merchant, -400)
      yield* at("2027-01-05T10:00:00Z")
      const first = yield* shown(yield* settle(merchant))
      assert.deepStrictEqual([first.status, first.net, first.carriedOut], ["carried", -400, -400])
      yield* book(merchant, 1_300)
      yield* at("2027-01-06T10:00:00Z")
      const second = yield* shown(yield* settle(merchant))
      assert.deepStrictEqual([second.status, second.carriedIn, second.carriedOut], ["carried", -400, 900])
      yield* book(merchant, 600)
      yield* at("2027-01-07T10:00:00Z")
      const third = yield* shown(yield* settle(merchant))
      // a tenth of all 1,900 that were captured
      assert.deepStrictEqual([third.carriedIn, third.reserve, third.settled], [900, 190, 1_310])
      assert.strictEqual(yield* balanceOf(merchant, "settlement"), 1_310)
      assert.strictEqual(yield* balanceOf(merchant, "payable"), 0)
    }).pipe(onTestClock)
  )

  it.effect("begins by itself for whoever sold before, also where another's was begun by hand first", () =>
    Effect.gen(function* () {
      yield* at("2027-01-18T10:00:00Z")
      const settlements = yield* Settlements
      const [first, second] = [yield* newMerchant, yield* newMerchant]
      yield* book(first, 100)
      yield* book(second, 200)
      // no worker has looked since
      yield* at("2027-01-18T12:00:00Z")
      yield* settle(second)
      yield* at("2027-01-20T12:00:00Z")
      // merchants of other tests are due as well
      yield* settlements.startDue(1_000)
      yield* settlements.startDue(1_000)
      const { data } = yield* SettlementReads.use((reads) => reads.list("all", { merchantId: first }))
      assert.deepStrictEqual(
        data.map(({ cutOff }) => cutOff.toISOString()),
        ["2027-01-20T00:00:00.000Z"]
      )
    }).pipe(onTestClock)
  )

  it.effect("is one where many begin it at once", () =>
    Effect.gen(function* () {
      yield* at("2027-02-01T10:00:00Z")
      const merchant = yield* newMerchant
      yield* bookAll(merchant, [100, 200])
      yield* at("2027-02-02T10:00:00Z")
      const cutOff = yield* DateTime.nowAsDate
      const ids = yield* Effect.forEach([1, 2, 3, 4, 5], () => begin(merchant, cutOff), { concurrency: "unbounded" })
      assert.strictEqual(new Set(ids.map(({ id }) => id)).size, 1)
      const other = yield* Effect.flip(begin(merchant, new Date(cutOff.getTime() - 1)))
      assert.strictEqual(other._tag, "SettlementUnderWay")
      // every step twice at once, as by two processes that both believe it is theirs
      const steps = yield* SettlementSteps
      const attempt = { id: ids[0]?.id ?? (yield* Effect.die("none")), attempt: 1 }
      for (const step of ["gather", "state", "post", "payOut", "notify"] as const) {
        yield* Effect.all([steps[step](attempt), steps[step](attempt)], { concurrency: 2 })
      }
      assert.strictEqual(yield* balanceOf(merchant, "settlement"), 300)
      assert.strictEqual(yield* movementsOf(attempt.id), 1)
      const early = yield* Effect.flip(begin(merchant, new Date(cutOff.getTime() - 1)))
      assert.strictEqual(early._tag, "CutOffNotPossible")
      yield* at("2027-02-03T10:00:00Z")
      assert.strictEqual((yield* Effect.flip(begin(merchant)))._tag, "NothingToSettle")
    }).pipe(onTestClock)
  )

  it.effect("that the books refuse frees its items and can be tried again", () =>
    Effect.gen(function* () {
      yield* at("2027-03-01T10:00:00Z")
      const settlements = yield* Settlements
      const merchant = yield* newMerchant
      yield* book(merchant, 800)
      yield* setClosed(merchant, true)
      yield* at("2027-03-02T10:00:00Z")
      const { id } = yield* begin(merchant)
      const steps = yield* SettlementSteps
      const failed = yield* Effect.flip(carryOut({ id, attempt: 1 }))
      yield* steps.undo({ id, attempt: 1 }, failed.reason)
      const after = yield* shown(id)
      assert.strictEqual(after.status, "failed")
      assert.include(after.failure, "closed")
      assert.strictEqual(yield* itemsOf(merchant), 0)
      assert.strictEqual(yield* movementsOf(id), 0)

      yield* setClosed(merchant, false)
      const again = yield* settlements.retry(id, "test", "open again")
      assert.strictEqual(again.attempt, 2)
      yield* carryOut({ id, attempt: 2 })
      assert.strictEqual((yield* shown(id)).status, "settled")
      assert.strictEqual(yield* balanceOf(merchant, "settlement"), 800)
      const refused = yield* Effect.flip(settlements.retry(id, "test", "once more"))
      assert.strictEqual(refused._tag, "SettlementNotFailed")
    }).pipe(onTestClock)
  )

  it.effect("that was posted is taken back by reverse movements", () =>
    Effect.gen(function* () {
      yield* at("2027-03-10T10:00:00Z")
      const steps = yield* SettlementSteps
      const merchant = yield* newMerchant
      yield* book(merchant, 900)
      yield* at("2027-03-11T10:00:00Z")
      const { id } = yield* begin(merchant)
      const attempt = { id, attempt: 1 }
      yield* Effect.all([steps.gather(attempt), steps.state(attempt), steps.post(attempt)])
      yield* Effect.all([steps.undo(attempt, "no more"), steps.undo(attempt, "no more")], { concurrency: 2 })
      assert.strictEqual((yield* shown(id)).status, "failed")
      assert.strictEqual(yield* balanceOf(merchant, "settlement"), 0)
      assert.strictEqual(yield* balanceOf(merchant, "payable"), 900)
      assert.strictEqual(yield* movementsOf(id), 2)
      // a late step of the attempt that failed changes nothing any more
      yield* steps.post(attempt)
      assert.strictEqual(yield* movementsOf(id), 2)
    }).pipe(onTestClock)
  )

  it.effect("that was posted stays where a later one was carried out meanwhile, so that no item is nobody's", () =>
    Effect.gen(function* () {
      yield* at("2027-03-14T10:00:00Z")
      const steps = yield* SettlementSteps
      const merchant = yield* newMerchant
      yield* book(merchant, 900)
      yield* at("2027-03-15T10:00:00Z")
      const { id } = yield* begin(merchant)
      const attempt = { id, attempt: 1 }
      yield* Effect.all([steps.gather(attempt), steps.state(attempt), steps.post(attempt)])
      yield* book(merchant, 70)
      yield* at("2027-03-16T10:00:00Z")
      yield* settle(merchant)
      yield* steps.undo(attempt, "no more")
      yield* book(merchant, 5)
      yield* at("2027-03-17T10:00:00Z")
      yield* settle(merchant)
      assert.strictEqual((yield* shown(id)).status, "settled")
      assert.strictEqual(yield* itemsOf(merchant), 975)
      assert.strictEqual(yield* balanceOf(merchant, "settlement"), 975)
      assert.strictEqual(yield* balanceOf(merchant, "payable"), 0)
    }).pipe(onTestClock)
  )

  it.effect("keeps its statement, whoever writes to the table", () =>
    Effect.gen(function* () {
      yield* at("2027-03-20T10:00:00Z")
      const sql = yield* SqlClient.SqlClient
      const merchant = yield* newMerchant
      yield* book(merchant, 500)
      yield* at("2027-03-21T10:00:00Z")
      const id = yield* settle(merchant)
      const refused = yield* Effect.flip(sql`UPDATE treasury.settlements SET net = 1, settled = 1 WHERE id = ${id}`)
      assert.strictEqual(refused._tag, "SqlError")
      const reads = yield* SettlementReads
      const lines = yield* Stream.runCollect(yield* reads.statement("all", id))
      assert.lengthOf(lines.join("").trim().split("\n"), 2)
      const others = yield* Effect.flip(reads.statement(yield* newMerchant, id))
      assert.strictEqual(others._tag, "SettlementNotFound")
    }).pipe(onTestClock)
  )

  it.effect("begins by itself when the merchant's cycle is over, once, and by the terms of that time", () =>
    Effect.gen(function* () {
      // a Friday
      yield* at("2027-04-02T10:00:00Z")
      const settlements = yield* Settlements
      const reads = yield* SettlementReads
      const merchant = yield* newMerchant
      yield* book(merchant, 500)
      const of = Effect.map(reads.list("all", { merchantId: merchant }), ({ data }) => data)
      yield* settlements.startDue(50)
      assert.lengthOf(yield* of, 0)
      yield* at("2027-04-04T10:00:00Z")
      yield* settlements.startDue(50)
      assert.lengthOf(yield* of, 0)
      yield* at("2027-04-05T00:00:00Z")
      yield* Effect.all([settlements.startDue(50), settlements.startDue(50)], { concurrency: 2 })
      const [begun, ...others] = yield* of
      assert.lengthOf(others, 0)
      assert.strictEqual(begun?.cutOff.toISOString(), "2027-04-05T00:00:00.000Z")
      // nothing came in since: there is nothing to settle on the next day
      yield* carryOut({ id: begun?.id ?? (yield* Effect.die("none")), attempt: 1 })
      yield* at("2027-04-06T10:00:00Z")
      yield* settlements.startDue(50)
      assert.lengthOf(yield* of, 1)
    }).pipe(onTestClock)
  )

  it.effect("takes every entry once, over random histories, and leaves what it does not take", () =>
    Effect.gen(function* () {
      const amount = Random.nextIntBetween(-2_000, 5_000).pipe(Effect.map((amount) => (amount === 0 ? 1 : amount)))
      const terms = yield* Terms
      let day = Date.parse("2028-01-01T12:00:00Z")
      for (let history = 0; history < 8; history += 1) {
        const merchant = yield* newMerchant
        yield* TestClock.setTime(day)
        yield* terms.set(termsOf(merchant, { minimum: MinorUnits.make(500), reserveBasisPoints: 333 }), "test")
        let booked = 0
        for (let step = 0; step < 6; step += 1) {
          const count = yield* Random.nextIntBetween(0, 4)
          const amounts = yield* Effect.replicateEffect(amount, count)
          yield* bookAll(merchant, amounts)
          booked += amounts.reduce((sum, amount) => sum + amount, 0)
          day += 86_400_000
          yield* TestClock.setTime(day)
          if (yield* Random.nextBoolean) {
            yield* settle(merchant).pipe(Effect.catchTag("NothingToSettle", () => Effect.void))
            assert.strictEqual(yield* itemsOf(merchant), booked)
          }
          const { data } = yield* SettlementReads.use((reads) =>
            reads.list("all", { merchantId: merchant, limit: 100 })
          )
          const given = data.reduce((sum, { reserve, settled }) => sum + (reserve ?? 0) + (settled ?? 0), 0)
          assert.strictEqual(yield* balanceOf(merchant, "payable"), booked - given)
          const left = booked - (yield* itemsOf(merchant))
          assert.strictEqual((yield* balanceOf(merchant, "payable")) - left, data[0]?.carriedOut ?? 0)
        }
      }
      assert.strictEqual(yield* imbalance, 0)
    }).pipe(Random.withSeed("settlement"), onTestClock)
  )
})

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("Terms", (it) => {
  it.effect("never change what is past, and give way to the merchant's own", () =>
    Effect.gen(function* () {
      yield* at("2027-05-01T10:00:00Z")
      const terms = yield* Terms
      const merchant = yield* newMerchant
      const early = yield* Effect.flip(
        terms.set(termsOf(merchant, { effectiveFrom: new Date("2027-05-01T09:59:59Z") }), "test")
      )
      assert.strictEqual(early._tag, "TermsInThePast")
      const now = yield* DateTime.nowAsDate
      assert.strictEqual((yield* terms.inForce(merchant, "CNY", now)).reserveBasisPoints, 0)
      yield* terms.set(termsOf(null, { reserveBasisPoints: 100 }), "test")
      yield* terms.set(
        termsOf(merchant, { reserveBasisPoints: 200, effectiveFrom: new Date("2027-06-01T00:00:00Z") }),
        "test"
      )
      const of = (time: string) =>
        Effect.map(terms.inForce(merchant, "CNY", new Date(time)), ({ reserveBasisPoints }) => reserveBasisPoints)
      assert.strictEqual(yield* of("2027-05-01T09:00:00Z"), 0)
      assert.strictEqual(yield* of("2027-05-31T23:59:59Z"), 100)
      assert.strictEqual(yield* of("2027-06-01T00:00:00Z"), 200)
      assert.lengthOf(yield* terms.list(yield* newMerchant, {}), 1)
      assert.lengthOf(yield* terms.list(merchant, {}), 2)
    }).pipe(onTestClock)
  )
})
