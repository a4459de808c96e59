import { Currency } from "@mall/domain/kernel/Currency"
import { MinorUnits } from "@mall/domain/kernel/Money"
import { fxAccount } from "@mall/domain/ledger/conversion"
import { Transfers } from "@mall/domain/ledger/Transfers"
import { FxLiquidityShort } from "@mall/domain/treasury/FxError"
import { FxLimit, FxPositions } from "@mall/domain/treasury/FxTerms"
import type { FxPosition, NewFxLimit } from "@mall/domain/treasury/FxTerms"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Config, Context, DateTime, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { one, valueOf } from "./convert.ts"
import { Rates } from "./Rates.ts"

const Used = Schema.Struct({ currency: Currency })

/** How far the platform goes in each currency, and how far it has gone. */
export class Liquidity extends Context.Service<
  Liquidity,
  {
    readonly limits: Effect.Effect<ReadonlyArray<FxLimit>>
    put(limit: NewFxLimit, actor: string): Effect.Effect<FxLimit>
    /** Needs a transaction, until whose end nobody else takes of the two currencies. `amount` of `buy` is about to be given away. */
    take(sell: Currency, buy: Currency, amount: number): Effect.Effect<void, FxLiquidityShort | SqlError>
    /** Valued in `currency`, or in `FX_REPORT_CURRENCY`. */
    positions(currency?: Currency | undefined): Effect.Effect<FxPositions>
  }
>()("@mall/treasury/exchange/Liquidity") {
  static readonly layerNoDeps = Layer.effect(
    Liquidity,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const rates = yield* Rates
      const transfers = yield* Transfers
      const audit = yield* makeAuditRecorder
      const reportCurrency = yield* Config.schema(Currency, "FX_REPORT_CURRENCY").pipe(
        Config.withDefault<Currency>("CNY")
      )

      const limits = SqlSchema.findAll({
        Request: Schema.Void,
        Result: FxLimit,
        execute: () => sql`SELECT l.* FROM treasury.fx_limits AS l ORDER BY l.currency`
      })
      const lockLimit = SqlSchema.findAll({
        Request: Currency,
        Result: FxLimit,
        execute: (currency) => sql`SELECT l.* FROM treasury.fx_limits AS l WHERE l.currency = ${currency} FOR UPDATE`
      })
      const used = SqlSchema.findAll({
        Request: Schema.Void,
        Result: Used,
        execute: () => sql`
          SELECT l.currency FROM treasury.fx_limits AS l
          UNION SELECT q.sell_currency FROM treasury.fx_quotes AS q WHERE q.accepted_at IS NOT NULL
          UNION SELECT q.buy_currency FROM treasury.fx_quotes AS q WHERE q.accepted_at IS NOT NULL
          ORDER BY 1`
      })
      const all = limits(undefined).pipe(Effect.catchTag("SchemaError", Effect.die))

      /** Debits less credits: what was given away beyond what was taken in. One after the other, always in one order. */
      const shortOf = Effect.fnUntraced(function* (currencies: ReadonlyArray<Currency>) {
        const short = new Map<Currency, number>()
        for (const currency of currencies.toSorted()) {
          short.set(currency, yield* transfers.available(fxAccount(currency)))
        }
        return short
      })

      const value = (position: number, from: Currency, to: Currency) =>
        from === to
          ? Effect.succeed({ value: valueOf(position, one, from, to), ratedAt: null })
          : rates.between(from, to).pipe(
              Effect.map(({ ratio, validFrom }) => ({ value: valueOf(position, ratio, from, to), ratedAt: validFrom })),
              Effect.catchTag("FxRateMissing", () => Effect.succeed({ value: undefined, ratedAt: null }))
            )

      return Liquidity.of({
        limits: all.pipe(Effect.catchTag("SqlError", Effect.die), Effect.withSpan("Liquidity.limits")),
        put: Effect.fn("Liquidity.put")(
          function* ({ currency, maxShort, reason }, actor) {
            const at = yield* DateTime.nowAsDate
            const [before] = yield* lockLimit(currency)
            yield* sql`
              INSERT INTO treasury.fx_limits (currency, max_short, actor, reason, at)
              VALUES (${currency}, ${maxShort}, ${actor}, ${reason}, ${at})
              ON CONFLICT (currency) DO UPDATE
              SET max_short = excluded.max_short, actor = excluded.actor, reason = excluded.reason, at = excluded.at`
            yield* audit.record({
              action: "fx_limit.put",
              resource: { type: "fx_limit", id: currency },
              reason,
              ...(before === undefined ? {} : { before: { maxShort: before.maxShort } }),
              after: { maxShort }
            })
            return new FxLimit({ currency, maxShort, actor, reason, at })
          },
          sql.withTransaction,
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        ),
        take: Effect.fn("Liquidity.take")(
          function* (sell, buy, amount) {
            // of the first exchange into a currency there is no account that could be locked
            const [limit] = yield* lockLimit(buy)
            const short = yield* shortOf([sell, buy])
            if (limit === undefined || (short.get(buy) ?? 0) + amount > limit.maxShort) {
              return yield* new FxLiquidityShort({ currency: buy })
            }
          },
          Effect.catchTag("SchemaError", Effect.die)
        ),
        positions: Effect.fn("Liquidity.positions")(
          function* (currency = reportCurrency) {
            const at = yield* DateTime.nowAsDate
            const bounds = new Map((yield* all).map((limit) => [limit.currency, limit.maxShort]))
            const short = yield* shortOf((yield* used(undefined)).map((row) => row.currency))
            const positions = yield* Effect.forEach(
              short,
              Effect.fnUntraced(function* ([held, given]) {
                const position = MinorUnits.make(given === 0 ? 0 : -given)
                const worth = yield* value(position, held, currency)
                const found: FxPosition = {
                  ...{ currency: held, position, maxShort: bounds.get(held) ?? null, ratedAt: worth.ratedAt },
                  value: worth.value === undefined ? null : MinorUnits.make(worth.value)
                }
                return found
              })
            )
            const sum = positions.reduce<number | null>(
              (total, { value }) => (total === null || value === null ? null : total + value),
              0
            )
            const result = sum === null || !Number.isSafeInteger(sum) ? null : MinorUnits.make(sum)
            return new FxPositions({ currency, at, positions, result })
          },
          sql.withTransaction,
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )
      })
    })
  )
}
