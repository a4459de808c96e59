import { Schema } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { MinorUnits } from "../kernel/Money.ts"

const isDay = (text: string) => {
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

/** A day as the channel counts it, `2026-11-20`: from midnight to midnight in the zone of its bills. */
export const BillDay = Schema.String.check(
  Schema.isPattern(/^20\d{2}-\d{2}-\d{2}$/),
  Schema.makeFilter((text: string) => isDay(text) || "must be a day such as 2026-11-20")
).pipe(Schema.brand("BillDay"), Schema.annotate({ identifier: "BillDay" }))
export type BillDay = typeof BillDay.Type

/** How a channel writes its bills; a parser each. */
export const BillFormat = Schema.Literals([
  "wechatpay_trade",
  "alipay_trade",
  "stripe_balance",
  "paypal_transactions",
  "chain_transfers"
]).annotate({ identifier: "BillFormat" })
export type BillFormat = typeof BillFormat.Type

/** `other`: fees, payouts, disputes and what else moves a balance without being a payment or a refund of ours. */
export const MovementKind = Schema.Literals(["payment", "refund", "other"]).annotate({ identifier: "MovementKind" })
export type MovementKind = typeof MovementKind.Type

export const MovementState = Schema.Literals(["succeeded", "pending", "failed"]).annotate({
  identifier: "MovementState"
})
export type MovementState = typeof MovementState.Type

/** One line of a bill in our words. */
export interface BillLine {
  /** Its number in the bill, from 1. */
  readonly line: number
  readonly kind: MovementKind
  /** Our number as the channel repeats it; its own number where it knows none of ours. */
  readonly reference: string
  readonly channelReference: string
  /** Of a payment or refund above zero; of anything else as it changed the balance. Minor units, as the fee. */
  readonly amount: number
  /** Below zero where it is given back; null where it is told in another currency. */
  readonly fee: number | null
  readonly currency: Currency
  readonly state: MovementState
  readonly at: Date
}

/** Sums of one currency, in minor units. */
export const BillTotal = Schema.Struct({
  currency: Currency,
  payments: MinorUnits,
  refunds: MinorUnits,
  fees: MinorUnits,
  others: MinorUnits
}).annotate({ identifier: "BillTotal" })
export type BillTotal = typeof BillTotal.Type
