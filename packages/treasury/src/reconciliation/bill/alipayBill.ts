import type { BillMalformed } from "@mall/domain/treasury/ReconciliationError"
import { minorUnitsOf } from "./amounts.ts"
import type { BillContext, BillParser } from "./BillParser.ts"
import { lineParser, malformed } from "./lines.ts"
import type { ReadLine } from "./lines.ts"
import { localTimeOf } from "./localTime.ts"

// The business details (`bill_type=trade`) as text: four lines about the account and the days, a heading, a line for each payment
// and each refund, a mark, and what they sum up to. Many fields end with a tab, so that a spreadsheet takes them for texts.

export const title = "#支付宝业务明细查询"
export const heading =
  "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"

const columns = heading.split(",").length
const at = {
  trade: 0,
  order: 1,
  type: 2,
  time: 5,
  amount: 11,
  received: 12,
  discount: 16,
  request: 21,
  fee: 22
} as const

const accountPattern = /^#账号：\[(\d{16,32})\]$/
const daysPattern =
  /^#起始日期：\[(\d{4})年(\d{2})月(\d{2})日 00:00:00\] +终止日期：\[(\d{4})年(\d{2})月(\d{2})日 00:00:00\]$/
const beginPattern = /^#-+业务明细列表-+$/
const endPattern = /^#-+业务明细列表结束-+$/
const paidPattern = /^#交易合计：(\d+)笔，商家实收共(-?[\d.]+)元，商家优惠共(-?[\d.]+)元$/
const refundedPattern = /^#退款合计：(\d+)笔，商家实收退款共(-?[\d.]+)元，商家优惠退款共(-?[\d.]+)元$/
const exportedPattern = /^#导出时间：\[\d{4}年\d{2}月\d{2}日 \d{2}:\d{2}:\d{2}\]$/

const kinds: Readonly<Record<string, "payment" | "refund">> = { 交易: "payment", 退款: "refund" }

/** The lines of the bill in their order; `lines` is any number of them. */
type Stage = "title" | "account" | "days" | "begin" | "heading" | "lines" | "paid" | "refunded" | "exported" | "end"

interface Sums {
  count: number
  received: number
  discount: number
}

/** Zero is written without a sign by some of its programs, and with one by others. */
const isSum = (match: RegExpExecArray, { count, discount, received }: Sums) =>
  match[1] === String(count) &&
  minorUnitsOf(match[2] ?? "", 2) === received &&
  minorUnitsOf(match[3] ?? "", 2) === discount

/** The business details of Alipay. All of it is in yuan. */
export const make = ({ from, offsetMinutes, to }: BillContext): BillParser => {
  const sums = { payment: { count: 0, received: 0, discount: 0 }, refund: { count: 0, received: 0, discount: 0 } }
  let stage: Stage = "title"

  const step = (next: Stage, isRight: boolean, number: number, reason: string): BillMalformed | undefined => {
    stage = next
    return isRight ? undefined : malformed(number, reason)
  }

  const isOurDay = (line: string) => {
    const match = daysPattern.exec(line)
    if (match === null) return false
    const moment = (first: number) =>
      localTimeOf(`${match[first]}-${match[first + 1]}-${match[first + 2]} 00:00:00`, offsetMinutes)?.getTime()
    return moment(1) === from.getTime() && moment(4) === to.getTime()
  }

  const readLine: ReadLine = (line, number, keep) => {
    const fields = line.split(",").map((field) => field.trim())
    if (fields.length !== columns) return malformed(number, `it has ${fields.length} columns, not ${columns}`)
    const field = (name: keyof typeof at) => fields[at[name]] ?? ""
    const kind = kinds[field("type")]
    if (kind === undefined) return malformed(number, "the kind of business is not known")
    const time = localTimeOf(field("time"), offsetMinutes)
    if (time === undefined) return malformed(number, "the time is none")
    if (time < from || time >= to) return malformed(number, "it is of another day")
    const [total, received, discount, fee] = [
      minorUnitsOf(field("amount"), 2),
      minorUnitsOf(field("received"), 2),
      minorUnitsOf(field("discount"), 2),
      minorUnitsOf(field("fee"), 2)
    ]
    if (total === undefined || received === undefined || discount === undefined || fee === undefined) {
      return malformed(number, "an amount is none in yuan with two decimals")
    }
    const amount = kind === "refund" ? -total : total
    if (amount <= 0) return malformed(number, "the amount has the wrong sign")
    const reference = field(kind === "refund" ? "request" : "order")
    if (reference === "" || field("trade") === "") return malformed(number, "a number is missing")
    sums[kind].count += 1
    sums[kind].received += received
    sums[kind].discount += discount
    // a fee that Alipay takes is below zero
    const taken = fee === 0 ? 0 : -fee
    const channelReference = kind === "refund" ? `${field("trade")}.${reference}` : field("trade")
    keep({
      ...{ line: number, kind, reference, channelReference, amount, fee: taken, currency: "CNY" },
      ...{ state: "succeeded", at: time }
    })
    return undefined
  }

  const readSums = (line: string, number: number, pattern: RegExp, of: Sums, next: Stage) => {
    const match = pattern.exec(line)
    stage = next
    if (match === null) return malformed(number, "it is no line of sums")
    return isSum(match, of) ? undefined : malformed(number, "the sums are not those of the lines")
  }

  const read: ReadLine = (line, number, keep) => {
    switch (stage) {
      case "title":
        return step("account", line === title, number, "the title is another one")
      case "account":
        return step("days", accountPattern.test(line), number, "it names no account")
      case "days":
        return step("begin", isOurDay(line), number, "it is not of the day")
      case "begin":
        return step("heading", beginPattern.test(line), number, "the list does not begin")
      case "heading":
        return step("lines", line === heading, number, "the heading is another one")
      case "lines":
        if (!line.startsWith("#")) return readLine(line, number, keep)
        return step("paid", endPattern.test(line), number, "the list does not end")
      case "paid":
        return readSums(line, number, paidPattern, sums.payment, "refunded")
      case "refunded":
        return readSums(line, number, refundedPattern, sums.refund, "exported")
      case "exported":
        return step("end", exportedPattern.test(line), number, "it does not say when it was written")
      case "end":
        return line === "" ? undefined : malformed(number, "there is something behind the end")
    }
  }

  return lineParser(read, () => stage === "end")
}
