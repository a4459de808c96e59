import { Catalog } from "@mall/domain/catalog/Catalog"
import type { SkuId, SkuQuote } from "@mall/domain/catalog/Catalog"
import { gatherWhileBusy } from "@mall/platform/gatherWhileBusy"
import { Context, Effect, Exit, Layer, Request, RequestResolver } from "effect"
import { SqlClient } from "effect/sql"
import { CatalogCaches } from "./CatalogCaches.ts"
import { readSkuQuotes } from "./skuQuoteRows.ts"

/** One call of `quoteForSale`. */
class QuoteForSale extends Request.Class<{ readonly skuIds: ReadonlyArray<SkuId> }, ReadonlyMap<SkuId, SkuQuote>> {}

/** Calls that share one statement, at most. */
const maxGroup = 128

const pick = (quotes: ReadonlyMap<SkuId, SkuQuote>, skuIds: ReadonlyArray<SkuId>) => {
  const picked = new Map<SkuId, SkuQuote>()
  for (const skuId of skuIds) {
    const quote = quotes.get(skuId)
    if (quote !== undefined) picked.set(skuId, quote)
  }
  return picked
}

/**
 * The port `Catalog`: `quote` from the cache, `quoteForSale` from the database, one statement for all calls
 * that arrive while another is under way.
 */
export const layer: Layer.Layer<Catalog, never, CatalogCaches | SqlClient.SqlClient> = Layer.effect(
  Catalog,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { quotes } = yield* CatalogCaches

    const read = RequestResolver.make<QuoteForSale>((entries) =>
      readSkuQuotes(sql, [...new Set(entries.flatMap(({ request }) => request.skuIds))]).pipe(
        Effect.map((found) => {
          for (const entry of entries) entry.completeUnsafe(Exit.succeed(pick(found, entry.request.skuIds)))
        }),
        // The group runs in the context of its first caller, whose transaction is nobody else's business.
        Effect.updateContext((context: Context.Context<never>) => Context.omit(sql.transactionService)(context))
      )
    )

    const resolver = gatherWhileBusy(read, maxGroup)

    return Catalog.of({
      quote: (skuIds) => quotes.getMany(skuIds),
      quoteForSale: (skuIds) =>
        skuIds.length === 0 ? Effect.succeed(new Map()) : Effect.request(new QuoteForSale({ skuIds }), resolver)
    })
  })
)
