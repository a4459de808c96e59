import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { ProductId, SkuId } from "./Catalog.ts"
import { CategoryId } from "./Category.ts"
import { ProductStatus } from "./Product.ts"

/** No such product, or the caller may not see it. */
export class ProductNotFound extends Problem<ProductNotFound>()("ProductNotFound", {
  status: 404,
  title: "There is no such product",
  fields: { productId: ProductId }
}) {}

/** The product has no such SKU that is on sale. */
export class SkuNotFound extends Problem<SkuNotFound>()("SkuNotFound", {
  status: 404,
  title: "There is no such SKU",
  fields: { skuId: SkuId }
}) {}

export class CategoryNotFound extends Problem<CategoryNotFound>()("CategoryNotFound", {
  status: 404,
  title: "There is no such category",
  fields: { categoryId: CategoryId }
}) {}

/** No such shop, or it is not the caller's. */
export class MerchantNotFound extends Problem<MerchantNotFound>()("MerchantNotFound", {
  status: 404,
  title: "There is no such merchant",
  fields: { merchantId: MerchantId }
}) {}

/** The caller belongs to no shop, so the request must name one. */
export class MerchantRequired extends Problem<MerchantRequired>()("MerchantRequired", {
  status: 422,
  title: "Say for which merchant: merchantId is needed"
}) {}

/** The product's lifecycle has no such step. */
export class ProductStateConflict extends Problem<ProductStateConflict>()("ProductStateConflict", {
  status: 409,
  title: "The product's state does not allow this",
  fields: { productId: ProductId, from: ProductStatus, to: ProductStatus },
  detail: ({ from, to }) => (from === to ? `The product is ${from}` : `A product cannot go from ${from} to ${to}`)
}) {}

/** Someone else changed the product meanwhile: read it again. `version` is the present one. */
export class ProductChanged extends Problem<ProductChanged>()("ProductChanged", {
  status: 409,
  title: "The product was changed meanwhile",
  fields: { productId: ProductId, version: Schema.Int },
  detail: ({ version }) => `It is at version ${version} now`
}) {}

/** What is published needs at least one SKU, which has a price. */
export class ProductIncomplete extends Problem<ProductIncomplete>()("ProductIncomplete", {
  status: 422,
  title: "A published product needs at least one SKU with a price",
  fields: { productId: ProductId }
}) {}

export class ProductCodeTaken extends Problem<ProductCodeTaken>()("ProductCodeTaken", {
  status: 409,
  title: "Another product of this merchant has this code",
  fields: { productCode: Schema.String }
}) {}

export class SkuCodeTaken extends Problem<SkuCodeTaken>()("SkuCodeTaken", {
  status: 409,
  title: "Another SKU of this merchant has this code",
  fields: { skuCode: Schema.String }
}) {}

/** A buyer could not tell the two apart. */
export class SkuOptionsTaken extends Problem<SkuOptionsTaken>()("SkuOptionsTaken", {
  status: 409,
  title: "Another SKU of this product has the same options",
  fields: { skuCode: Schema.String },
  detail: ({ skuCode }) => `The SKU ${skuCode} has them`
}) {}

export class TooManySkus extends Problem<TooManySkus>()("TooManySkus", {
  status: 422,
  title: "The product has too many SKUs",
  fields: { limit: Schema.Int },
  detail: ({ limit }) => `At most ${limit} are allowed`
}) {}

export class CategoryCodeTaken extends Problem<CategoryCodeTaken>()("CategoryCodeTaken", {
  status: 409,
  title: "Another category has this code",
  fields: { categoryCode: Schema.String }
}) {}

/** Categories and products below it must go elsewhere first. */
export class CategoryInUse extends Problem<CategoryInUse>()("CategoryInUse", {
  status: 409,
  title: "The category holds products or other categories",
  fields: { categoryId: CategoryId }
}) {}

/** The category would become its own descendant. */
export class CategoryCycle extends Problem<CategoryCycle>()("CategoryCycle", {
  status: 409,
  title: "A category cannot be placed below itself",
  fields: { categoryId: CategoryId }
}) {}

export class CategoryTooDeep extends Problem<CategoryTooDeep>()("CategoryTooDeep", {
  status: 422,
  title: "The category tree would become too deep",
  fields: { limit: Schema.Int },
  detail: ({ limit }) => `At most ${limit} levels are allowed`
}) {}
