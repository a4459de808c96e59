import { ProductId } from "@mall/domain/catalog/Catalog"
import { CategoryNotFound, ProductNotFound } from "@mall/domain/catalog/CatalogError"
import type { Category, CategoryId } from "@mall/domain/catalog/Category"
import type { ProductDetail, ProductSummary } from "@mall/domain/catalog/Product"
import type { ProductListQuery } from "@mall/domain/catalog/ProductQuery"
import { Currency } from "@mall/domain/kernel/Currency"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { Stock } from "@mall/domain/trade/Stock"
import { Config, Context, Effect, Layer, Option } from "effect"
import { CatalogCaches } from "./CatalogCaches.ts"
import { encodedJson } from "./EncodedJson.ts"
import type { EncodedJson } from "./EncodedJson.ts"
import type { EncodedPage } from "./Listings.ts"
import { resolveListing } from "./productListing.ts"
import type { ProductView } from "./ProductView.ts"

const defaultCurrency: Currency = "CNY"

/** The currency in which prices are compared where a query names none. */
const PriceCurrency = Config.schema(Currency, "CATALOG_CURRENCY").pipe(Config.withDefault(defaultCurrency))

/**
 * What buyers see, from memory: published products with availability at most a second old, lists and the category tree.
 * The `encoded` methods answer with bytes that are made once and sent as they are; the others with values, for RPC.
 */
export class Storefront extends Context.Service<
  Storefront,
  {
    encodedProduct(id: ProductId): Effect.Effect<EncodedJson, ProductNotFound>
    /** `text` is the query as it was asked; the same text again is answered by `recalled`. */
    encodedProducts(query: ProductListQuery, text: string): Effect.Effect<EncodedJson, InvalidCursor>
    /** What `encodedProducts` answers to this text, where it was asked lately and nothing has changed since. */
    recalled(text: string): EncodedJson | undefined
    readonly encodedCategories: Effect.Effect<EncodedJson>
    product(id: ProductId): Effect.Effect<ProductDetail, ProductNotFound>
    products(query: ProductListQuery): Effect.Effect<Page<ProductSummary>, InvalidCursor>
    readonly categories: Effect.Effect<Page<Category>>
    category(id: CategoryId): Effect.Effect<Category, CategoryNotFound>
  }
>()("@mall/catalog/Storefront") {
  static readonly layer = Layer.effect(
    Storefront,
    Effect.gen(function* () {
      const caches = yield* CatalogCaches
      const stock = yield* Stock
      const priceCurrency = yield* PriceCurrency

      const listings = Effect.suspend(() => {
        const here = caches.listings.peek("all")
        return here === undefined ? Effect.map(caches.listings.get("all"), Option.getOrThrow) : Effect.succeed(here)
      })

      const loadView = Effect.fn("Storefront.loadProduct")(function* (id: ProductId) {
        const view = yield* caches.products.get(id)
        return Option.isSome(view) ? view.value : yield* new ProductNotFound({ productId: id })
      })

      const withView = <A>(given: ProductId, use: (view: ProductView) => Effect.Effect<A>) =>
        Effect.suspend((): Effect.Effect<A, ProductNotFound> => {
          // an id may be written in capitals; keys are as the database writes them
          const id = ProductId.make(given.toLowerCase())
          const here = caches.products.peek(id)
          return here === undefined ? Effect.flatMap(loadView(id), use) : use(here)
        })

      const encodedProduct = (id: ProductId) =>
        withView(id, (view) => Effect.map(stock.available(view.skuIds), (available) => view.encoded(available)))

      const product = (id: ProductId) =>
        withView(id, (view) => Effect.map(stock.available(view.skuIds), (available) => view.detail(available)))

      const views = Effect.fnUntraced(function* (given: ReadonlyArray<ProductId>) {
        const ids = given.map((id) => ProductId.make(id.toLowerCase()))
        const found = yield* caches.products.getMany(ids)
        return ids.flatMap((id) => found.get(id) ?? [])
      })

      const page = Effect.fnUntraced(function* (
        query: ProductListQuery,
        text?: string
      ): Effect.fn.Return<EncodedPage<ProductSummary>, InvalidCursor> {
        const listing = yield* resolveListing(query, priceCurrency)
        const current = yield* listings
        const page = yield* current.products(listing)
        if (text !== undefined) current.remember(text, page)
        return page
      })

      const encodedProducts = (query: ProductListQuery, text: string) =>
        query.ids === undefined
          ? Effect.map(page(query, text), ({ encoded }) => encoded)
          : Effect.map(views(query.ids), (found) =>
              encodedJson(`{"data":[${found.map(({ summaryJson }) => summaryJson).join(",")}],"nextCursor":null}`)
            )

      const products = (query: ProductListQuery) =>
        query.ids === undefined
          ? Effect.map(page(query), ({ page }) => page)
          : Effect.map(views(query.ids), (found) => ({
              data: found.map(({ summary }) => summary),
              nextCursor: null
            }))

      const tree = Effect.flatMap(listings, ({ categories }) => categories)

      const category = Effect.fnUntraced(function* (given: CategoryId) {
        const { page } = yield* tree
        const id = given.toLowerCase()
        return page.data.find((category) => category.id === id) ?? (yield* new CategoryNotFound({ categoryId: given }))
      })

      return Storefront.of({
        encodedProduct,
        encodedProducts,
        recalled: (text) => caches.listings.peek("all")?.recall(text)?.encoded,
        encodedCategories: Effect.map(tree, ({ encoded }) => encoded),
        product,
        products,
        categories: Effect.map(tree, ({ page }) => page),
        category
      })
    })
  )
}
