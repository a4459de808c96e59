import { Currency } from "@mall/domain/kernel/Currency"
import { Option, Result, Schema } from "effect"
import type { BillContext, BillParser } from "./BillParser.ts"
import { objectLines } from "./objectLines.ts"

// Balance transactions with their sources expanded, an object a line, and a last line that says how many there were.

const Metadata = Schema.NullOr(Schema.Record(Schema.String, Schema.String))
const Source = Schema.Struct({
  id: Schema.String,
  object: Schema.String,
  /** What was charged, in the currency it was charged in: the balance may be in another. */
  amount: Schema.optionalKey(Schema.Int),
  currency: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Metadata)
})
const Movement = Schema.Struct({
  id: Schema.String.check(Schema.isPattern(/^txn_\w+$/)),
  object: Schema.Literal("balance_transaction"),
  amount: Schema.Int,
  fee: Schema.Int,
  net: Schema.Int,
  currency: Schema.String,
  created: Schema.Int,
  type: Schema.String,
  source: Schema.NullOr(Schema.Union([Schema.String, Source]))
}).check(
  Schema.makeFilter(({ amount, fee, net }: { amount: number; fee: number; net: number }) => amount - fee === net)
)
const decodeCurrency = Schema.decodeUnknownOption(Currency)

/** Stripe writes the króna, which has no minor unit, with two decimals. */
const ofStripe = (amount: number, currency: Currency) =>
  currency === "ISK" ? (amount % 100 === 0 ? amount / 100 : undefined) : amount

const kinds: Readonly<Record<string, { readonly kind: "payment" | "refund"; readonly number: string }>> = {
  charge: { kind: "payment", number: "attempt_id" },
  payment: { kind: "payment", number: "attempt_id" },
  refund: { kind: "refund", number: "refund_id" },
  payment_refund: { kind: "refund", number: "refund_id" }
}

/** What Stripe's balance of a day went by. */
export const make = ({ from, to }: BillContext): BillParser =>
  objectLines("balance transaction", Movement, (movement) => {
    const at = new Date(movement.created * 1000)
    if (at < from || at >= to) return Result.fail("it is of another day")
    const known = kinds[movement.type]
    const source = typeof movement.source === "object" ? movement.source : null
    if (known !== undefined && source === null) return Result.fail("its source is not there")
    const own = known === undefined ? undefined : source
    const currency = Option.getOrUndefined(decodeCurrency((own?.currency ?? movement.currency).toUpperCase()))
    const feeCurrency = Option.getOrUndefined(decodeCurrency(movement.currency.toUpperCase()))
    if (currency === undefined || feeCurrency === undefined) return Result.fail("the currency is not known")
    const amount = ofStripe(own?.amount ?? movement.amount, currency)
    const fee = ofStripe(movement.fee, feeCurrency)
    if (amount === undefined || fee === undefined) return Result.fail("an amount is none of its currency")
    if (known !== undefined && amount <= 0) return Result.fail("the amount is not above zero")
    return Result.succeed({
      kind: known?.kind ?? "other",
      reference: (known === undefined ? undefined : source?.metadata?.[known.number]) ?? source?.id ?? movement.id,
      channelReference: movement.id,
      amount,
      // a fee in another currency than the charge's is not added to those of its own
      fee: currency === feeCurrency ? fee : null,
      currency,
      state: "succeeded",
      at
    })
  })
