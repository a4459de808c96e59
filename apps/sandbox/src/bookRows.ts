import { Effect } from "effect"
import type { BillRow } from "./BillChanges.ts"
import type { Order, OrderBook, Refund } from "./OrderBook.ts"

const paymentOf = ({ amount, currency, description, number, paidAt, reference }: Order): ReadonlyArray<BillRow> =>
  paidAt === null
    ? []
    : [
        {
          ...{ kind: "payment", reference, number, order: reference, orderNumber: number, amount, currency },
          ...{ description, feeExtra: 0, isSettled: true, at: paidAt }
        }
      ]

const refundOf = ({ description, currency, number: orderNumber }: Order, refund: Refund): ReadonlyArray<BillRow> => {
  const { amount, createdAt, number, order, reference, settledAt, state } = refund
  if (state !== "succeeded" && state !== "processing") return []
  const at = settledAt ?? createdAt
  const isSettled = state === "succeeded"
  const numbers = { reference, number, order, orderNumber }
  return [{ kind: "refund", ...numbers, amount, feeExtra: 0, currency, description, isSettled, at }]
}

/** All that moved money at a channel, or is about to, as its bill tells it. */
export const bookRows = (book: OrderBook) =>
  Effect.map(book.list, (orders) =>
    orders.flatMap((order) => [
      ...paymentOf(order),
      ...book.refundsOf(order.reference).flatMap((refund) => refundOf(order, refund))
    ])
  )

/** Files that were announced and may still be fetched. */
const mostFiles = 16

/** Files by a token, of which the oldest is forgotten as new ones come. */
export const makeFiles = <A>() => {
  const files = new Map<string, A>()
  return {
    put: (token: string, file: A) => {
      files.set(token, file)
      const [oldest] = files.keys()
      if (files.size > mostFiles && oldest !== undefined) files.delete(oldest)
    },
    get: (token: string) => files.get(token)
  }
}

const dayMillis = 86_400_000
const beijingMinutes = 480

/** The bounds of a day, `2026-11-20`, of Beijing; undefined where it is none. */
export const beijingDay = (day: string) => {
  const start = Date.parse(`${day}T00:00:00Z`) - beijingMinutes * 60_000
  return Number.isNaN(start)
    ? undefined
    : {
        from: new Date(start),
        to: new Date(start + dayMillis),
        offsetMinutes: beijingMinutes,
        currency: "CNY" as const
      }
}
