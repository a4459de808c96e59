import { Context, Schema } from "effect"
import type { Effect } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { LocalizedText } from "../kernel/LocalizedText.ts"
import { Money } from "../kernel/Money.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { CategoryId } from "./Category.ts"

export const ProductId = Uuid7.pipe(Schema.brand("ProductId"), Schema.annotate({ identifier: "ProductId" }))
export type ProductId = typeof ProductId.Type

export const SkuId = Uuid7.pipe(Schema.brand("SkuId"), Schema.annotate({ identifier: "SkuId" }))
export type SkuId = typeof SkuId.Type

/** What selling one piece of a SKU means right now: the snapshot an order line keeps. */
export class SkuQuote extends Schema.Class<SkuQuote>("SkuQuote")({
  skuId: SkuId,
  productId: ProductId,
  merchantId: MerchantId,
  /** The category of the product, after all its ancestors from the root. */
  categories: Schema.Array(CategoryId),
  title: LocalizedText,
  /** The choices that make this SKU, such as `{ colour: "red", size: "M" }`. */
  options: Schema.Record(Schema.String, Schema.String),
  imageUrl: Schema.NullOr(Schema.String),
  unitPrice: Money
}) {}

/**
 * The port through which trade asks what a SKU is and costs. Owned by catalog. Both methods answer for published
 * products only: a SKU that is missing from the map cannot be bought.
 *
 * `quote` may be served from a cache that pushed invalidation keeps within moments of the truth: for showing. Where a
 * category has moved in the tree, its `categories` are those of before until the product itself changes.
 * `quoteForSale` reads the database: for charging. Concurrent calls share one query.
 */
export class Catalog extends Context.Service<
  Catalog,
  {
    quote(skuIds: ReadonlyArray<SkuId>): Effect.Effect<ReadonlyMap<SkuId, SkuQuote>>
    quoteForSale(skuIds: ReadonlyArray<SkuId>): Effect.Effect<ReadonlyMap<SkuId, SkuQuote>>
  }
>()("@mall/domain/catalog/Catalog") {}
