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
