import { Schema } from "effect"
import type { BookRefused } from "../OrderBook.ts"

/** What the platform answers instead of what was asked for. */
export class WechatPayV2Refused extends Schema.TaggedError<WechatPayV2Refused>()("WechatPayV2Refused", {
  code: Schema.String
}) {
  override get message() {
    return `WeChat Pay refuses: ${this.code}`
  }
}

/** The codes for what the book takes not. */
export const refusals: Readonly<Record<BookRefused["reason"], string>> = {
  unknown: "ORDERNOTEXIST",
  different: "OUT_TRADE_NO_USED",
  paid: "ORDERPAID",
  closed: "ORDERCLOSED",
  notPaid: "TRADE_STATE_ERROR",
  exceeds: "REFUND_FEE_MISMATCH",
  expired: "PARAM_ERROR"
}
