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

/** When a channel's bill has a refund. */
type RefundTime = (refund: Refund) => string

/** Once the buyer has it, and until then when it was asked for. */
const whenSettled: RefundTime = ({ createdAt, settledAt }) => settledAt ?? createdAt

/** When it was asked for, whenever the buyer has it. */
export const whenAsked: RefundTime = ({ createdAt }) => createdAt

const refundOf = (
  { description, currency, number: orderNumber }: Order,
  refund: Refund,
  at: string
): ReadonlyArray<BillRow> => {
  const { amount, number, order, reference, state } = refund
  if (state !== "succeeded" && state !== "processing") return []
  const isSettled = state === "succeeded"
  const numbers = { reference, number, order, orderNumber }
  return [{ kind: "refund", ...numbers, amount, feeExtra: 0, currency, description, isSettled, at }]
}

/** All that moved money at a channel, or is about to, as its bill tells it. */
export const bookRows = (book: OrderBook, refundTime = whenSettled) =>
  Effect.map(book.list, (orders) =>
    orders.flatMap((order) => [
      ...paymentOf(order),
      ...book.refundsOf(order.reference).flatMap((refund) => refundOf(order, refund, refundTime(refund)))
    ])
  )
