import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { InvalidCursor, Page } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { ProductId, SkuId } from "./Catalog.ts"
import { MerchantRequired, ProductNotFound, SkuNotFound } from "./CatalogError.ts"
import { Category, CategoryId, CreateCategory, UpdateCategory } from "./Category.ts"
import {
  CreateProduct,
  CreateSku,
  Product,
  ProductDetail,
  ProductSummary,
  StockLevel,
  UpdateProduct,
  UpdateSku
} from "./Product.ts"
import { categoryErrors, productErrors } from "./operationErrors.ts"
import { OwnProductsQuery, ProductListQuery } from "./ProductQuery.ts"

/** Browsing, for front ends: no token is needed. */
export class CatalogStorefrontRpcs extends RpcGroup.make(
  Rpc.make("products.list", {
    payload: Schema.toType(ProductListQuery),
    success: Page(ProductSummary),
    error: InvalidCursor
  }),
  Rpc.make("products.get", { payload: { id: ProductId }, success: ProductDetail, error: ProductNotFound }),
  Rpc.make("categories.list", { success: Page(Category) })
).annotateRpcs(RequiredPermission, "public") {}

/** Names what a create makes: a retry with the same id finds it instead of making a second one. */
const operation = { operationId: Schema.optionalKey(Uuid7) }

const product = { id: ProductId }
const sku = { id: ProductId, skuId: SkuId }

const productRpcs = RpcGroup.make(
  Rpc.make("products.listOwn", {
    payload: Schema.toType(OwnProductsQuery),
    success: Page(Product),
    error: Schema.Union([InvalidCursor, MerchantRequired])
  }).annotate(Audited, "nothing"),
  Rpc.make("products.getOwn", { payload: product, success: Product, error: ProductNotFound }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("products.create", {
    payload: { ...operation, product: CreateProduct },
    success: Product,
    // a name that the caller chose may be another shop's product
    error: Schema.Union([...productErrors.create, ProductNotFound])
  }).annotate(Audited, "product.create"),
  Rpc.make("products.update", {
    payload: { ...product, change: UpdateProduct },
    success: Product,
    error: Schema.Union(productErrors.update)
  }).annotate(Audited, "product.update"),
  Rpc.make("products.publish", {
    payload: product,
    success: Product,
    error: Schema.Union(productErrors.publish)
  }).annotate(Audited, "product.publish"),
  Rpc.make("products.unpublish", {
    payload: product,
    success: Product,
    error: Schema.Union(productErrors.unpublish)
  }).annotate(Audited, "product.unpublish"),
  Rpc.make("products.archive", { payload: product, error: ProductNotFound }).annotate(Audited, "product.archive"),
  Rpc.make("products.addSku", {
    payload: { ...operation, ...product, sku: CreateSku },
    success: Product,
    // a name that the caller chose may be another product's SKU
    error: Schema.Union([...productErrors.addSku, SkuNotFound])
  }).annotate(Audited, "sku.add"),
  Rpc.make("products.updateSku", {
    payload: { ...sku, change: UpdateSku },
    success: Product,
    error: Schema.Union(productErrors.updateSku)
  }).annotate(Audited, "sku.update"),
  Rpc.make("products.archiveSku", {
    payload: sku,
    success: Product,
    error: Schema.Union(productErrors.archiveSku)
  }).annotate(Audited, "sku.archive")
).annotateRpcs(RequiredPermission, "catalog:write")

const stockRpcs = RpcGroup.make(
  Rpc.make("products.setStock", {
    payload: { ...sku, ...StockLevel.fields },
    error: Schema.Union(productErrors.setStock)
  }).annotate(Audited, "stock.set")
).annotateRpcs(RequiredPermission, "stock:write")

const categoryRpcs = RpcGroup.make(
  Rpc.make("categories.create", {
    payload: { ...operation, category: CreateCategory },
    success: Category,
    error: Schema.Union(categoryErrors.create)
  }).annotate(Audited, "category.create"),
  Rpc.make("categories.update", {
    payload: { id: CategoryId, change: UpdateCategory },
    success: Category,
    error: Schema.Union(categoryErrors.update)
  }).annotate(Audited, "category.update"),
  Rpc.make("categories.remove", {
    payload: { id: CategoryId },
    error: Schema.Union(categoryErrors.remove)
  }).annotate(Audited, "category.remove")
).annotateRpcs(RequiredPermission, "categories:write")

/** Keeping shop, for merchants' and operators' consoles: the same services as the HTTP endpoints. */
export class CatalogAdminRpcs extends productRpcs.merge(stockRpcs, categoryRpcs).middleware(RpcAuthorization) {}
