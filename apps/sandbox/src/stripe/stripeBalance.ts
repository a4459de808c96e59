import { Effect } from "effect"
import type { Schema } from "effect"
import { BillChanges } from "../BillChanges.ts"
import type { BillRow } from "../BillChanges.ts"
import { bookRows } from "../bookRows.ts"
import type { ChannelRequest } from "../Channel.ts"
import type { OrderBook } from "../OrderBook.ts"
import { idOf, toStripeAmount } from "./stripeObjects.ts"
import { invalid } from "./StripeRefused.ts"
import type { StripeRefused } from "./StripeRefused.ts"

/** 2.9 % and 30 units of the currency's smallest. */
const feeOf = (amount: number) => Math.round(amount * 0.029) + 30

const seconds = (iso: string) => Math.floor(Date.parse(iso) / 1000)
const mostListed = 100

/** A movement of the balance; of the same movement the second has a number of its own. */
const toMovement = (row: BillRow, occurrence: number, isExpanded: boolean): Schema.JsonObject => {
  const { currency, kind, number, reference } = row
  const amount = toStripeAmount(row.amount, currency)
  const isRefund = kind === "refund"
  const fee = (isRefund ? 0 : feeOf(amount)) + row.feeExtra
  const moved = isRefund ? -amount : amount
  const chargeId = idOf("ch", row.orderNumber)
  const metadata = isRefund ? { refund_id: reference, attempt_id: row.order } : { attempt_id: reference }
  const common = { amount, currency: currency.toLowerCase(), metadata, payment_intent: row.orderNumber }
  const source = isRefund
    ? { id: number, object: "refund", charge: chargeId, status: "succeeded", ...common }
    : { id: chargeId, object: "charge", paid: true, ...common }
  return {
    id: idOf("txn", `${kind} ${number} ${occurrence}`),
    object: "balance_transaction",
    amount: moved,
    fee,
    net: moved - fee,
    currency: currency.toLowerCase(),
    created: seconds(row.at),
    available_on: seconds(row.at),
    type: kind === "payment" ? "charge" : "refund",
    reporting_category: kind === "payment" ? "charge" : "refund",
    status: "available",
    source: isExpanded ? source : source.id
  }
}

/** `GET /v1/balance_transactions`, newest first: the movements of payments and refunds. */
export const makeStripeBalance = Effect.fnUntraced(function* (book: OrderBook) {
  const changes = yield* BillChanges

  return Effect.fnUntraced(function* ({ query }: ChannelRequest): Effect.fn.Return<Schema.JsonObject, StripeRefused> {
    const [from, to] = [Number(query["created[gte]"]), Number(query["created[lt]"])]
    const limit = Number(query["limit"] ?? "10")
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to)) return yield* invalid("parameter_invalid_integer")
    if (limit < 1 || limit > mostListed) return yield* invalid("parameter_invalid_integer")
    // a refund that is under way moves no balance
    const rows = (yield* bookRows(book)).filter(({ isSettled }) => isSettled)
    const listed = yield* changes.bill("stripe", rows, {
      ...{ from: new Date(from * 1000), to: new Date(to * 1000), offsetMinutes: 0, currency: "USD" }
    })
    const isExpanded = Object.entries(query).some(([name, value]) => name.startsWith("expand") && value !== undefined)
    const seen = new Map<string, number>()
    const movements = listed
      .map((row) => {
        const occurrence = seen.get(row.number) ?? 0
        seen.set(row.number, occurrence + 1)
        return toMovement(row, occurrence, isExpanded)
      })
      .toReversed()
    const after = query["starting_after"]
    const start = after === undefined ? 0 : movements.findIndex(({ id }) => id === after) + 1
    if (after !== undefined && start === 0) return yield* invalid("resource_missing")
    return {
      object: "list",
      url: "/v1/balance_transactions",
      has_more: movements.length > start + limit,
      data: movements.slice(start, start + limit)
    }
  })
})
