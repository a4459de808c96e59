import { Effect, Option, Schema, Stream } from "effect"
import { countedLines } from "../billFile.ts"
import type { BillTerms, ChannelBill } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { Id } from "./stripeObjects.ts"
import type { StripeClient } from "./StripeClient.ts"

export const stripeBillTerms: BillTerms = { format: "stripe_balance", offsetMinutes: 0 }

const Movement = Schema.StructWithRest(Schema.Struct({ id: Id }), [Schema.Record(Schema.String, Schema.Json)])
const BalancePage = Schema.Struct({ data: Schema.Array(Movement), has_more: Schema.Boolean })

const encodeLine = Schema.encodeSync(Schema.fromJsonString(Movement))

/** As many as Stripe lists at a time. */
const pageSize = 100

/**
 * What the balance went by on a day of UTC, page by page, with the charges and refunds in it: an object a line, and a last line
 * that says how many there were.
 */
export const stripeBill = (account: string, client: StripeClient): ChannelBill => {
  const read = Effect.fnUntraced(function* (from: Date, to: Date, after: string | undefined) {
    const page = yield* client.call(
      "bill",
      (stripe) =>
        stripe.balanceTransactions.list({
          created: { gte: Math.floor(from.getTime() / 1000), lt: Math.floor(to.getTime() / 1000) },
          limit: pageSize,
          expand: ["data.source"],
          ...(after === undefined ? {} : { starting_after: after })
        }),
      BalancePage
    )
    const last = page.data.at(-1)
    const next = page.has_more && last !== undefined ? Option.some(last.id) : Option.none<string>()
    return [[page.data.map((movement) => encodeLine(movement))], next] as const
  })
  return {
    account,
    ...stripeBillTerms,
    download: ({ from, to }) =>
      Effect.succeedSome(
        countedLines(
          Stream.paginate<string | undefined, ReadonlyArray<string>, ChannelError>(undefined, (after) =>
            read(from, to, after)
          )
        )
      )
  }
}
