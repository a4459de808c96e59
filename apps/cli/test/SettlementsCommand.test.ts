import { assert, layer } from "@effect/vitest"
import { HeldReservePage, Settlement, SettlementDetails, SettlementPage } from "@mall/domain/treasury/Settlement"
import { BusinessCalendar, SettlementTerms } from "@mall/domain/treasury/SettlementTerms"
import { SettlementSteps } from "@mall/treasury/settlement/SettlementSteps"
import { Terms } from "@mall/treasury/settlement/Terms"
import { Effect, FileSystem, Schema } from "effect"
import {
  balanceOf,
  bookAll,
  carryOut,
  newMerchant,
  setClosed,
  settle,
  termsOf
} from "../../server/test/settlement/SettlementTest.ts"
import { mall } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"

const because = ["--reason", "the shop closes", "--yes"] as const
const settlements = (...args: ReadonlyArray<string>) => mall("settlements", ...args)

const write = Effect.fnUntraced(function* (name: string, content: unknown) {
  const { folder } = yield* CommandLine
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(`${folder}/${name}`, JSON.stringify(content))
  return `${folder}/${name}`
})

const suite = layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "90 seconds" })

suite("mall settlements", (it) => {
  it.effect("begins one for a reason and after a yes, and shows it with its statement", () =>
    Effect.gen(function* () {
      const merchant = yield* newMerchant
      assert.include((yield* settlements("list", "--merchant", merchant)).out, "There are no such settlements.")
      yield* bookAll(merchant, [1_000, -300])
      assert.strictEqual((yield* settlements("run", merchant, "CNY", "--yes")).code, 2)
      const unsaid = yield* settlements("run", merchant, "CNY", "--reason", "the shop closes")
      assert.strictEqual(unsaid.code, 2)
      assert.lengthOf((yield* decode(SettlementPage, yield* settlements("list", "--json"))).data, 0)
      const begun = yield* decode(Settlement, yield* settlements("run", merchant, "CNY", ...because, "--json"))
      assert.deepStrictEqual([begun.merchantId, begun.status], [merchant, "requested"])
      const twice = yield* settlements("run", merchant, "CNY", ...because)
      assert.deepStrictEqual([twice.code, twice.out], [1, ""])
      assert.include(twice.err, "under way")

      yield* carryOut({ id: begun.id, attempt: 1 })
      const shown = yield* decode(SettlementDetails, yield* settlements("show", begun.id, "--json"))
      assert.deepStrictEqual([shown.settlement.status, Number(shown.settlement.settled)], ["settled", 700])
      assert.deepInclude(shown.history[0], { actor: "operator:olga", reason: "the shop closes" })
      const text = (yield* settlements("show", begun.id)).out
      for (const said of ["Statement", "capture", "refund", "History", "operator:olga"]) assert.include(text, said)
      const lines = (yield* settlements("statement", begun.id)).out.split("\n")
      assert.strictEqual(lines[0], "time,purpose,subject,transfer,amount,currency")
      assert.deepStrictEqual(
        lines.slice(1).map((line) => line.split(",").slice(-2)),
        [
          ["1000", "CNY"],
          ["-300", "CNY"]
        ]
      )
      const nothing = yield* settlements("run", merchant, "CNY", ...because)
      assert.strictEqual(nothing.code, 1)
      assert.include(nothing.err, "nothing to settle")
      const unknown = yield* settlements("show", merchant)
      assert.strictEqual(unknown.code, 1)
      assert.include(unknown.err, "no such settlement")
    })
  )

  it.effect("tries one that failed again, and no other", () =>
    Effect.gen(function* () {
      const steps = yield* SettlementSteps
      const merchant = yield* newMerchant
      yield* bookAll(merchant, [600])
      const { id } = yield* decode(Settlement, yield* settlements("run", merchant, "CNY", ...because, "--json"))
      yield* setClosed(merchant, true)
      const { reason } = yield* Effect.flip(carryOut({ id, attempt: 1 }))
      yield* steps.undo({ id, attempt: 1 }, reason)
      yield* setClosed(merchant, false)
      const failed = yield* settlements("list", "--status", "failed", "--merchant", merchant, "--json")
      assert.deepStrictEqual(
        (yield* decode(SettlementPage, failed)).data.map((each) => each.id),
        [id]
      )
      assert.strictEqual((yield* settlements("retry", id, "--reason", "open again")).code, 2)
      const again = yield* decode(Settlement, yield* settlements("retry", id, ...because, "--json"))
      assert.deepStrictEqual([again.status, again.attempt], ["requested", 2])
      yield* carryOut({ id, attempt: 2 })
      const late = yield* settlements("retry", id, ...because)
      assert.strictEqual(late.code, 1)
      assert.include(late.err, "The settlement is settled")
      assert.strictEqual(yield* balanceOf(merchant, "settlement"), 600)
    })
  )

  it.effect("lists in pages, and what is held back", () =>
    Effect.gen(function* () {
      const terms = yield* Terms
      const merchant = yield* newMerchant
      yield* terms.set(termsOf(merchant, { reserveBasisPoints: 1_000, reserveDays: 30 }), "test")
      yield* bookAll(merchant, [1_000])
      const first = yield* settle(merchant)
      yield* bookAll(merchant, [2_000])
      const second = yield* settle(merchant)
      const ofMerchant = ["--merchant", merchant, "--limit", "1", "--json"]
      const page = yield* decode(SettlementPage, yield* settlements("list", ...ofMerchant))
      assert.deepStrictEqual(
        page.data.map(({ id }) => id),
        [second]
      )
      const next = yield* settlements("list", ...ofMerchant, "--after", page.nextCursor ?? "")
      const rest = yield* decode(SettlementPage, next)
      assert.deepStrictEqual([rest.data.map(({ id }) => id), rest.nextCursor], [[first], null])
      const wrong = yield* settlements("list", "--after", "!")
      assert.strictEqual(wrong.code, 1)
      assert.include(wrong.err, "cursor")
      const reserves = yield* decode(HeldReservePage, yield* settlements("reserves", "--merchant", merchant, "--json"))
      assert.deepStrictEqual(
        reserves.data.map(({ amount, settlementId }) => [settlementId, Number(amount)]),
        [
          [second, 200],
          [first, 100]
        ]
      )
      assert.include((yield* settlements("reserves", "--currency", "USD")).out, "Nothing is held back.")
    })
  )

  it.effect("sets terms from a file, never for the past", () =>
    Effect.gen(function* () {
      const merchant = yield* newMerchant
      const { reason: _, ...terms } = termsOf(merchant, { cycle: { type: "weekly", weekday: 1 } })
      const file = yield* write("terms.json", terms)
      assert.include((yield* settlements("terms", "--merchant", merchant)).out, "No terms were set")
      assert.strictEqual((yield* settlements("set-terms", file, "--reason", "contract")).code, 2)
      const set = yield* decode(SettlementTerms, yield* settlements("set-terms", file, ...because, "--json"))
      assert.deepInclude(set, { merchantId: merchant, actor: "operator:olga", reason: "the shop closes" })
      assert.include((yield* settlements("terms", "--merchant", merchant)).out, "weekly, on weekday 1")
      const past = yield* write("past.json", { ...terms, effectiveFrom: "2020-01-01T00:00:00Z" })
      const refused = yield* settlements("set-terms", past, ...because)
      assert.deepStrictEqual([refused.code, refused.out], [1, ""])
      assert.include(refused.err, "past")
      const typo = yield* write("typo.json", { ...terms, effectiveform: "2099-01-01T00:00:00Z" })
      const unheeded = yield* settlements("set-terms", typo, ...because)
      assert.strictEqual(unheeded.err, `${typo}: Expected no excess property at ["effectiveform"].`)
      const wrong = yield* write("wrong.json", { ...terms, reserveDays: 541 })
      assert.notStrictEqual((yield* settlements("set-terms", wrong, ...because)).code, 0)
      const listed = yield* settlements("terms", "--merchant", merchant, "--json")
      assert.deepStrictEqual(yield* decode(Schema.Array(SettlementTerms), listed), [set])
    })
  )

  it.effect("shows and replaces a calendar, a version after the other", () =>
    Effect.gen(function* () {
      const unknown = yield* settlements("calendar", "china")
      assert.strictEqual(unknown.code, 1)
      assert.include(unknown.err, "no such calendar")
      const days = [{ day: "2026-10-01", isWorking: false, name: "National Day" }]
      const file = yield* write("china.json", { weekend: [6, 7], days })
      assert.strictEqual((yield* settlements("calendar", "china", "--file", file, "--reason", "no yes")).code, 2)
      const first = yield* settlements("calendar", "china", "--file", file, ...because, "--json")
      assert.strictEqual((yield* decode(BusinessCalendar, first)).version, 1)
      const second = yield* settlements("calendar", "china", "--file", file, ...because, "--json")
      assert.strictEqual((yield* decode(BusinessCalendar, second)).version, 2)
      assert.include((yield* settlements("calendar", "china")).out, "National Day")
      const built = yield* decode(BusinessCalendar, yield* settlements("calendar", "default", "--json"))
      assert.deepStrictEqual([built.version, built.weekend], [0, [6, 7]])
    })
  )
})
