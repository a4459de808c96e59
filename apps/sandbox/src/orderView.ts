import { Effect, Option } from "effect"
import type { OrderView, PayerAction } from "./Channel.ts"
import type { Order, OrderBook } from "./OrderBook.ts"

const stateTexts: Readonly<Record<Order["state"], OrderView["stateText"]>> = {
  open: { zh: "未支付", en: "Not paid" },
  paid: { zh: "支付成功", en: "Paid" },
  failed: { zh: "支付失败", en: "Failed" },
  closed: { zh: "已关闭", en: "Closed" }
}

const all: ReadonlyArray<PayerAction> = ["pay", "fail", "cancel"]

/** An order of the book as the pages show it; `code` is what a person may look it up by. */
export const toOrderView = (
  channel: string,
  merchant: string,
  book: OrderBook,
  order: Order,
  code: string
): OrderView => ({
  reference: order.reference,
  channel,
  merchant,
  description: order.description,
  amount: order.amount,
  refunded: book.refunded(order.reference),
  currency: order.currency,
  state: order.state,
  stateText: stateTexts[order.state],
  createdAt: order.createdAt,
  code,
  actions: order.state === "open" || order.state === "failed" ? all : []
})

/** What people see and do at a channel that keeps its orders in a book; what is its own stands in the place of it. */
export const ofBook = (book: OrderBook, view: (order: Order) => OrderView) => {
  const orders = Effect.map(book.list, (all) => all.map(view))
  return {
    orders,
    order: (reference: string) => Effect.map(book.look(reference), Option.map(view)),
    scan: (scanned: string) =>
      Effect.map(orders, (all) => Option.fromUndefinedOr(all.find(({ code }) => code === scanned))),
    settleRefund: book.settle,
    reset: book.clear
  }
}
