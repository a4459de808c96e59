import type { CategoryId } from "@mall/domain/catalog/Category"
import { ProductId } from "@mall/domain/catalog/Catalog"
import { ProductSummary } from "@mall/domain/catalog/Product"
import { ProductSort } from "@mall/domain/catalog/ProductQuery"
import type { ProductListQuery } from "@mall/domain/catalog/ProductQuery"
import type { Currency } from "@mall/domain/kernel/Currency"
import { cursorOf, defaultLimit, InvalidCursor, toPage } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { DateTime, Effect, Schema } from "effect"
import type { SqlClient, Statement } from "effect/sql"

/** The last millisecond that a `Date` can hold. */
const latestTime = 8_640_000_000_000_000

/** `key` is when the last product was published, in milliseconds, or its price: by `sort`. */
const ListingKey = Schema.Struct({ sort: ProductSort, key: Schema.Int, id: ProductId }).check(
  Schema.makeFilter(({ key, sort }) => key >= 0 && (sort !== "newest" || key <= latestTime))
)
const listingCursor = cursorOf(ListingKey)

/** A list query with every default filled in. */
export interface Listing {
  readonly category: CategoryId | undefined
  readonly merchant: MerchantId | undefined
  readonly minPrice: number | undefined
  readonly maxPrice: number | undefined
  readonly currency: Currency | undefined
  readonly sort: ProductSort
  readonly limit: number
  readonly after: typeof ListingKey.Type | undefined
}

/** Amounts of two currencies have no order, so that prices are compared in one: `priceCurrency` unless the query names one. */
export const resolveListing = Effect.fnUntraced(function* (query: ProductListQuery, priceCurrency: Currency) {
  const { after, category, limit = defaultLimit, maxPrice, merchant, minPrice, sort = "newest" } = query
  const key = after === undefined ? undefined : yield* listingCursor.decode(after)
  if (key !== undefined && key.sort !== sort) return yield* new InvalidCursor({})
  const comparesPrices = sort !== "newest" || minPrice !== undefined || maxPrice !== undefined
  const currency = query.currency ?? (comparesPrices ? priceCurrency : undefined)
  const listing: Listing = { category, merchant, minPrice, maxPrice, currency, sort, limit, after: key }
  return listing
})

/** Where the list goes on after `last`. */
const cursorAfter = (sort: ProductSort, last: ProductSummary) =>
  listingCursor.encode({
    sort,
    id: last.id,
    key: sort === "newest" ? last.publishedAt.getTime() : last.priceFrom.amount
  })

const orderOf = (sql: SqlClient.SqlClient, sort: ProductSort) => {
  switch (sort) {
    case "newest":
      return sql`p.published_at DESC, p.id DESC`
    case "price_asc":
      return sql`p.price_from, p.id`
    case "price_desc":
      return sql`p.price_from DESC, p.id DESC`
  }
}

const beyond = (sql: SqlClient.SqlClient, { key, id, sort }: typeof ListingKey.Type) => {
  switch (sort) {
    case "newest":
      return sql`(p.published_at, p.id) < (${DateTime.toDateUtc(DateTime.makeUnsafe(key))}::timestamptz, ${id}::uuid)`
    case "price_asc":
      return sql`(p.price_from, p.id) > (${key}::bigint, ${id}::uuid)`
    case "price_desc":
      return sql`(p.price_from, p.id) < (${key}::bigint, ${id}::uuid)`
  }
}

const conditions = (sql: SqlClient.SqlClient, listing: Listing): ReadonlyArray<Statement.Fragment> => [
  sql`p.status = 'published'`,
  ...(listing.category === undefined ? [] : [sql`p.category_id = c.id`]),
  ...(listing.merchant === undefined ? [] : [sql`p.merchant_id = ${listing.merchant}`]),
  ...(listing.currency === undefined ? [] : [sql`p.currency = ${listing.currency}`]),
  ...(listing.minPrice === undefined ? [] : [sql`p.price_from >= ${listing.minPrice}::bigint`]),
  ...(listing.maxPrice === undefined ? [] : [sql`p.price_from <= ${listing.maxPrice}::bigint`]),
  ...(listing.after === undefined ? [] : [beyond(sql, listing.after)])
]

/**
 * One page and one row more. Each page is read from the end of an index that holds the rows in the list's own order. For a
 * category, every category below it gives its first rows and the list merges them: that reads a page for each of them,
 * however many products they hold.
 */
export const listingStatement = (sql: SqlClient.SqlClient, listing: Listing) => {
  const order = orderOf(sql, listing.sort)
  const rows = sql`
    SELECT p.id, p.merchant_id, p.category_id, p.title, p.images, p.price_from, p.currency, p.published_at
    FROM catalog.products p
    WHERE ${sql.and(conditions(sql, listing))}
    ORDER BY ${order}
    LIMIT ${listing.limit + 1}`
  const source =
    listing.category === undefined
      ? sql`(${rows}) p`
      : sql`catalog.categories root
        JOIN catalog.categories c ON c.path ^@ root.path AND root.id = ${listing.category}
        CROSS JOIN LATERAL (${rows}) p`
  return sql`
    SELECT p.id, p.merchant_id, m.name AS merchant_name, p.category_id, p.title, p.images->>0 AS image_url,
      jsonb_build_object('amount', p.price_from, 'currency', p.currency) AS price_from, p.published_at
    FROM ${source} JOIN catalog.merchants m ON m.id = p.merchant_id
    ORDER BY ${order} LIMIT ${listing.limit + 1}`
}

const decode = Schema.decodeUnknownEffect(Schema.Array(ProductSummary))

/** The page of `listing` as it is in the database. */
export const readListing = (sql: SqlClient.SqlClient, listing: Listing) =>
  listingStatement(sql, listing).pipe(
    Effect.flatMap(decode),
    Effect.map((rows) => toPage(rows, listing.limit, (last) => cursorAfter(listing.sort, last))),
    Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
  )
