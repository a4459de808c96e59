import { assert, describe, it } from "@effect/vitest"
import type { BillLine } from "@mall/domain/treasury/Bill"
import { Result, Schema } from "effect"
import * as alipayBill from "../src/reconciliation/bill/alipayBill.ts"
import type { BillParser } from "../src/reconciliation/bill/BillParser.ts"
import * as paypalBill from "../src/reconciliation/bill/paypalBill.ts"
import { boundsOf } from "../src/reconciliation/days.ts"
import { monday } from "./TestBills.ts"

const beijing = { offsetMinutes: 480 }
const utc = { offsetMinutes: 0 }

/** All lines, or the sentence by which the bill is refused. */
const read = (parser: BillParser, text: string, pieceLength = 97): ReadonlyArray<BillLine> | string => {
  const lines: Array<BillLine> = []
  const steps = Array.from(
    { length: Math.ceil(text.length / pieceLength) },
    (_, index) => () => parser.push(text.slice(index * pieceLength, (index + 1) * pieceLength))
  )
  for (const step of [...steps, () => parser.end()]) {
    const told = step()
    if (Result.isFailure(told)) return `line ${told.failure.line}: ${told.failure.reason}`
    lines.push(...told.success)
  }
  return lines
}

const readAlipay = (text: string, pieceLength?: number) =>
  read(alipayBill.make({ ...boundsOf(beijing, monday), ...beijing }), text, pieceLength)
const readPaypal = (text: string, pieceLength?: number) =>
  read(paypalBill.make({ ...boundsOf(utc, monday), ...utc }), text, pieceLength)

const Movements = Schema.Array(
  Schema.Struct({
    kind: Schema.Literals(["payment", "refund"]),
    reference: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
    amount: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000_000 })),
    fee: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })),
    time: Schema.Literals(["00:00:00", "12:00:00", "23:59:59"])
  })
).check(Schema.isMaxLength(30))
type Movement = (typeof Movements.Type)[number]
const PieceLength = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 }))
const one: Movement = { kind: "payment", reference: "a".repeat(32), amount: 1234, fee: 7, time: "12:00:00" }
const back: Movement = { ...one, kind: "refund", reference: "b".repeat(32), amount: 234, fee: 1 }

const major = (minor: number) => `${minor < 0 ? "-" : ""}${(Math.abs(minor) / 100).toFixed(2)}`
const signOf = ({ kind }: Movement) => (kind === "payment" ? 1 : -1)

const alipayLine = (movement: Movement) => {
  const amount = major(signOf(movement) * movement.amount)
  const [order, request] = movement.kind === "payment" ? [movement.reference, ""] : ["order", movement.reference]
  return [
    ...["2026111622001\t", `${order}\t`, movement.kind === "payment" ? "交易\t" : "退款\t", "茶，绿"],
    ...[
      "2026-11-16 00:00:00",
      `2026-11-16 ${movement.time}`,
      "\t",
      "\t",
      "\t",
      "\t",
      "*人(138****00)\t",
      amount,
      amount
    ],
    ...["0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00\t", "0.00", `${request}\t`],
    ...[movement.fee === 0 ? "0.00" : major(-signOf(movement) * movement.fee), "0.00", ""]
  ].join(",")
}

const alipayText = (movements: ReadonlyArray<Movement>) => {
  const of = (kind: Movement["kind"]) => movements.filter((movement) => movement.kind === kind)
  const sum = (kind: Movement["kind"]) =>
    major(of(kind).reduce((total, movement) => total + signOf(movement) * movement.amount, 0))
  return `${[
    alipayBill.title,
    "#账号：[20881234567890120156]",
    "#起始日期：[2026年11月16日 00:00:00]   终止日期：[2026年11月17日 00:00:00]",
    "#-----------------------------------------业务明细列表----------------------------------------",
    alipayBill.heading,
    ...movements.map(alipayLine),
    "#-----------------------------------------业务明细列表结束------------------------------------",
    `#交易合计：${of("payment").length}笔，商家实收共${sum("payment")}元，商家优惠共0.00元`,
    `#退款合计：${of("refund").length}笔，商家实收退款共${sum("refund")}元，商家优惠退款共0.00元`,
    "#导出时间：[2026年11月17日 07:27:37]"
  ].join("\r\n")}\r\n`
}

const assertRead = (lines: ReadonlyArray<BillLine> | string, movements: ReadonlyArray<Movement>, zone: string) => {
  assert.isArray(lines)
  if (typeof lines === "string") return
  assert.deepStrictEqual(
    lines.map(({ amount, at, fee, kind, reference }) => [kind, reference, amount, fee, at.getTime()]),
    movements.map((movement) => [
      ...[movement.kind, movement.reference, movement.amount, movement.fee === 0 ? 0 : signOf(movement) * movement.fee],
      Date.parse(`2026-11-16T${movement.time}${zone}`)
    ])
  )
}

const assertRefusedInParts = (
  whole: string,
  lineEnd: string,
  readWhole: (text: string) => ReadonlyArray<BillLine> | string
) => {
  for (let length = 0; length < whole.length - lineEnd.length; length++) {
    assert.isString(readWhole(whole.slice(0, length)), `cut off at ${length}`)
  }
  const lines = whole.trimEnd().split(lineEnd)
  for (const [index, line] of lines.entries()) {
    const [without, twice] = [lines.toSpliced(index, 1), lines.toSpliced(index, 0, line)]
    assert.isString(readWhole(`${without.join(lineEnd)}${lineEnd}`), `without line ${index + 1}`)
    assert.isString(readWhole(`${twice.join(lineEnd)}${lineEnd}`), `with line ${index + 1} twice`)
  }
}

describe("The bill of Alipay", () => {
  it.prop(
    "is read as it was written, however it is cut into pieces",
    { movements: Movements, pieceLength: PieceLength },
    ({ movements, pieceLength }) => assertRead(readAlipay(alipayText(movements), pieceLength), movements, "+08:00")
  )

  it("is refused wherever it is cut off, and whichever line is gone or there twice", () => {
    assertRefusedInParts(alipayText([one, { ...one, reference: "c".repeat(32) }, back]), "\r\n", readAlipay)
  })

  it("is refused with the number of the line and the reason", () => {
    const line = alipayLine(one)
    const bill = (changed: string) => alipayText([one]).replace(line, changed)
    const whole = (from: string | RegExp, to: string) => alipayText([one]).replace(from, to)
    const cases: Readonly<Record<string, string>> = {
      "line 1: the title is another one": whole("业务明细查询", "账务明细查询"),
      "line 2: it names no account": whole("账号", "用户"),
      "line 3: it is not of the day": whole("2026年11月16日", "2026年11月15日"),
      "line 4: the list does not begin": whole("#--", "--"),
      "line 5: the heading is another one": whole("服务费", "手续费"),
      "line 6: it has 26 columns, not 25": bill(line.replace("茶，绿", "茶,绿")),
      "line 6: it has 24 columns, not 25": bill(line.replace(",茶，绿", "")),
      "line 6: the kind of business is not known": bill(line.replace("交易", "转账")),
      "line 6: the time is none": bill(line.replace("12:00:00", "25:00:00")),
      "line 6: it is of another day": bill(line.replace("2026-11-16 12", "2026-11-17 12")),
      "line 6: an amount is none in yuan with two decimals": bill(line.replaceAll("12.34", "12.345")),
      "line 6: the amount has the wrong sign": bill(line.replaceAll("12.34", "-12.34")),
      "line 6: a number is missing": bill(line.replace(one.reference, "")),
      "line 8: the sums are not those of the lines": whole("合计：1笔", "合计：2笔"),
      "line 8: it is no line of sums": whole("商家优惠共0.00元", "商家优惠共元"),
      "line 9: the sums are not those of the lines": whole("退款共0.00元", "退款共0.01元"),
      "line 10: it does not say when it was written": whole("导出", "写出"),
      "line 11: there is something behind the end": `${alipayText([one])}more\r\n`
    }
    for (const [reason, text] of Object.entries(cases)) assert.strictEqual(readAlipay(text), reason)
  })
})

const transaction = (movement: Movement, index = 0) => ({
  transaction_id: `${movement.kind === "payment" ? "CAPTURE" : "REFUNDED"}${String(index).padStart(8, "0")}`,
  transaction_event_code: movement.kind === "payment" ? "T0006" : "T1107",
  transaction_initiation_date: `2026-11-16T${movement.time}+0000`,
  transaction_amount: { currency_code: "USD", value: major(signOf(movement) * movement.amount) },
  ...(movement.fee === 0
    ? {}
    : { fee_amount: { currency_code: "USD", value: major(-signOf(movement) * movement.fee) } }),
  transaction_status: "S",
  invoice_id: movement.reference,
  custom_field: movement.reference
})

const paypalText = (transactions: ReadonlyArray<object>, count = transactions.length) =>
  [...transactions, { object: "end", count }].map((object) => `${JSON.stringify(object)}\n`).join("")

describe("The transactions of PayPal", () => {
  it.prop(
    "are read as they were written, however they are cut into pieces",
    { movements: Movements, pieceLength: PieceLength },
    ({ movements, pieceLength }) =>
      assertRead(readPaypal(paypalText(movements.map(transaction)), pieceLength), movements, "Z")
  )

  it("are refused wherever they are cut off, and whichever line is gone or there twice", () => {
    assertRefusedInParts(paypalText([transaction(one), transaction(back)]), "\n", readPaypal)
  })

  it("are payments and refunds of checkout, and all else what moved the balance", () => {
    const withdrawal = {
      ...transaction(one, 1),
      ...{ transaction_event_code: "T0400", custom_field: "", invoice_id: null },
      transaction_amount: { currency_code: "JPY", value: "-900" },
      fee_amount: null
    }
    const lines = readPaypal(
      paypalText([
        { ...transaction(one), transaction_status: "P" },
        { ...transaction(one, 2), transaction_status: "D", custom_field: null },
        { ...transaction(one, 3), transaction_status: "V", custom_field: "", invoice_id: "" },
        withdrawal
      ])
    )
    assert.isArray(lines)
    if (typeof lines === "string") return
    assert.deepStrictEqual(
      lines.map(({ amount, currency, kind, reference, state }) => [kind, reference, state, amount, currency]),
      [
        ["payment", one.reference, "pending", 1234, "USD"],
        ["payment", one.reference, "failed", 1234, "USD"],
        ["payment", "CAPTURE00000003", "succeeded", 1234, "USD"],
        ["other", "CAPTURE00000001", "succeeded", -900, "JPY"]
      ]
    )
  })

  it("are refused with the number of the line and the reason", () => {
    const usual = transaction(one)
    const bill = (changed: object) => paypalText([{ ...usual, ...changed }])
    const cases: Readonly<Record<string, string>> = {
      "line 1: it is no transaction": bill({ transaction_status: "X" }),
      "line 1: the time is none": bill({ transaction_initiation_date: "2026-11-16T25:00:00+0000" }),
      "line 1: it is of another day": bill({ transaction_initiation_date: "2026-11-17T00:00:00+0000" }),
      "line 1: the amount is none of a currency that is known": bill({
        transaction_amount: { currency_code: "USD", value: "12.345" }
      }),
      "line 1: the fee is none of the currency": bill({ fee_amount: { currency_code: "EUR", value: "-0.07" } }),
      "line 1: the amount has the wrong sign": bill({ transaction_event_code: "T1107" }),
      "line 2: there are 1, not 2": paypalText([usual], 2),
      "line 2: the bill ends too early": `${JSON.stringify(usual)}\n`,
      "line 3: there is something behind the end": `${paypalText([usual])}{}\n`
    }
    for (const [reason, text] of Object.entries(cases)) assert.strictEqual(readPaypal(text), reason)
  })
})
