import { Effect, Option, Schema, Stream } from "effect"
import type { ChannelBill } from "../Channel.ts"
import { Id } from "./stripeObjects.ts"
import type { StripeClient } from "./StripeClient.ts"

const Movement = Schema.StructWithRest(Schema.Struct({ id: Id }), [Schema.Record(Schema.String, Schema.Json)])
const BalancePage = Schema.Struct({ data: Schema.Array(Movement), has_more: Schema.Boolean })

const encodeLine = Schema.encodeSync(Schema.fromJsonString(Movement))

/** As many as Stripe lists at a time. */
const pageSize = 100

interface Place {
  readonly after: string | undefined
  readonly count: number
}

const bytesOf = (lines: ReadonlyArray<string>) => new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""))

/**
 * What the balance went by on a day of UTC, page by page, with the charges and refunds in it: an object a line, and a last line
 * that says how many there were.
 */
export const stripeBill = (account: string, client: StripeClient): ChannelBill => {
  const read = Effect.fnUntraced(function* (from: Date, to: Date, { after, count }: Place) {
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
    const known = count + page.data.length
    const goesOn = page.has_more && last !== undefined
    const lines = page.data.map((movement) => encodeLine(movement))
    const end = goesOn ? [] : [`{"object":"end","count":${known}}`]
    const next = goesOn ? Option.some({ after: last.id, count: known }) : Option.none<Place>()
    return [[bytesOf([...lines, ...end])], next] as const
  })
  return {
    account,
    format: "stripe_balance",
    offsetMinutes: 0,
    download: ({ from, to }) => {
      const begin: Place = { after: undefined, count: 0 }
      return Effect.succeedSome(Stream.paginate(begin, (place) => read(from, to, place)))
    }
  }
}
