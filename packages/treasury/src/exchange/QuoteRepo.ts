import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits, Money } from "@mall/domain/kernel/Money"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { FxConversion, FxQuote, FxQuoteId } from "@mall/domain/treasury/FxQuote"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"

const { acceptedAt, acceptedBy, createdAt, createdBy, expiresAt, fee, id, merchantId, rate, rateIds, rounding, side } =
  FxQuote.fields

export const QuoteRow = Schema.Struct({
  ...{ id, merchantId, side, fee, rounding, rate, rateIds, createdBy, createdAt, expiresAt, acceptedBy, acceptedAt },
  ...{ sellCurrency: Currency, sellAmount: MinorUnits, buyCurrency: Currency, buyAmount: MinorUnits },
  ...{ spreadBasisPoints: Schema.Int, traceId: Schema.NullOr(Schema.String) }
})
export type QuoteRow = typeof QuoteRow.Type

const decodeRows = Schema.decodeUnknownEffect(Schema.Array(QuoteRow))

/** The columns of a quote `q`. */
export const quoteColumns = (sql: SqlClient.SqlClient) => sql`
  q.id, q.merchant_id, q.side, q.sell_currency, q.sell_amount, q.buy_currency, q.buy_amount, q.fee, q.rounding,
  q.rate, q.spread_basis_points, q.rate_ids::text[] AS rate_ids, q.created_by, q.created_at, q.expires_at, q.accepted_by,
  q.accepted_at, q.trace_id`

export const sidesOf = ({ buyAmount, buyCurrency, sellAmount, sellCurrency }: QuoteRow) => ({
  sell: Money.of(sellAmount, sellCurrency),
  buy: Money.of(buyAmount, buyCurrency)
})

const statusOf = ({ acceptedAt, expiresAt }: QuoteRow, now: Date) =>
  acceptedAt !== null ? "accepted" : now < expiresAt ? "open" : "expired"

export const toQuote = (row: QuoteRow, now: Date) =>
  new FxQuote({ ...row, ...sidesOf(row), status: statusOf(row, now) })

export const toConversion = (row: QuoteRow, convertedBy: string, convertedAt: Date) =>
  new FxConversion({ ...row, ...sidesOf(row), convertedBy, convertedAt })

/** Quotes. Whose they are is in the `WHERE` clause. */
export class QuoteRepo extends Context.Service<
  QuoteRepo,
  {
    /** Changes nothing where the id is known. */
    insert(row: QuoteRow): Effect.Effect<void, SqlError>
    find(id: FxQuoteId, owner: MerchantId): Effect.Effect<QuoteRow | undefined, SqlError>
    /** Needs a transaction, until whose end nobody else accepts it. */
    lock(id: FxQuoteId, owner: MerchantId): Effect.Effect<QuoteRow | undefined, SqlError>
    accept(id: FxQuoteId, actor: string, at: Date): Effect.Effect<void, SqlError>
    /** Those that nobody accepted, some at a time. */
    removeLapsed(before: Date, limit: number): Effect.Effect<number, SqlError>
  }
>()("@mall/treasury/exchange/QuoteRepo") {
  static readonly layer = Layer.effect(
    QuoteRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const select = (id: FxQuoteId, owner: MerchantId, isLocked: boolean) =>
        sql`
          SELECT ${quoteColumns(sql)} FROM treasury.fx_quotes AS q WHERE q.id = ${id} AND q.merchant_id = ${owner}
          ${isLocked ? sql`FOR UPDATE` : sql``}`.pipe(
          Effect.flatMap(decodeRows),
          Effect.map(([row]) => row),
          Effect.catchTag("SchemaError", Effect.die)
        )

      return QuoteRepo.of({
        insert: (row) => sql`
          INSERT INTO treasury.fx_quotes (id, merchant_id, side, sell_currency, sell_amount, buy_currency, buy_amount, fee,
            rounding, rate, spread_basis_points, rate_ids, created_by, created_at, expires_at, trace_id)
          VALUES (${row.id}, ${row.merchantId}, ${row.side}, ${row.sellCurrency}, ${row.sellAmount}, ${row.buyCurrency},
            ${row.buyAmount}, ${row.fee}, ${row.rounding}, ${row.rate}::text::numeric, ${row.spreadBasisPoints},
            ${row.rateIds}::uuid[], ${row.createdBy}, ${row.createdAt}, ${row.expiresAt}, ${row.traceId})
          ON CONFLICT (id) DO NOTHING`,
        find: (id, owner) => select(id, owner, false),
        lock: (id, owner) => select(id, owner, true),
        accept: Effect.fnUntraced(function* (id, actor, at) {
          const traceId = yield* currentTraceId
          yield* sql`
            UPDATE treasury.fx_quotes SET accepted_by = ${actor}, accepted_at = ${at}, trace_id = ${traceId} WHERE id = ${id}`
        }),
        removeLapsed: Effect.fnUntraced(function* (before, limit) {
          const removed = yield* sql`
            DELETE FROM treasury.fx_quotes WHERE id IN (
              SELECT q.id FROM treasury.fx_quotes AS q WHERE q.accepted_at IS NULL AND q.expires_at < ${before}
              LIMIT ${limit} FOR UPDATE SKIP LOCKED
            ) RETURNING id`
          return removed.length
        })
      })
    })
  )
}
