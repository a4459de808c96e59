import { Effect, Option, Schema, Stream } from "effect"
import { countedLines } from "../billFile.ts"
import type { BillTerms, ChannelBill } from "../Channel.ts"
import type { ChannelError } from "../ChannelError.ts"
import { fromNetwork } from "../channelFailure.ts"
import type { PaypalClient } from "./PaypalClient.ts"

export const paypalBillTerms: BillTerms = { format: "paypal_transactions", offsetMinutes: 0 }

const Details = Schema.Struct({ transaction_info: Schema.Record(Schema.String, Schema.Json) })
const Time = Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:?00)$/))
const Page = Schema.Struct({
  transaction_details: Schema.Array(Details),
  page: Schema.Int,
  total_items: Schema.Int,
  total_pages: Schema.Int,
  last_refreshed_datetime: Time
})

const encodeLine = Schema.encodeSync(Schema.fromJsonString(Details.fields.transaction_info))

/** As many as PayPal lists at a time. */
const pageSize = 500

/** PayPal lists no more than ten thousand transactions of one question: a span with more is asked for in two halves. */
const isTooMany = ({ reason }: ChannelError) => reason.code === "RESULTSET_TOO_LARGE"

interface Place {
  readonly page: number
  readonly count: number
}

const second = 1000
const timeOf = (millis: number) => `${new Date(millis).toISOString().slice(0, 19)}Z`

/**
 * The transactions of a day of UTC, page by page. PayPal shows them hours after they happened, and says up to when it does: a day
 * that is not all there is asked for later.
 */
export const paypalBill = (account: string, client: Pick<PaypalClient, "call">): ChannelBill => {
  const read = Effect.fnUntraced(function* (from: number, to: number, { count, page }: Place) {
    const found = yield* client.call({
      operation: "bill",
      method: "GET",
      path: `v1/reporting/transactions?${new URLSearchParams({
        start_date: timeOf(from),
        // the last second belongs to the span
        end_date: timeOf(to - second),
        fields: "transaction_info",
        page_size: String(pageSize),
        page: String(page)
      }).toString()}`,
      answer: Page
    })
    if (found.page !== page) return yield* fromNetwork("ANSWER_OF_ANOTHER_PAGE")
    if (Date.parse(found.last_refreshed_datetime.replace(/\+00:?00$/, "Z")) < to)
      return yield* fromNetwork("NOT_COMPLETE_YET")
    const known = count + found.transaction_details.length
    const goesOn = page < found.total_pages
    // what comes in between the pages moves them, and one is skipped
    if (!goesOn && known !== found.total_items) return yield* fromNetwork("PAGES_MOVED")
    const lines = found.transaction_details.map(({ transaction_info }) => encodeLine(transaction_info))
    return [[lines], goesOn ? Option.some({ page: page + 1, count: known }) : Option.none<Place>()] as const
  })

  const pages = (from: number, to: number): Stream.Stream<ReadonlyArray<string>, ChannelError> => {
    const begin: Place = { page: 1, count: 0 }
    const middle = from + Math.floor((to - from) / 2 / second) * second
    return Stream.paginate(begin, (place) => read(from, to, place)).pipe(
      // it is said of the first page, before anything was told
      Stream.catchIf(isTooMany, (error) =>
        middle === from
          ? Stream.fail(error)
          : Stream.concat(
              Stream.suspend(() => pages(from, middle)),
              Stream.suspend(() => pages(middle, to))
            )
      )
    )
  }

  return {
    account,
    ...paypalBillTerms,
    download: ({ from, to }) => Effect.succeedSome(countedLines(pages(from.getTime(), to.getTime())))
  }
}
