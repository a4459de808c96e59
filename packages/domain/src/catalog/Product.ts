import { Schema } from "effect"
import { LocalizedText } from "../kernel/LocalizedText.ts"
import { Money, PositiveMoney } from "../kernel/Money.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import * as StateMachine from "../kernel/StateMachine.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { BilingualText } from "./BilingualText.ts"
import { ProductId, SkuId } from "./Catalog.ts"
import { CategoryId } from "./Category.ts"

export const ProductStatus = Schema.Literals(["draft", "published", "archived"]).annotate({
  identifier: "ProductStatus"
})
export type ProductStatus = typeof ProductStatus.Type

/** Only what is published is shown and sold. An archived product stays for the orders that name it, and never returns. */
export const productLifecycle = StateMachine.make<ProductStatus>({
  draft: ["published", "archived"],
  published: ["draft", "archived"],
  archived: []
})

export const SkuStatus = Schema.Literals(["active", "archived"]).annotate({ identifier: "SkuStatus" })

export const maxImages = 12
export const maxSkus = 100

/** The address of a picture as a seller gives it. */
export const ImageUrl = PlainText(2048).check(
  Schema.makeFilter(
    (text: string) => (/^https:\/\/[^\s"'<>\\]+$/.test(text) && URL.canParse(text)) || "must be an https address"
  )
)

/** A seller's own number for a product or a SKU, unique in the shop. */
export const ItemCode = NonBlankText(64).check(
  Schema.makeFilter((code: string) => code.trim() === code || "must not begin or end with a space")
)

const isOptionName = Schema.is(NonBlankText(40))

/**
 * The choices that make a SKU, such as `{ "colour": "red", "size": "M" }`; none for the only SKU of a product. The names are
 * checked by hand: a record drops the keys that its key schema does not take.
 */
export const SkuOptions = Schema.Record(Schema.String, NonBlankText(80)).check(
  Schema.isMaxProperties(8),
  Schema.makeFilter(
    (options) => Object.keys(options).every(isOptionName) || "needs names of 1 to 40 characters for its options"
  )
)

const texts = {
  categoryId: CategoryId,
  title: BilingualText(300),
  description: Schema.Struct({ zh: PlainText(10_000), en: PlainText(10_000) }),
  images: Schema.Array(ImageUrl).check(Schema.isMaxLength(maxImages))
}

const identity = {
  id: ProductId,
  merchantId: MerchantId,
  categoryId: CategoryId,
  title: LocalizedText
}

const described = {
  description: texts.description,
  images: Schema.Array(Schema.String)
}

/** A SKU as its seller sees it. */
export class Sku extends Schema.Class<Sku>("Sku")({
  id: SkuId,
  code: ItemCode,
  options: SkuOptions,
  price: Money,
  status: SkuStatus
}) {}

/** A product as its seller sees it, in any state. `version` grows with every change of it or of its SKUs. */
export class Product extends Schema.Class<Product>("Product")({
  ...identity,
  ...described,
  code: Schema.NullOr(ItemCode),
  status: ProductStatus,
  version: Schema.Int,
  createdAt: Schema.Date,
  updatedAt: Schema.Date,
  publishedAt: Schema.NullOr(Schema.Date),
  skus: Schema.Array(Sku)
}) {}

/** A SKU as a buyer sees it. `available` is at most a moment old and promises nothing: the order decides. */
export class SkuOffer extends Schema.Class<SkuOffer>("SkuOffer")({
  id: SkuId,
  code: ItemCode,
  options: SkuOptions,
  price: Money,
  available: Schema.Int
}) {}

/** A published product as a buyer sees it. */
export class ProductDetail extends Schema.Class<ProductDetail>("ProductDetail")({
  ...identity,
  ...described,
  merchantName: LocalizedText,
  priceFrom: Money,
  publishedAt: Schema.Date,
  updatedAt: Schema.Date,
  skus: Schema.Array(SkuOffer)
}) {}

/** A published product in a list. `priceFrom` is the price of its cheapest SKU. */
export class ProductSummary extends Schema.Class<ProductSummary>("ProductSummary")({
  ...identity,
  merchantName: LocalizedText,
  imageUrl: Schema.NullOr(Schema.String),
  priceFrom: Money,
  publishedAt: Schema.Date
}) {}

export const CreateSku = Schema.Struct({
  code: ItemCode,
  options: Schema.optionalKey(SkuOptions),
  /** All SKUs of a product are priced in one currency. */
  price: PositiveMoney
}).annotate({ identifier: "CreateSku" })

export const UpdateSku = Schema.Struct({
  code: Schema.optionalKey(ItemCode),
  options: Schema.optionalKey(SkuOptions),
  price: Schema.optionalKey(PositiveMoney)
}).annotate({ identifier: "UpdateSku" })

export const CreateProduct = Schema.Struct({
  /** The shop that sells it: needed from an admin, the caller's own for merchant staff. */
  merchantId: Schema.optionalKey(MerchantId),
  code: Schema.optionalKey(ItemCode),
  categoryId: texts.categoryId,
  title: texts.title,
  description: Schema.optionalKey(texts.description),
  images: Schema.optionalKey(texts.images),
  skus: Schema.optionalKey(Schema.Array(CreateSku).check(Schema.isMaxLength(maxSkus)))
}).annotate({ identifier: "CreateProduct" })

/** What is absent stays as it is. With `version`, the change is made only to that version of the product. */
export const UpdateProduct = Schema.Struct({
  version: Schema.optionalKey(Schema.Int),
  code: Schema.optionalKey(ItemCode),
  categoryId: Schema.optionalKey(texts.categoryId),
  title: Schema.optionalKey(texts.title),
  description: Schema.optionalKey(texts.description),
  images: Schema.optionalKey(texts.images)
}).annotate({ identifier: "UpdateProduct" })

/** How many pieces lie in the warehouse: the whole number, not a difference. */
export const StockLevel = Schema.Struct({
  onHand: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000 }))
}).annotate({ identifier: "StockLevel" })
