import { Currency, minorUnitDigits } from "@mall/domain/kernel/Currency"
import type { MovementState } from "@mall/domain/treasury/Bill"
import { Option, Result, Schema } from "effect"
import { minorUnitsOf } from "./amounts.ts"
import type { BillContext, BillParser } from "./BillParser.ts"
import { objectLines } from "./objectLines.ts"

// `transaction_info` of each transaction of the day, an object a line, and a last line that says how many there were.

const Money = Schema.Struct({ currency_code: Schema.String, value: Schema.String })
const Time = Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|\+00:?00)$/))
const Transaction = Schema.Struct({
  transaction_id: Schema.String.check(Schema.isPattern(/^[A-Z0-9]{10,24}$/)),
  transaction_event_code: Schema.String.check(Schema.isPattern(/^T\d{4}$/)),
  transaction_initiation_date: Time,
  transaction_amount: Money,
  fee_amount: Schema.optionalKey(Schema.NullOr(Money)),
  transaction_status: Schema.Literals(["D", "P", "S", "V"]),
  custom_field: Schema.optionalKey(Schema.NullOr(Schema.String)),
  invoice_id: Schema.optionalKey(Schema.NullOr(Schema.String))
})

const decodeCurrency = Schema.decodeUnknownOption(Currency)

const kinds: Readonly<Record<string, "payment" | "refund">> = { T0006: "payment", T1107: "refund" }

/** What was reversed (`V`) did happen: what undid it is a transaction of its own. */
const states: Readonly<Record<(typeof Transaction.Type)["transaction_status"], MovementState>> = {
  D: "failed",
  P: "pending",
  S: "succeeded",
  V: "succeeded"
}

const moneyOf = ({ currency_code, value }: typeof Money.Type) =>
  Option.gen(function* () {
    const currency = yield* decodeCurrency(currency_code)
    return { currency, amount: yield* Option.fromUndefinedOr(minorUnitsOf(value, minorUnitDigits[currency])) }
  })

const isTold = (text: string | null | undefined): text is string => text !== undefined && text !== null && text !== ""

/** What went through an account at PayPal on a day. */
export const make = ({ from, to }: BillContext): BillParser =>
  objectLines("transaction", Transaction, (transaction) => {
    const at = new Date(transaction.transaction_initiation_date.replace(/\+00:?00$/, "Z"))
    if (Number.isNaN(at.getTime())) return Result.fail("the time is none")
    if (at < from || at >= to) return Result.fail("it is of another day")
    const moved = Option.getOrUndefined(moneyOf(transaction.transaction_amount))
    if (moved === undefined) return Result.fail("the amount is none of a currency that is known")
    const { custom_field, fee_amount, invoice_id, transaction_event_code, transaction_id } = transaction
    const isFree = fee_amount === undefined || fee_amount === null
    const fee = isFree ? { amount: 0, currency: moved.currency } : Option.getOrUndefined(moneyOf(fee_amount))
    if (fee === undefined || fee.currency !== moved.currency) return Result.fail("the fee is none of the currency")
    const kind = kinds[transaction_event_code] ?? "other"
    const amount = kind === "refund" ? -moved.amount : moved.amount
    if (kind !== "other" && amount <= 0) return Result.fail("the amount has the wrong sign")
    const ours = isTold(custom_field) ? custom_field : isTold(invoice_id) ? invoice_id : transaction_id
    return Result.succeed({
      kind,
      reference: kind === "other" ? transaction_id : ours,
      channelReference: transaction_id,
      amount,
      // PayPal writes what it takes below zero
      fee: fee.amount === 0 ? 0 : -fee.amount,
      currency: moved.currency,
      state: states[transaction.transaction_status],
      at
    })
  })
