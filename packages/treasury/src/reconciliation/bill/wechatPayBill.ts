import type { MovementState } from "@mall/domain/treasury/Bill"
import type { BillMalformed } from "@mall/domain/treasury/ReconciliationError"
import { minorUnitsOf } from "./amounts.ts"
import type { BillContext, BillParser } from "./BillParser.ts"
import { lineParser, malformed } from "./lines.ts"
import type { ReadLine } from "./lines.ts"
import { localTimeOf } from "./localTime.ts"

// The bill of all trades (`bill_type=ALL`) of a merchant's own account: a heading, a line for each payment and each refund, a
// second heading and one line of sums. Each field of a line begins with a backtick, so that a comma within a field cuts nothing.

export const heading =
  "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
export const sumsHeading =
  "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"

const columns = heading.split(",").length
const sumColumns = sumsHeading.split(",").length

const at = {
  ...{ time: 0, transaction: 5, order: 6, state: 9, currency: 11, refund: 14, ourRefund: 15 },
  ...{ refundState: 19, fee: 22, total: 24, refundTotal: 25 }
} as const
const sumAt = { count: 0, fee: 4, total: 5, refundTotal: 6 } as const

const refundStates: Readonly<Record<string, MovementState>> = {
  SUCCESS: "succeeded",
  PROCESSING: "pending",
  FAIL: "failed",
  CHANGE: "failed"
}

const fieldsOf = (line: string) => (line.startsWith("`") ? line.slice(1).split(",`") : undefined)

/** The trade bill of WeChat Pay, of API v3 and of v2. All of it is in yuan. */
export const make = ({ from, offsetMinutes, to }: BillContext): BillParser => {
  let stage: "heading" | "lines" | "sums" | "end" = "heading"
  const sums = { count: 0, fee: 0, total: 0, refundTotal: 0 }

  const readLine: ReadLine = (line, number, keep) => {
    const fields = fieldsOf(line)
    if (fields === undefined) return malformed(number, "a field does not begin with a backtick")
    if (fields.length !== columns) return malformed(number, `it has ${fields.length} columns, not ${columns}`)
    const field = (name: keyof typeof at) => fields[at[name]] ?? ""
    const time = localTimeOf(field("time"), offsetMinutes)
    if (time === undefined) return malformed(number, "the time is none")
    if (time < from || time >= to) return malformed(number, "it is of another day")
    if (field("currency") !== "CNY") return malformed(number, "the currency is not CNY")
    const fee = minorUnitsOf(field("fee"), 2)
    const total = minorUnitsOf(field("total"), 2)
    const refundTotal = minorUnitsOf(field("refundTotal"), 2)
    if (fee === undefined || total === undefined || refundTotal === undefined) {
      return malformed(number, "an amount is none in yuan with two decimals")
    }
    sums.count += 1
    sums.fee += fee
    sums.total += total
    sums.refundTotal += refundTotal
    // A payment at a counter that was taken back there, which is a line besides the payment's. Nothing of ours is paid so.
    if (field("state") === "REVOKED") {
      const trade = field("transaction")
      if (trade === "") return malformed(number, "a number is missing")
      keep({
        ...{ line: number, kind: "other", reference: `revoked ${trade}`, channelReference: trade },
        ...{ amount: refundTotal === 0 ? -total : -refundTotal, fee, currency: "CNY", state: "succeeded", at: time }
      })
      return undefined
    }
    const isRefund = field("state") === "REFUND"
    if (!isRefund && field("state") !== "SUCCESS") return malformed(number, "the state is not known")
    const state = isRefund ? refundStates[field("refundState")] : "succeeded"
    if (state === undefined) return malformed(number, "the state of the refund is not known")
    const amount = isRefund ? refundTotal : total
    if (amount <= 0) return malformed(number, "the amount is not above zero")
    const reference = field(isRefund ? "ourRefund" : "order")
    const channelReference = field(isRefund ? "refund" : "transaction")
    if (reference === "" || channelReference === "") return malformed(number, "a number is missing")
    const kind = isRefund ? "refund" : "payment"
    keep({ line: number, kind, reference, channelReference, amount, fee, currency: "CNY", state, at: time })
    return undefined
  }

  const readSums = (line: string, number: number): BillMalformed | undefined => {
    const fields = fieldsOf(line)
    if (fields?.length !== sumColumns) return malformed(number, `the sums have not ${sumColumns} columns`)
    if (fields[sumAt.count] !== String(sums.count)) {
      return malformed(number, `the bill says ${fields[sumAt.count]} trades, and has ${sums.count}`)
    }
    for (const name of ["fee", "total", "refundTotal"] as const) {
      if (minorUnitsOf(fields[sumAt[name]] ?? "", 2) !== sums[name]) {
        return malformed(number, "the sums are not those of the lines")
      }
    }
    return undefined
  }

  const read: ReadLine = (line, number, keep) => {
    switch (stage) {
      case "heading":
        stage = "lines"
        return line.replace(/^\uFEFF/, "") === heading ? undefined : malformed(number, "the heading is another one")
      case "lines":
        if (line !== sumsHeading) return readLine(line, number, keep)
        stage = "sums"
        return undefined
      case "sums":
        stage = "end"
        return readSums(line, number)
      case "end":
        return line === "" ? undefined : malformed(number, "there is something behind the sums")
    }
  }

  return lineParser(read, () => stage === "end")
}
