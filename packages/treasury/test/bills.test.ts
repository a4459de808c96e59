import { assert, describe, it } from "@effect/vitest"
import { BillDay } from "@mall/domain/treasury/Bill"
import type { BillLine } from "@mall/domain/treasury/Bill"
import { Effect, Result, Schema } from "effect"
import { minorUnitsOf } from "../src/reconciliation/bill/amounts.ts"
import type { BillParser } from "../src/reconciliation/bill/BillParser.ts"
import * as stripeBill from "../src/reconciliation/bill/stripeBill.ts"
import * as wechatPayBill from "../src/reconciliation/bill/wechatPayBill.ts"
import { boundsOf, dayBefore, hourAt } from "../src/reconciliation/days.ts"
import { billOf, monday, tradeLine } from "./TestBills.ts"
import type { Trade } from "./TestBills.ts"

const beijing = { offsetMinutes: 480 }
const utc = { offsetMinutes: 0 }

/** All lines, or the sentence by which the bill is refused. */
const read = (parser: BillParser, text: string, pieceLength = 97): ReadonlyArray<BillLine> | string => {
  const lines: Array<BillLine> = []
  for (let start = 0; start < text.length; start += pieceLength) {
    const piece = parser.push(text.slice(start, start + pieceLength))
    if (Result.isFailure(piece)) return `line ${piece.failure.line}: ${piece.failure.reason}`
    lines.push(...piece.success)
  }
  const end = parser.end()
  return Result.isFailure(end) ? `line ${end.failure.line}: ${end.failure.reason}` : [...lines, ...end.success]
}

const readWechat = (text: string, pieceLength?: number) =>
  read(wechatPayBill.make({ ...boundsOf(beijing, monday), ...beijing }), text, pieceLength)
const readStripe = (text: string) => read(stripeBill.make({ ...boundsOf(utc, monday), ...utc }), text)

const Trades = Schema.Array(
  Schema.Struct({
    kind: Schema.Literals(["payment", "refund"]),
    reference: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
    amount: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000_000 })),
    time: Schema.Literals(["2026-11-16 00:00:00", "2026-11-16 12:34:56", "2026-11-16 23:59:59"])
  })
).check(Schema.isMaxLength(30))
const PieceLength = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 }))
const Amount = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999_999_999 }))
const one: Trade = { kind: "payment", reference: "a".repeat(32), amount: 1234, time: "2026-11-16 12:00:00" }

describe("The bill of WeChat Pay", () => {
  it.prop(
    "is read as it was written, however it is cut into pieces",
    { trades: Trades, pieceLength: PieceLength },
    ({ pieceLength, trades }) => {
      const lines = readWechat(billOf(trades), pieceLength)
      assert.isArray(lines)
      if (typeof lines === "string") return
      assert.deepStrictEqual(
        lines.map(({ amount, at, kind, reference }) => [kind, reference, amount, at.getTime()]),
        trades.map(({ amount, kind, reference, time }) => [
          ...[kind, reference, amount],
          Date.parse(`${time.replace(" ", "T")}+08:00`)
        ])
      )
    }
  )

  it("is refused wherever it is cut off, and whichever line is gone or there twice", () => {
    const whole = billOf([one, { ...one, reference: "b".repeat(32) }, { ...one, kind: "refund" }])
    for (let length = 0; length < whole.length - 2; length++) {
      // what ends in the middle of the last sum is a sum of another amount
      assert.isString(readWechat(whole.slice(0, length)), `cut off at ${length}`)
    }
    const lines = whole.trimEnd().split("\r\n")
    for (const [index, line] of lines.entries()) {
      assert.isString(readWechat(`${lines.toSpliced(index, 1).join("\r\n")}\r\n`), `without line ${index + 1}`)
      assert.isString(readWechat(`${lines.toSpliced(index, 0, line).join("\r\n")}\r\n`), `with line ${index + 1} twice`)
    }
  })

  it("tells of what a counter took back as of what moved the balance, and of the rest as ever", () => {
    const revoked = tradeLine({ ...one, kind: "refund", fee: -7 }).replace("`REFUND,", "`REVOKED,")
    const trades: ReadonlyArray<Trade> = [one, { ...one, kind: "refund", reference: "b".repeat(32), fee: -7 }]
    const bill = billOf(trades).replace(tradeLine(trades[1] ?? one), revoked.replaceAll("a".repeat(32), "b".repeat(32)))
    const lines = readWechat(bill)
    assert.isArray(lines)
    if (typeof lines === "string") return
    assert.deepStrictEqual(
      lines.map(({ amount, fee, kind, reference }) => [kind, reference, amount, fee]),
      [
        ["payment", "a".repeat(32), 1234, 0],
        ["other", `revoked 42${"b".repeat(32)}`, -1234, -7]
      ]
    )
  })

  it("is refused with the number of the line and the reason", () => {
    const line = tradeLine(one)
    const bill = (changed: string) => billOf([one]).replace(line, changed)
    const cases: Readonly<Record<string, string>> = {
      "line 1: the heading is another one": billOf([one]).replace("交易时间", "time"),
      "line 2: it has 26 columns, not 27": bill(line.replace(",`0.60%", "")),
      "line 2: it has 28 columns, not 27": bill(`${line},\`more`),
      "line 2: a field does not begin with a backtick": bill(line.slice(1)),
      "line 2: an amount is none in yuan with two decimals": bill(line.replaceAll("12.34", "12.3x")),
      "line 2: the amount is not above zero": bill(line.replaceAll("12.34", "-12.34")),
      "line 2: the time is none": bill(line.replace("12:00:00", "25:00:00")),
      "line 2: it is of another day": bill(line.replace("2026-11-16", "2026-11-17")),
      "line 2: the currency is not CNY": bill(line.replace("CNY", "USD")),
      "line 2: the state is not known": bill(line.replace("SUCCESS", "DONE")),
      "line 4: the bill says 2 trades, and has 1": billOf([one]).replace("`1,`12.34", "`2,`12.34"),
      "line 4: the sums are not those of the lines": billOf([one])
        .replace("`1,`12.34", "`1,`12.34")
        .replace(/`12\.34,`0\.00\r\n$/, "`12.35,`0.00\r\n"),
      "line 5: there is something behind the sums": `${billOf([one])}more\r\n`
    }
    for (const [reason, text] of Object.entries(cases)) assert.strictEqual(readWechat(text), reason)
  })
})

const movement = {
  id: "txn_1",
  object: "balance_transaction",
  ...{ amount: 5000, fee: 175, net: 4825, currency: "usd", type: "charge" },
  created: Date.parse("2026-11-16T12:00:00Z") / 1000,
  source: { id: "ch_1", object: "charge", amount: 5000, currency: "usd", metadata: { attempt_id: "a".repeat(32) } }
}
const stripeText = (movements: ReadonlyArray<object>, count = movements.length) =>
  [...movements, { object: "end", count }].map((line) => `${JSON.stringify(line)}\n`).join("")

describe("The bill of Stripe", () => {
  it("tells payments and refunds by our numbers, and all else as what moved the balance", () => {
    const refund = {
      ...movement,
      ...{ id: "txn_2", type: "refund", amount: -1500, fee: 0, net: -1500 },
      source: { id: "re_1", object: "refund", amount: 1500, currency: "usd", metadata: { refund_id: "b".repeat(32) } }
    }
    const payout = { ...movement, id: "txn_3", type: "payout", amount: -900, fee: 0, net: -900, source: "po_1" }
    const lines = readStripe(stripeText([movement, refund, payout]))
    assert.isArray(lines)
    if (typeof lines === "string") return
    assert.deepStrictEqual(
      lines.map(({ amount, fee, kind, reference }) => [kind, reference, amount, fee]),
      [
        ["payment", "a".repeat(32), 5000, 175],
        ["refund", "b".repeat(32), 1500, 0],
        ["other", "txn_3", -900, 0]
      ]
    )
  })

  it("is compared in the currency of the charge, where the balance has another", () => {
    const lines = readStripe(
      stripeText([{ ...movement, amount: 700, fee: 0, net: 700, source: { ...movement.source, currency: "jpy" } }])
    )
    assert.deepInclude(lines[0], { amount: 5000, currency: "JPY", fee: null })
  })

  it("is refused where it does not add up, is of another day, or ends too early", () => {
    const cases: Readonly<Record<string, string>> = {
      "line 1: it is no balance transaction": stripeText([{ ...movement, net: 1 }]),
      "line 1: it is of another day": stripeText([{ ...movement, created: movement.created + 86_400 }]),
      "line 1: its source is not there": stripeText([{ ...movement, source: "ch_1" }]),
      "line 1: the currency is not known": stripeText([{ ...movement, currency: "xyz", source: null, type: "payout" }]),
      "line 2: there are 1, not 2": stripeText([movement], 2),
      "line 2: the bill ends too early": `${JSON.stringify(movement)}\n`,
      "line 3: there is something behind the end": `${stripeText([movement])}{}\n`
    }
    for (const [reason, text] of Object.entries(cases)) assert.strictEqual(readStripe(text), reason)
  })
})

describe("An amount in major units", () => {
  it("is never rounded", () => {
    const cases: ReadonlyArray<readonly [string, number, number | undefined]> = [
      ["0.01", 2, 1],
      ["12", 2, 1200],
      ["12.3", 2, 1230],
      ["-0.10", 2, -10],
      ["-0.00", 2, 0],
      ["0.60000", 2, 60],
      ["0.605", 2, undefined],
      ["1e3", 2, undefined],
      ["", 2, undefined],
      [" 1", 2, undefined],
      ["1,000.00", 2, undefined],
      ["90071992547409.92", 2, undefined],
      ["5", 0, 5],
      ["5.1", 0, undefined]
    ]
    for (const [text, digits, amount] of cases) assert.strictEqual(minorUnitsOf(text, digits), amount, text)
  })

  it.prop("comes back from how it is written", { amount: Amount }, ({ amount }) => {
    const text = `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, "0")}`
    assert.strictEqual(minorUnitsOf(text, 2), amount)
  })
})

describe("A day of a bill", () => {
  it.effect("begins at the channel's midnight", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(boundsOf(beijing, monday).from, new Date("2026-11-15T16:00:00Z"))
      const now = new Date("2026-11-16T17:30:00Z")
      assert.strictEqual(dayBefore(beijing, now, 1), BillDay.make("2026-11-16"))
      assert.strictEqual(dayBefore(utc, now, 1), BillDay.make("2026-11-15"))
      assert.deepStrictEqual([hourAt(beijing, now), hourAt(utc, now)], [1, 17])
    })
  )
})
