import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, Page } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { ProductId, SkuId } from "./Catalog.ts"
import { ProductNotFound } from "./CatalogError.ts"
import { productErrors } from "./operationErrors.ts"
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
import { ProductListQuery } from "./ProductQuery.ts"

const product = { id: ProductId }
const sku = { id: ProductId, skuId: SkuId }

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })

/** Products: read by anyone, written by the staff of their merchant and by admins. Staff changes answer with the whole product. */
export class ProductsApiGroup extends HttpApiGroup.make("products")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: ProductListQuery,
      success: Page(ProductSummary),
      error: InvalidCursor
    })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        describe(
          "List published products",
          "Filtered by category (with all below it), merchant and price; newest first, or by price. A price bound or a price order compares products of one `currency` (CNY unless named). With `ids`, and nothing else: those products in that order, missing ones left out."
        )
      ),
    HttpApiEndpoint.get("get", "/:id", { params: product, success: ProductDetail, error: ProductNotFound })
      .annotate(RequiredPermission, "public")
      .annotateMerge(
        describe(
          "Read a published product",
          "With its SKUs, prices and availability, which is at most a second old. Carries an `ETag`; `If-None-Match` answers 304."
        )
      ),
    HttpApiEndpoint.post("create", "/", {
      payload: CreateProduct,
      success: Product.pipe(HttpApiSchema.status(201)),
      error: productErrors.create
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "catalog:write")
      .annotate(Audited, "product.create")
      .annotateMerge(
        describe("Create a product", "A draft, with its first SKUs if given; publishing is a step of its own.")
      ),
    HttpApiEndpoint.patch("update", "/:id", {
      params: product,
      payload: UpdateProduct,
      success: Product,
      error: productErrors.update
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "catalog:write")
      .annotate(Audited, "product.update")
      .annotateMerge(
        describe(
          "Change a product",
          "What is absent stays. With `version` the change is made only to that version, else 409 `ProductChanged`."
        )
      ),
    HttpApiEndpoint.delete("archive", "/:id", {
      params: product,
      success: HttpApiSchema.NoContent,
      error: ProductNotFound
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "catalog:write")
      .annotate(Audited, "product.archive")
      .annotateMerge(
        describe("Archive a product", "It is sold no more and never returns; orders keep what they name.")
      ),
    HttpApiEndpoint.post("publish", "/:id/publish", {
      params: product,
      success: Product,
      error: productErrors.publish
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "catalog:write")
      .annotate(Audited, "product.publish")
      .annotateMerge(describe("Publish a product", "It needs a SKU with a price. Publishing twice changes nothing.")),
    HttpApiEndpoint.post("unpublish", "/:id/unpublish", {
      params: product,
      success: Product,
      error: productErrors.unpublish
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "catalog:write")
      .annotate(Audited, "product.unpublish")
      .annotateMerge(describe("Take a product off the shelf", "It becomes a draft again.")),
    HttpApiEndpoint.post("addSku", "/:id/skus", {
      params: product,
      payload: CreateSku,
      success: Product.pipe(HttpApiSchema.status(201)),
      error: productErrors.addSku
    })
      .middleware(Idempotent)
      .middleware(Authorization)
      .annotate(RequiredPermission, "catalog:write")
      .annotate(Audited, "sku.add")
      .annotateMerge(describe("Add a SKU", "Its code is unique in the shop, its options in the product.")),
    HttpApiEndpoint.patch("updateSku", "/:id/skus/:skuId", {
      params: sku,
      payload: UpdateSku,
      success: Product,
      error: productErrors.updateSku
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "catalog:write")
      .annotate(Audited, "sku.update")
      .annotateMerge(describe("Change a SKU", "A new price is charged from the next order on.")),
    HttpApiEndpoint.delete("archiveSku", "/:id/skus/:skuId", {
      params: sku,
      success: Product,
      error: productErrors.archiveSku
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "catalog:write")
      .annotate(Audited, "sku.archive")
      .annotateMerge(describe("Archive a SKU", "The last SKU of a published product cannot go.")),
    HttpApiEndpoint.put("setStock", "/:id/skus/:skuId/stock", {
      params: sku,
      payload: StockLevel,
      success: Schema.Struct({ skuId: SkuId, ...StockLevel.fields }),
      error: productErrors.setStock
    })
      .middleware(Authorization)
      .annotate(RequiredPermission, "stock:write")
      .annotate(Audited, "stock.set")
      .annotateMerge(
        describe("Set the stock of a SKU", "The number of pieces on hand, those reserved by open orders included.")
      )
  )
  .prefix("/api/v1/products")
  .annotateMerge(OpenApi.annotations({ title: "Products", description: "What the mall sells" })) {}
