import { assert, describe, it } from "@effect/vitest"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { BillDay } from "@mall/domain/treasury/Bill"
import { SettlementTerms } from "@mall/domain/treasury/SettlementTerms"
import type { SettlementCycle } from "@mall/domain/treasury/SettlementTerms"
import { latestCutOff, nextDue } from "../src/settlement/cycles.ts"
import { statementOf } from "../src/settlement/statementOf.ts"

const holiday = (day: string) => ({ day: BillDay.make(day), isWorking: false, name: "off" })
const plain = { weekend: [6, 7], days: [] }
/** The first week of October is off, and the Saturday after it is worked. */
const china = {
  weekend: [6, 7],
  days: [
    ...[1, 2, 3, 4, 5, 6, 7].map((day) => holiday(`2026-10-0${day}`)),
    { day: BillDay.make("2026-10-10"), isWorking: true, name: "worked" }
  ]
}
const daily = (businessDays: number): SettlementCycle => ({ type: "daily", businessDays })
const cutOff = (cycle: SettlementCycle, timeZone: string, now: string, calendar: typeof plain | typeof china = plain) =>
  latestCutOff({ cycle, timeZone }, calendar, new Date(now))?.toISOString()
const due = (cycle: SettlementCycle, timeZone: string, now: string, calendar: typeof plain | typeof china = plain) =>
  nextDue({ cycle, timeZone }, calendar, new Date(now)).toISOString()

describe("a cut-off", () => {
  it("is midnight of the merchant's time zone, not of UTC", () => {
    assert.strictEqual(cutOff(daily(0), "Asia/Shanghai", "2026-11-18T15:59:59.999Z"), "2026-11-17T16:00:00.000Z")
    assert.strictEqual(cutOff(daily(0), "Asia/Shanghai", "2026-11-18T16:00:00Z"), "2026-11-18T16:00:00.000Z")
  })

  it("is a day of 23 and of 25 hours where the clocks change", () => {
    const zone = "America/New_York"
    assert.strictEqual(cutOff(daily(0), zone, "2026-03-08T12:00:00Z"), "2026-03-08T05:00:00.000Z")
    assert.strictEqual(cutOff(daily(0), zone, "2026-03-09T12:00:00Z"), "2026-03-09T04:00:00.000Z")
    assert.strictEqual(cutOff(daily(0), zone, "2026-11-01T12:00:00Z"), "2026-11-01T04:00:00.000Z")
    assert.strictEqual(cutOff(daily(0), zone, "2026-11-02T12:00:00Z"), "2026-11-02T05:00:00.000Z")
  })

  it("is the first moment of a day that has no midnight", () => {
    // in Beirut the clocks go from 00:00 to 01:00
    assert.strictEqual(cutOff(daily(0), "Asia/Beirut", "2026-03-29T12:00:00Z"), "2026-03-28T22:00:00.000Z")
  })

  it("waits for business days and takes the days off with it", () => {
    // Friday's is settled on Monday, with Saturday's and Sunday's
    assert.strictEqual(cutOff(daily(1), "UTC", "2026-11-21T10:00:00Z"), "2026-11-20T00:00:00.000Z")
    assert.strictEqual(cutOff(daily(1), "UTC", "2026-11-22T10:00:00Z"), "2026-11-20T00:00:00.000Z")
    assert.strictEqual(cutOff(daily(1), "UTC", "2026-11-23T00:00:00Z"), "2026-11-23T00:00:00.000Z")
    // a Friday and two business days are a Tuesday
    assert.strictEqual(cutOff(daily(2), "UTC", "2026-11-23T10:00:00Z"), "2026-11-20T00:00:00.000Z")
    assert.strictEqual(cutOff(daily(2), "UTC", "2026-11-24T10:00:00Z"), "2026-11-23T00:00:00.000Z")
  })

  it("waits over holidays, and not over a weekend that is worked", () => {
    assert.strictEqual(cutOff(daily(1), "UTC", "2026-10-07T10:00:00Z", china), "2026-09-30T00:00:00.000Z")
    assert.strictEqual(cutOff(daily(1), "UTC", "2026-10-08T10:00:00Z", china), "2026-10-08T00:00:00.000Z")
    assert.strictEqual(cutOff(daily(1), "UTC", "2026-10-10T10:00:00Z", china), "2026-10-10T00:00:00.000Z")
    assert.strictEqual(due(daily(1), "UTC", "2026-09-30T10:00:00Z", china), "2026-10-08T00:00:00.000Z")
  })

  it("is weekly or monthly, on that day or the first business day after", () => {
    const sundays: SettlementCycle = { type: "weekly", weekday: 7 }
    assert.strictEqual(cutOff(sundays, "UTC", "2026-11-22T10:00:00Z"), "2026-11-15T00:00:00.000Z")
    assert.strictEqual(cutOff(sundays, "UTC", "2026-11-23T10:00:00Z"), "2026-11-22T00:00:00.000Z")
    assert.strictEqual(due(sundays, "UTC", "2026-11-20T10:00:00Z"), "2026-11-23T00:00:00.000Z")
    const first: SettlementCycle = { type: "monthly", day: 1 }
    assert.strictEqual(cutOff(first, "UTC", "2026-11-01T10:00:00Z"), "2026-10-01T00:00:00.000Z")
    assert.strictEqual(cutOff(first, "UTC", "2026-11-02T10:00:00Z"), "2026-11-01T00:00:00.000Z")
    assert.strictEqual(due(first, "UTC", "2026-11-02T10:00:00Z"), "2026-12-01T00:00:00.000Z")
  })

  it("is due later than now, whatever the terms", () => {
    const cycles: ReadonlyArray<SettlementCycle> = [
      ...[daily(0), daily(1), daily(30)],
      { type: "weekly", weekday: 3 },
      { type: "monthly", day: 28 }
    ]
    for (const cycle of cycles) {
      for (let day = 1; day <= 28; day += 1) {
        const now = new Date(Date.UTC(2026, 1, day, 23, 59))
        assert.isAbove(nextDue({ cycle, timeZone: "Europe/Berlin" }, plain, now).getTime(), now.getTime())
      }
    }
  })
})

describe("a statement", () => {
  const terms = (minimum: number, reserveBasisPoints: number) =>
    new SettlementTerms({
      ...{ id: null, merchantId: null, currency: "CNY", cycle: daily(1), timeZone: "UTC", calendar: "default" },
      ...{ minimum: MinorUnits.make(minimum), isPaidOut: false, reserveBasisPoints, reserveDays: 30 },
      ...{ effectiveFrom: new Date(0), actor: "", reason: "", at: new Date(0) }
    })
  const line = (purpose: "capture" | "refund", added: number, taken: number) => ({
    ...{ purpose, items: 1, added: MinorUnits.make(added), taken: MinorUnits.make(taken) }
  })
  const at = new Date("2026-11-20T00:00:00Z")
  const nothing = { sum: 0, captured: 0 }

  it("holds back of what was captured in what it took over too", () => {
    const made = statementOf([line("capture", 200, 0)], { sum: 9_900, captured: 9_900 }, terms(10_000, 1000), at)
    assert.deepStrictEqual([made.carriedIn, made.net, made.reserve, made.settled], [9_900, 10_100, 1_010, 9_090])
  })

  it("holds back a part of what was captured, rounded to the nearest unit that loses none", () => {
    const made = statementOf([line("capture", 10_005, 0), line("refund", 0, 300)], nothing, terms(0, 1000), at)
    assert.strictEqual(made.net, 9_705)
    assert.strictEqual(made.reserve, 1_001)
    assert.strictEqual(made.settled, 8_704)
    assert.strictEqual(made.reserveReleaseAt?.toISOString(), "2026-12-20T00:00:00.000Z")
  })

  it("holds back no more than there is", () => {
    const made = statementOf([line("capture", 1000, 0), line("refund", 0, 950)], nothing, terms(0, 1000), at)
    assert.deepStrictEqual([made.net, made.reserve, made.settled, made.carriedOut], [50, 50, 0, 0])
  })

  it("carries what is less than the minimum, or than nothing, and takes no reserve of it", () => {
    const small = statementOf([line("capture", 999, 0)], nothing, terms(1000, 500), at)
    assert.deepStrictEqual([small.settled, small.reserve, small.carriedOut], [0, 0, 999])
    const negative = statementOf([line("refund", 0, 700)], nothing, terms(0, 500), at)
    assert.deepStrictEqual([negative.settled, negative.reserve, negative.carriedOut], [0, 0, -700])
    const exact = statementOf([line("capture", 1000, 0)], nothing, terms(1000, 0), at)
    assert.deepStrictEqual([exact.settled, exact.carriedOut], [1000, 0])
  })
})
