import { Currency } from "@mall/domain/kernel/Currency"
import { MovementKind } from "@mall/domain/treasury/Bill"
import { Result, Schema } from "effect"
import type { BillContext, BillParser } from "./BillParser.ts"
import { objectLines } from "./objectLines.ts"

// `Transfer` logs of a token by the addresses that are ours, an object a line, and a last line that says how many there were.
// What a transfer is for, and which of our numbers it has, is ours to know; that it is there, when and of how much is the chain's.

const Hash = Schema.String.check(Schema.isPattern(/^0x[0-9a-f]{64}$/))
const Transfer = Schema.Struct({
  object: Schema.Literal("transfer"),
  kind: MovementKind,
  reference: Schema.NonEmptyString,
  tx_hash: Hash,
  log_index: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  /** The token's smallest units, below zero where they left; more than can be compared is refused. */
  amount: Schema.String.check(Schema.isPattern(/^-?\d{1,78}$/)),
  currency: Currency,
  at: Schema.Int
})

/** What moved on a chain on a day. */
export const make = ({ from, to }: BillContext): BillParser =>
  objectLines("transfer", Transfer, ({ amount: text, at: seconds, currency, kind, log_index, reference, tx_hash }) => {
    const at = new Date(seconds * 1000)
    if (at < from || at >= to) return Result.fail("it is of another day")
    const amount = Number(text)
    if (!Number.isSafeInteger(amount)) return Result.fail("the amount is too large")
    if (kind !== "other" && amount <= 0) return Result.fail("the amount is not above zero")
    return Result.succeed({
      ...{ kind, reference, channelReference: `${tx_hash}:${log_index}`, amount, currency, at },
      // gas is paid in the chain's own coin, of which there is no account here
      fee: 0,
      state: "succeeded"
    })
  })
