import { Money } from "@mall/domain/kernel/Money"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { conversion } from "@mall/domain/ledger/conversion"
import { TransferId } from "@mall/domain/ledger/Transfer"
import { Transfers } from "@mall/domain/ledger/Transfers"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { FxAmountOutOfRange, FxQuoteExpired, FxQuoteNotFound, FxRateStale } from "@mall/domain/treasury/FxError"
import type { AcceptRefused, QuoteRefused } from "@mall/domain/treasury/FxError"
import { FxQuoteId } from "@mall/domain/treasury/FxQuote"
import type { FxConversion, FxQuote, NewFxQuote } from "@mall/domain/treasury/FxQuote"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf, tenantSeeing } from "@mall/platform/Tenancy"
import { Context, DateTime, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { convert, decimalOf } from "./convert.ts"
import { ExchangeConfig } from "./ExchangeConfig.ts"
import { countConversion } from "./exchangeMetrics.ts"
import { Liquidity } from "./Liquidity.ts"
import { quoteColumns, QuoteRepo, QuoteRow, toConversion, toQuote } from "./QuoteRepo.ts"
import { Rates } from "./Rates.ts"
import { Spreads } from "./Spreads.ts"
import type { Sees } from "./whoExchanges.ts"

export interface ConversionFilter {
  readonly limit?: number | undefined
  readonly after?: string | undefined
}

const cursor = cursorOf(Schema.Struct({ id: FxQuoteId }))
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(QuoteRow))

/** A rate is kept for a merchant, and their money exchanged by it. */
export class Quotes extends Context.Service<
  Quotes,
  {
    /** The same id again answers with the quote that there is. Moves nothing. */
    create(
      id: FxQuoteId,
      input: NewFxQuote,
      merchantId: MerchantId,
      actor: string
    ): Effect.Effect<FxQuote, QuoteRefused>
    show(id: FxQuoteId, sees: Sees): Effect.Effect<FxQuote, FxQuoteNotFound>
    /** Exchanges once: the same again answers with the conversion that there is. */
    accept(id: FxQuoteId, merchantId: MerchantId, actor: string): Effect.Effect<FxConversion, AcceptRefused>
    /** Newest first. */
    conversions(filter: ConversionFilter, sees: Sees): Effect.Effect<Page<FxConversion>, InvalidCursor>
  }
>()("@mall/treasury/exchange/Quotes") {
  static readonly layerNoDeps = Layer.effect(
    Quotes,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* QuoteRepo
      const rates = yield* Rates
      const spreads = yield* Spreads
      const liquidity = yield* Liquidity
      const transfers = yield* Transfers
      const audit = yield* makeAuditRecorder
      const { quoteSeconds } = yield* ExchangeConfig

      const seen = (sees: Sees) => (sees === "all" ? sql`true` : sql`q.merchant_id = ${sees}`)
      const within = (sees: Sees) => readsOf(sql, "mall_pay_tenant", tenantSeeing(sees))

      const priced = Effect.fnUntraced(function* (
        id: FxQuoteId,
        { amount, other, side }: NewFxQuote,
        merchantId: MerchantId,
        actor: string
      ): Effect.fn.Return<QuoteRow, QuoteRefused | SqlError> {
        const [from, to] = side === "sell" ? [amount.currency, other] : [other, amount.currency]
        const { isStale, rateIds, ratio, validFrom } = yield* rates.between(from, to)
        if (isStale) return yield* new FxRateStale({ from, to, validFrom })
        const spreadBasisPoints = yield* spreads.of(merchantId, from, to)
        const converted = convert({ side, amount: amount.amount, from, to, rate: ratio, spreadBasisPoints })
        if (converted === undefined) {
          return yield* new FxAmountOutOfRange({
            reason: `nothing can be paid for ${amount.amount} ${amount.currency}`
          })
        }
        const now = yield* DateTime.nowAsDate
        const { amount: sellAmount } = Money.of(converted.sell, from)
        const { amount: buyAmount } = Money.of(converted.buy, to)
        return {
          ...{ id, merchantId, side, sellCurrency: from, sellAmount, buyCurrency: to, buyAmount },
          ...{ fee: Money.of(converted.fee, to).amount, rounding: Money.of(converted.rounding, to).amount },
          ...{ rate: decimalOf(ratio), rateIds, spreadBasisPoints, createdBy: actor, createdAt: now },
          expiresAt: new Date(now.getTime() + Duration.toMillis(Duration.seconds(quoteSeconds))),
          ...{ acceptedBy: null, acceptedAt: null, traceId: yield* currentTraceId }
        }
      })

      /** Locks first, then reads, then decides; the books come last. */
      const exchange = Effect.fnUntraced(function* (id: FxQuoteId, merchantId: MerchantId, actor: string) {
        const row = yield* repo.lock(id, merchantId)
        if (row === undefined) return yield* new FxQuoteNotFound({ quoteId: id })
        if (row.acceptedAt !== null) return toConversion(row, row.acceptedBy ?? "", row.acceptedAt)
        const now = yield* DateTime.nowAsDate
        if (now >= row.expiresAt) return yield* new FxQuoteExpired({ quoteId: id, expiredAt: row.expiresAt })
        const { buyAmount, buyCurrency, fee, rounding, sellAmount, sellCurrency } = row
        yield* liquidity.take(sellCurrency, buyCurrency, buyAmount + fee + rounding)
        const traceId = yield* currentTraceId
        const [sell, buy] = [Money.of(sellAmount, sellCurrency), Money.of(buyAmount, buyCurrency)]
        yield* transfers.post([
          {
            ...{ id: TransferId.make(id), type: "single", purpose: "conversion", subject: id, actor, traceId },
            legs: conversion({ merchantId, sell, buy, fee, rounding }),
            reason: `exchanged at ${row.rate}`
          }
        ])
        yield* repo.accept(id, actor, now)
        yield* audit.record({
          action: "fx_quote.accept",
          resource: { type: "fx_quote", id },
          merchantId,
          after: { sell, buy, fee, rounding, rate: row.rate }
        })
        return toConversion({ ...row, traceId }, actor, now)
      })

      return Quotes.of({
        create: Effect.fn("Quotes.create")(
          function* (id, input, merchantId, actor) {
            const before = yield* repo.find(id, merchantId)
            if (before === undefined) yield* repo.insert(yield* priced(id, input, merchantId, actor))
            const kept = yield* Effect.flatMap(repo.find(id, merchantId), Effect.fromNullishOr)
            return toQuote(kept, yield* DateTime.nowAsDate)
          },
          // an id is made here, so nobody else's quote has it
          Effect.catchTags({ SqlError: Effect.die, NoSuchElementError: Effect.die })
        ),
        show: Effect.fn("Quotes.show")(
          function* (id, sees) {
            const rows = yield* sql`
              SELECT ${quoteColumns(sql)} FROM treasury.fx_quotes AS q WHERE q.id = ${id} AND ${seen(sees)}`
            const [row] = yield* decodeRows(rows)
            if (row === undefined) return yield* new FxQuoteNotFound({ quoteId: id })
            return toQuote(row, yield* DateTime.nowAsDate)
          },
          (effect, _id, sees) => within(sees)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        accept: Effect.fn("Quotes.accept")(
          exchange,
          sql.withTransaction,
          retryConflicts,
          Effect.tap(({ buy, sell }) => countConversion(sell.currency, buy.currency)),
          Effect.catchTags({
            ...{ SqlError: Effect.die, TransferIdReused: Effect.die, TransferMalformed: Effect.die },
            ...{ PendingTransferNotFound: Effect.die, PendingTransferOver: Effect.die }
          })
        ),
        conversions: Effect.fn("Quotes.conversions")(
          function* ({ after, limit = defaultLimit }, sees) {
            const clauses = [
              ...[seen(sees), sql`q.accepted_at IS NOT NULL`],
              ...(after === undefined ? [] : [sql`q.id < ${(yield* cursor.decode(after)).id}`])
            ]
            const rows = yield* decodeRows(
              yield* sql`
                SELECT ${quoteColumns(sql)} FROM treasury.fx_quotes AS q WHERE ${sql.and(clauses)}
                ORDER BY q.id DESC LIMIT ${limit + 1}`
            )
            const done = rows.flatMap((row) =>
              row.acceptedAt === null || row.acceptedBy === null
                ? []
                : [toConversion(row, row.acceptedBy, row.acceptedAt)]
            )
            return toPage(done, limit, ({ id }) => cursor.encode({ id }))
          },
          (effect, _filter, sees) => within(sees)(effect),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )
      })
    })
  )
}
