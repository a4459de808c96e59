import { Category } from "@mall/domain/catalog/Category"
import { ProductSummary } from "@mall/domain/catalog/Product"
import { Page } from "@mall/domain/kernel/Page"
import { Cache, Effect, Exit, Schema } from "effect"
import type { Duration } from "effect"
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
}

/**
 * Every list of the catalogue, as of one moment: the first change of any product or category ends it, and a new one starts
 * empty. A page is loaded by the first who asks for it, while others wait.
 */
export interface Listings {
  products(listing: Listing): Effect.Effect<EncodedPage<ProductSummary>>
  readonly categories: Effect.Effect<EncodedPage<Category>>
}

export interface ListingsOptions {
  /** Pages kept; above it, what was not asked for longest leaves. */
  readonly capacity: number
  readonly timeToLive: Duration.Input
}

const encodePage = <A, I>(item: Schema.Codec<A, I>) => {
  const encode = Schema.encodeSync(Schema.fromJsonString(Schema.toCodecJson(Page(item))))
  return (page: Page<A>): EncodedPage<A> => ({ page, encoded: encodedJson(encode(page)) })
}

const encodeProducts = encodePage(ProductSummary)
const encodeCategories = encodePage(Category)

export const makeListings = Effect.fnUntraced(function* (
  sql: SqlClient.SqlClient,
  { capacity, timeToLive }: ListingsOptions
): Effect.fn.Return<Listings> {
  // a failure is not kept
  const keptFor = (exit: Exit.Exit<unknown>) => (Exit.isSuccess(exit) ? timeToLive : 0)
  const pages = yield* Cache.makeWith((listing: Listing) => Effect.map(readListing(sql, listing), encodeProducts), {
    capacity,
    timeToLive: keptFor
  })
  const tree = yield* Cache.makeWith(
    () => Effect.map(readCategories(sql), (data) => encodeCategories({ data, nextCursor: null })),
    { capacity: 1, timeToLive: keptFor }
  )
  return { products: (listing) => Cache.get(pages, listing), categories: Cache.get(tree, "all") }
})
