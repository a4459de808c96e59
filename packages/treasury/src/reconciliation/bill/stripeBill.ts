import { Currency } from "@mall/domain/kernel/Currency"
import type { BillLine } from "@mall/domain/treasury/Bill"
import type { BillMalformed } from "@mall/domain/treasury/ReconciliationError"
import { Option, Result, Schema } from "effect"
import type { BillContext, BillParser, Parsed } from "./BillParser.ts"
import { LineCutter, malformed } from "./lines.ts"

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
const End = Schema.Struct({ object: Schema.Literal("end"), count: Schema.Int })

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Union([Movement, End])))
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
export const make = ({ from, to }: BillContext): BillParser => {
  const cutter = new LineCutter()
  let isEnded = false
  let count = 0
  let found: Array<BillLine> = []

  const readMovement = (movement: typeof Movement.Type, line: number): BillMalformed | undefined => {
    const at = new Date(movement.created * 1000)
    if (at < from || at >= to) return malformed(line, "it is of another day")
    const known = kinds[movement.type]
    const source = typeof movement.source === "object" ? movement.source : null
    if (known !== undefined && source === null) return malformed(line, "its source is not there")
    const own = known === undefined ? undefined : source
    const currency = Option.getOrUndefined(decodeCurrency((own?.currency ?? movement.currency).toUpperCase()))
    const feeCurrency = Option.getOrUndefined(decodeCurrency(movement.currency.toUpperCase()))
    if (currency === undefined || feeCurrency === undefined) return malformed(line, "the currency is not known")
    const amount = ofStripe(own?.amount ?? movement.amount, currency)
    const fee = ofStripe(movement.fee, feeCurrency)
    if (amount === undefined || fee === undefined) return malformed(line, "an amount is none of its currency")
    if (known !== undefined && amount <= 0) return malformed(line, "the amount is not above zero")
    count += 1
    found.push({
      line,
      kind: known?.kind ?? "other",
      reference: (known === undefined ? undefined : source?.metadata?.[known.number]) ?? source?.id ?? movement.id,
      channelReference: movement.id,
      amount,
      // a fee in another currency than the charge's is not added to those of its own
      fee: currency === feeCurrency ? fee : 0,
      currency,
      state: "succeeded",
      at
    })
    return undefined
  }

  const read = (text: string, number: number): BillMalformed | undefined => {
    if (isEnded) return malformed(number, "there is something behind the end")
    const decoded = Option.getOrUndefined(decode(text))
    if (decoded === undefined) return malformed(number, "it is no balance transaction")
    if (decoded.object === "balance_transaction") return readMovement(decoded, number)
    isEnded = true
    return decoded.count === count ? undefined : malformed(number, `there are ${count}, not ${decoded.count}`)
  }

  const taken = (refused: BillMalformed | undefined): Parsed => {
    if (refused !== undefined) return Result.fail(refused)
    const lines = found
    found = []
    return Result.succeed(lines)
  }

  return {
    push: (text) => taken(cutter.push(text, read)),
    end: () => {
      const refused = cutter.end(read)
      return taken(refused ?? (isEnded ? undefined : malformed(cutter.count + 1, "the bill ends too early")))
    }
  }
}
