import { DateTime, Effect, Schema } from "effect"
import { BillChanges } from "../BillChanges.ts"
import type { BillRow } from "../BillChanges.ts"
import { bookRows } from "../bookRows.ts"
import type { ChannelRequest } from "../Channel.ts"
import type { OrderBook } from "../OrderBook.ts"
import { idOf, money } from "./paypalObjects.ts"

/** Why no transactions are listed, in PayPal's word. */
class ReportRefused extends Schema.TaggedError<ReportRefused>()("ReportRefused", { issue: Schema.String }) {
  override get message() {
    return `PayPal refuses: ${this.issue}`
  }
}

const dayMillis = 86_400_000
const longestSpan = 31 * dayMillis
const mostListed = 500
/** More of one question is refused. */
const mostFound = 10_000

/** 3.49 % and 49 units of the currency's smallest. */
const feeOf = (amount: number) => Math.round(amount * 0.0349) + 49

const timeOf = (iso: string) => `${new Date(iso).toISOString().slice(0, 19)}+0000`

/** A transaction of the account; of the same movement the second has a number of its own. */
const toTransaction = (row: BillRow, occurrence: number, accountId: string): Schema.JsonObject => {
  const isRefund = row.kind === "refund"
  const fee = (isRefund ? 0 : feeOf(row.amount)) + row.feeExtra
  const usual = isRefund ? row.number : idOf("capture", row.reference)
  const at = timeOf(row.at)
  return {
    transaction_info: {
      paypal_account_id: accountId,
      transaction_id: occurrence === 0 ? usual : idOf("again", `${usual} ${occurrence}`),
      ...(isRefund
        ? { paypal_reference_id: idOf("capture", row.order), paypal_reference_id_type: "TXN" }
        : { paypal_reference_id: row.orderNumber, paypal_reference_id_type: "ODR" }),
      transaction_event_code: isRefund ? "T1107" : "T0006",
      transaction_initiation_date: at,
      transaction_updated_date: at,
      transaction_amount: money(isRefund ? -row.amount : row.amount, row.currency),
      ...(isRefund && fee === 0 ? {} : { fee_amount: money(-fee, row.currency) }),
      transaction_status: row.isSettled ? "S" : "P",
      transaction_subject: row.description,
      invoice_id: row.reference,
      custom_field: row.reference,
      protection_eligibility: "01"
    }
  }
}

/** `GET /v1/reporting/transactions`, the oldest first. */
export const makePaypalReport = Effect.fnUntraced(function* (book: OrderBook, accountId: string) {
  const changes = yield* BillChanges

  return Effect.fnUntraced(function* (
    query: ChannelRequest["query"]
  ): Effect.fn.Return<Schema.JsonObject, ReportRefused> {
    const [start, end] = [Date.parse(String(query["start_date"])), Date.parse(String(query["end_date"]))]
    const [page, size] = [Number(query["page"] ?? "1"), Number(query["page_size"] ?? "100")]
    const isSpan = end >= start && end - start <= longestSpan
    if (!isSpan || !(page >= 1) || !(size >= 1 && size <= mostListed)) {
      return yield* new ReportRefused({ issue: "INVALID_REQUEST" })
    }
    const now = DateTime.formatIso(yield* DateTime.now)
    // the last second belongs to the span
    const span = { from: new Date(start), to: new Date(end + 1000), offsetMinutes: 0, currency: "USD" as const }
    const rows = yield* changes.bill("paypal", yield* bookRows(book), span)
    if (rows.length > mostFound) return yield* new ReportRefused({ issue: "RESULTSET_TOO_LARGE" })
    const seen = new Map<string, number>()
    const transactions = rows.map((row) => {
      const occurrence = seen.get(row.number) ?? 0
      seen.set(row.number, occurrence + 1)
      return toTransaction(row, occurrence, accountId)
    })
    return {
      transaction_details: transactions.slice((page - 1) * size, page * size),
      account_number: accountId,
      start_date: timeOf(span.from.toISOString()),
      end_date: timeOf(new Date(end).toISOString()),
      last_refreshed_datetime: timeOf(now),
      page,
      total_items: transactions.length,
      total_pages: Math.max(1, Math.ceil(transactions.length / size))
    }
  })
})
