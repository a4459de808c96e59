import { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import type { SkuQuote } from "@mall/domain/catalog/Catalog"
import type { Notifications } from "@mall/platform/Notifications"
import * as PushedCache from "@mall/platform/PushedCache"
import { Config, Context, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { CatalogChanges } from "./CatalogChanges.ts"
import { makeListings } from "./Listings.ts"
import type { Listings } from "./Listings.ts"
import type { ProductView } from "./ProductView.ts"
import { readProductViews } from "./productViewRows.ts"
import { readSkuQuotes } from "./skuQuoteRows.ts"

const CacheConfig = Config.all({
  /** Products kept in each process, and as many times four SKUs for quotes. */
  products: Config.Int("CATALOG_CACHE_PRODUCTS").pipe(Config.withDefault(20_000)),
  /** How long a product may be kept: a safety net, since changes are pushed. */
  timeToLive: Config.Duration("CATALOG_CACHE_TTL").pipe(Config.withDefault(Duration.minutes(5))),
  pages: Config.Int("CATALOG_CACHE_PAGES").pipe(Config.withDefault(500)),
  pageTimeToLive: Config.Duration("CATALOG_CACHE_PAGE_TTL").pipe(Config.withDefault(Duration.seconds(10)))
})

/**
 * What this process remembers of the catalogue; every change of it is pushed. The listings are one entry, dropped whole by
 * any change of what they may show.
 */
export class CatalogCaches extends Context.Service<
  CatalogCaches,
  {
    readonly products: PushedCache.PushedCache<ProductId, ProductView, never>
    readonly quotes: PushedCache.PushedCache<SkuId, SkuQuote, never>
    readonly listings: PushedCache.PushedCache<"all", Listings, never>
  }
>()("@mall/catalog/CatalogCaches") {
  static readonly layer: Layer.Layer<
    CatalogCaches | CatalogChanges,
    Config.ConfigError,
    SqlClient.SqlClient | Notifications
  > = Layer.effectContext(
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const config = yield* CacheConfig
      const products = yield* PushedCache.make({
        channel: "catalog_products",
        capacity: config.products,
        timeToLive: config.timeToLive,
        lookup: (ids: ReadonlyArray<ProductId>) => readProductViews(sql, ids)
      })
      const quotes = yield* PushedCache.make({
        channel: "catalog_quotes",
        capacity: config.products * 4,
        timeToLive: config.timeToLive,
        lookup: (ids: ReadonlyArray<SkuId>) => readSkuQuotes(sql, ids)
      })
      const listings = yield* PushedCache.make({
        channel: "catalog_listings",
        capacity: 1,
        timeToLive: config.timeToLive,
        lookup: () =>
          makeListings(sql, { capacity: config.pages, timeToLive: config.pageTimeToLive }).pipe(
            Effect.map((listings) => new Map([["all" as const, listings]]))
          )
      })

      const selectSkuIds = SqlSchema.findAll({
        Request: Schema.Array(ProductId),
        Result: Schema.Struct({ id: SkuId }),
        execute: (ids) => sql`SELECT s.id FROM catalog.skus s WHERE s.product_id = any(${ids}::uuid[])`
      })
      const productsChanged = Effect.fn("CatalogChanges.productsChanged")(function* (ids: ReadonlyArray<ProductId>) {
        const skus = yield* selectSkuIds(ids).pipe(Effect.catchTag("SchemaError", Effect.die))
        yield* products.invalidate(ids)
        yield* quotes.invalidate(skus.map(({ id }) => id))
        yield* listings.invalidate(["all"])
      })

      return Context.make(CatalogCaches, CatalogCaches.of({ products, quotes, listings })).pipe(
        Context.add(
          CatalogChanges,
          CatalogChanges.of({ productsChanged, categoriesChanged: listings.invalidate(["all"]) })
        )
      )
    })
  )
}
