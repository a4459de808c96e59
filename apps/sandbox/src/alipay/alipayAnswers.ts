import type { Schema } from "effect"
import type { BookRefused } from "../OrderBook.ts"

/** What a method is answered with, in the node that bears its name. */
export type Answer = Schema.JsonObject

export const successful = (fields: Answer): Answer => ({ code: "10000", msg: "Success", ...fields })
export const failed = (subCode: string, code = "40004", msg = "Business Failed"): Answer => ({
  code,
  msg,
  sub_code: subCode,
  sub_msg: subCode
})

const refusals: Readonly<Record<BookRefused["reason"], string>> = {
  unknown: "ACQ.TRADE_NOT_EXIST",
  different: "ACQ.CONTEXT_INCONSISTENT",
  paid: "ACQ.TRADE_STATUS_ERROR",
  closed: "ACQ.TRADE_STATUS_ERROR",
  notPaid: "ACQ.TRADE_STATUS_ERROR",
  exceeds: "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
  expired: "ACQ.INVALID_PARAMETER"
}

/** How Alipay says why the book takes an order or a refund not. */
export const refused = ({ reason }: BookRefused) => failed(refusals[reason])

export const isBookRefused = (error: Answer | BookRefused): error is BookRefused =>
  "_tag" in error && error._tag === "BookRefused"
