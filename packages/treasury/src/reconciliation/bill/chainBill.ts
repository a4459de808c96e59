import { MovementKind } from "@mall/domain/treasury/Bill"
import { Result, Schema } from "effect"
import type { BillContext, BillParser } from "./BillParser.ts"
import { objectLines } from "./objectLines.ts"

// Transfers of the token as the channel gathers them from the chain's logs, an object a line, and a last line that says how many
// there were.

const Movement = Schema.Struct({
  object: Schema.Literal("movement"),
  kind: MovementKind,
  reference: Schema.NonEmptyString,
  tx: Schema.String.check(Schema.isPattern(/^0x[0-9a-f]{64}$/)),
  amount: Schema.String.check(Schema.isPattern(/^-?[1-9]\d{0,77}$/)),
  at: Schema.Int
})

/** What came to the platform's addresses on a chain on a day, and what left its wallet. */
export const make = ({ from, to }: BillContext): BillParser =>
  objectLines("movement", Movement, ({ kind, reference, tx, ...movement }) => {
    const at = new Date(movement.at * 1000)
    // not so that it is true of no time either
    if (!(at >= from && at < to)) return Result.fail("it is of another day")
    const amount = Number(movement.amount)
    if (!Number.isSafeInteger(amount)) return Result.fail("the amount is more than there can be")
    if (kind !== "other" && amount <= 0) return Result.fail("the amount is not above zero")
    return Result.succeed({
      ...{ kind, reference, channelReference: tx, amount, currency: "USDC", state: "succeeded", at },
      // gas is paid in the chain's own currency
      fee: null
    })
  })
