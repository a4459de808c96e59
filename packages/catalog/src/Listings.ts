import { Category } from "@mall/domain/catalog/Category"
import { ProductSummary } from "@mall/domain/catalog/Product"
import { Page } from "@mall/domain/kernel/Page"
import { Cache, Clock, Duration, Effect, Exit, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { readCategories } from "./categoryRows.ts"
import { encodedJson } from "./EncodedJson.ts"
import type { EncodedJson } from "./EncodedJson.ts"
import { readListing } from "./productListing.ts"
import type { Listing } from "./productListing.ts"

/** A page as it is sent, and as values for callers that encode it themselves. */
export interface EncodedPage<A> {
  readonly page: Page<A>
  readonly encoded: EncodedJson
  /** Milliseconds since 1970. */
  readonly readAt: number
}

/**
 * Every list of the catalogue, as of one moment: the first change of any product or category ends it, and a new one starts
 * empty. A page is loaded by the first who asks for it, while others wait.
 */
export interface Listings {
  products(listing: Listing): Effect.Effect<EncodedPage<ProductSummary>>
  /** Keeps `page` as what a query of this text asks for. */
  remember(query: string, page: EncodedPage<ProductSummary>): void
  /** What was remembered under this text, unless it is older than a page may be. */
  recall(query: string): EncodedPage<ProductSummary> | undefined
  readonly categories: Effect.Effect<EncodedPage<Category>>
}

export interface ListingsOptions {
  /** Pages kept; above it, what was not asked for longest leaves. */
  readonly capacity: number
  readonly timeToLive: Duration.Input
}

const encodePage = <A, I>(item: Schema.Codec<A, I>) => {
  const encode = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Page(item))))
  return (page: Page<A>): Effect.Effect<EncodedPage<A>> =>
    Effect.map(Clock.currentTimeMillis, (readAt) => ({ page, encoded: encodedJson(encode(page)), readAt }))
}

const encodeProducts = encodePage(ProductSummary)
const encodeCategories = encodePage(Category)

export const makeListings = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  { capacity, timeToLive }: ListingsOptions
): Effect.fn.Return<Listings> {
  // a failure is not kept
  const keptFor = (exit: Exit.Exit<unknown>) => (Exit.isSuccess(exit) ? timeToLive : 0)
  const pages = yield* Cache.makeWith((listing: Listing) => Effect.flatMap(readListing(sql, listing), encodeProducts), {
    capacity,
    timeToLive: keptFor
  })
  const tree = yield* Cache.makeWith(
    () => Effect.flatMap(readCategories(sql), (data) => encodeCategories({ data, nextCursor: null })),
    { capacity: 1, timeToLive: keptFor }
  )
  const clock = yield* Clock.Clock
  const lifetime = Duration.toMillis(Duration.fromInputUnsafe(timeToLive))
  const recalled = new Map<string, EncodedPage<ProductSummary>>()
  return {
    products: (listing) => Cache.get(pages, listing),
    remember: (query, page) => {
      if (recalled.size >= capacity) recalled.clear()
      recalled.set(query, page)
    },
    recall: (query) => {
      const page = recalled.get(query)
      return page !== undefined && clock.currentTimeMillisUnsafe() - page.readAt < lifetime ? page : undefined
    },
    categories: Cache.get(tree, "all")
  }
})
