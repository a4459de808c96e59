import { Catalog } from "@mall/domain/catalog/Catalog"
import type { SkuId } from "@mall/domain/catalog/Catalog"
import { gatherReads } from "@mall/platform/gatherReads"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { CatalogCaches } from "./CatalogCaches.ts"
import { readSkuQuotes } from "./skuQuoteRows.ts"

/**
 * The port `Catalog`: `quote` from the cache, `quoteForSale` from the database, one statement for all calls
 * that arrive while another is under way.
 */
export const layer: Layer.Layer<Catalog, never, CatalogCaches | SqlClient.SqlClient> = Layer.effect(
  Catalog,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { quotes } = yield* CatalogCaches

    const quoteForSale = gatherReads(sql, (skuIds: ReadonlyArray<SkuId>) => readSkuQuotes(sql, skuIds))

    return Catalog.of({
      quote: (skuIds) => quotes.getMany(skuIds),
      quoteForSale
    })
  })
)
