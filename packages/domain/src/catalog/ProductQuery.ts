import { Schema, SchemaTransformation } from "effect"
import { Currency } from "../kernel/Currency.ts"
import { pageQuery } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { ProductId } from "./Catalog.ts"
import { CategoryId } from "./Category.ts"
import { ProductStatus } from "./Product.ts"

export const ProductSort = Schema.Literals(["newest", "price_asc", "price_desc"]).annotate({
  identifier: "ProductSort"
})
export type ProductSort = typeof ProductSort.Type

export const maxIds = 100

/** A price bound: digits only, in minor units. */
const MinorUnitsParam = Schema.String.check(Schema.isPattern(/^\d{1,16}$/)).pipe(
  Schema.decodeTo(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    SchemaTransformation.numberFromString
  )
)

/** `a,b,c`. */
const ProductIds = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Array(ProductId).check(Schema.isBetweenLength(1, maxIds)),
    SchemaTransformation.transform({
      decode: (text: string): ReadonlyArray<string> => text.split(","),
      encode: (ids) => ids.join(",")
    })
  )
)

const filters = {
  /** Products of this category and of all below it. */
  category: Schema.optionalKey(CategoryId),
  merchant: Schema.optionalKey(MerchantId),
  /** In minor units of `currency`, inclusive, compared with the price of the cheapest SKU. */
  minPrice: Schema.optionalKey(MinorUnitsParam),
  maxPrice: Schema.optionalKey(MinorUnitsParam),
  /** With a price bound or a price order only products of one currency can be listed: this one, CNY when absent. */
  currency: Schema.optionalKey(Currency),
  sort: Schema.optionalKey(ProductSort)
}

const isOrdered = ({ minPrice, maxPrice }: { readonly minPrice?: number; readonly maxPrice?: number }) =>
  minPrice === undefined ||
  maxPrice === undefined ||
  minPrice <= maxPrice || { path: ["maxPrice"], issue: "must not be below minPrice" }

const idsStandAlone = (query: { readonly ids?: unknown }) =>
  query.ids === undefined ||
  Object.keys(query).length === 1 || { path: ["ids"], issue: "cannot be combined with other parameters" }

/** What the list of published products takes; `ids` asks for those products, in that order, and stands alone. */
export const ProductListQuery = Schema.Struct({ ids: Schema.optionalKey(ProductIds), ...filters, ...pageQuery }).check(
  Schema.makeFilter(isOrdered),
  Schema.makeFilter(idsStandAlone)
)
export type ProductListQuery = typeof ProductListQuery.Type

/** A seller's own products, whatever their state, newest first. */
export const OwnProductsQuery = Schema.Struct({
  merchantId: Schema.optionalKey(MerchantId),
  status: Schema.optionalKey(ProductStatus),
  ...pageQuery
})
