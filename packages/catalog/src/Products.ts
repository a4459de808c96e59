import { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import {
  CategoryNotFound,
  MerchantNotFound,
  MerchantRequired,
  ProductChanged,
  ProductIncomplete,
  ProductStateConflict
} from "@mall/domain/catalog/CatalogError"
import type { ProductCodeTaken, ProductNotFound } from "@mall/domain/catalog/CatalogError"
import type { CategoryId } from "@mall/domain/catalog/Category"
import { productLifecycle } from "@mall/domain/catalog/Product"
import type { CreateProduct, Product, ProductStatus, UpdateProduct } from "@mall/domain/catalog/Product"
import type { OwnProductsQuery } from "@mall/domain/catalog/ProductQuery"
import { generator } from "@mall/domain/kernel/Id"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf, transactionOf } from "@mall/platform/Tenancy"
import { Context, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { activeSkus, makeProductChange, requireEditable } from "./productChange.ts"
import { ProductRepo } from "./ProductRepo.ts"
import { tenantOf } from "./Seller.ts"
import type { Seller } from "./Seller.ts"
import { checkBeside } from "./skuRules.ts"
import type { SkuRuleError } from "./Skus.ts"

const ownCursor = cursorOf(ProductId)
const nextSkuId = generator(SkuId)
const noText = { zh: "", en: "" }

/**
 * What sellers do with their products. Each change answers with the whole product as it is after it, and is visible to the
 * next read of this process when it answers, to other processes moments later. Others' products are not found.
 */
export class Products extends Context.Service<
  Products,
  {
    /** Makes a draft under `operationId`; where that product exists already, answers with it, or with `ProductNotFound` where it is another's. */
    create(
      seller: Seller,
      operationId: string,
      input: typeof CreateProduct.Type
    ): Effect.Effect<
      Product,
      MerchantRequired | MerchantNotFound | CategoryNotFound | ProductCodeTaken | ProductNotFound | SkuRuleError
    >
    update(
      seller: Seller,
      id: ProductId,
      change: typeof UpdateProduct.Type
    ): Effect.Effect<
      Product,
      ProductNotFound | ProductStateConflict | ProductChanged | ProductCodeTaken | CategoryNotFound
    >
    publish(
      seller: Seller,
      id: ProductId
    ): Effect.Effect<Product, ProductNotFound | ProductStateConflict | ProductIncomplete>
    unpublish(seller: Seller, id: ProductId): Effect.Effect<Product, ProductNotFound | ProductStateConflict>
    archive(seller: Seller, id: ProductId): Effect.Effect<void, ProductNotFound>
    getOwn(seller: Seller, id: ProductId): Effect.Effect<Product, ProductNotFound>
    listOwn(
      seller: Seller,
      query: typeof OwnProductsQuery.Type
    ): Effect.Effect<Page<Product>, InvalidCursor | MerchantRequired>
  }
>()("@mall/catalog/Products") {
  static readonly layerNoDeps = Layer.effect(
    Products,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* ProductRepo
      const change = yield* makeProductChange
      const audit = yield* makeAuditRecorder

      /** The key-share lock keeps the row until commit, so that the foreign key cannot fail afterwards. */
      const requireCategory = Effect.fnUntraced(function* (id: CategoryId) {
        const rows = yield* sql`SELECT 1 FROM catalog.categories WHERE id = ${id} FOR KEY SHARE`
        if (rows.length === 0) return yield* new CategoryNotFound({ categoryId: id })
      })

      const requireMerchant = Effect.fnUntraced(function* (seller: Seller, given: MerchantId | undefined) {
        const own = seller.shop === "every" ? given : Option.getOrUndefined(seller.shop)
        if (own === undefined) return yield* new MerchantRequired({})
        if (given !== undefined && given !== own) return yield* new MerchantNotFound({ merchantId: given })
        const rows = yield* sql`SELECT 1 FROM catalog.merchants WHERE id = ${own} FOR KEY SHARE`
        return rows.length === 0 ? yield* new MerchantNotFound({ merchantId: own }) : own
      })

      const create = Effect.fn("Products.create")(function* (
        seller: Seller,
        operationId: string,
        input: typeof CreateProduct.Type
      ) {
        const id = ProductId.make(operationId)
        const skus = (input.skus ?? []).map((sku) => ({ ...sku, options: sku.options ?? {} }))
        for (const [index, sku] of skus.entries()) yield* checkBeside(sku, skus.slice(0, index))
        return yield* Effect.gen(function* () {
          const merchantId = yield* requireMerchant(seller, input.merchantId)
          yield* requireCategory(input.categoryId)
          const isNew = yield* repo.insert({
            id,
            merchantId,
            code: input.code ?? null,
            categoryId: input.categoryId,
            title: input.title,
            description: input.description ?? noText,
            images: input.images ?? []
          })
          // an id that a caller chose may be another shop's product
          const product = yield* repo.lockOwn(seller, id)
          if (!isNew) return product
          for (const sku of skus) yield* repo.insertSku(product, { ...sku, id: yield* nextSkuId }, seller)
          if (skus.length > 0) yield* repo.refresh(id)
          const after = yield* repo.findOwn(seller, id).pipe(Effect.catchTag("ProductNotFound", Effect.die))
          yield* audit.record({ action: "product.create", resource: { type: "product", id }, merchantId, after })
          return after
        }).pipe(
          transactionOf(sql, "mall_store_tenant", tenantOf(seller)),
          retryConflicts,
          Effect.catchTag("SqlError", Effect.die)
        )
      })

      const update = Effect.fn("Products.update")(
        (seller: Seller, id: ProductId, { version, ...given }: typeof UpdateProduct.Type) =>
          change(
            "product.update",
            seller,
            id,
            Effect.fnUntraced(function* (locked) {
              yield* requireEditable(locked)
              if (version !== undefined && version !== locked.version) {
                return yield* new ProductChanged({ productId: id, version: locked.version })
              }
              if (given.categoryId !== undefined) yield* requireCategory(given.categoryId)
              yield* repo.updateTexts(id, { ...locked, ...given })
            })
          )
      )

      const moveTo = (action: AuditAction, seller: Seller, id: ProductId, to: ProductStatus) =>
        change(
          action,
          seller,
          id,
          Effect.fnUntraced(function* (locked) {
            if (locked.status === to) return
            if (!productLifecycle.can(locked.status, to)) {
              return yield* new ProductStateConflict({ productId: id, from: locked.status, to })
            }
            if (to === "published" && activeSkus(locked).length === 0) {
              return yield* new ProductIncomplete({ productId: id })
            }
            yield* repo.setStatus(locked, to, seller)
          })
        )

      const publish = Effect.fn("Products.publish")((seller: Seller, id: ProductId) =>
        moveTo("product.publish", seller, id, "published")
      )

      const unpublish = Effect.fn("Products.unpublish")((seller: Seller, id: ProductId) =>
        moveTo("product.unpublish", seller, id, "draft").pipe(Effect.catchTag("ProductIncomplete", Effect.die))
      )

      const archive = Effect.fn("Products.archive")((seller: Seller, id: ProductId) =>
        moveTo("product.archive", seller, id, "archived").pipe(
          Effect.asVoid,
          // every state may be archived
          Effect.catchTags({ ProductIncomplete: Effect.die, ProductStateConflict: Effect.die })
        )
      )

      const getOwn = Effect.fn("Products.getOwn")((seller: Seller, id: ProductId) =>
        repo
          .findOwn(seller, id)
          .pipe(readsOf(sql, "mall_store_tenant", tenantOf(seller)), Effect.catchTag("SqlError", Effect.die))
      )

      const listOwn = Effect.fn("Products.listOwn")(function* (
        seller: Seller,
        { after, limit = defaultLimit, merchantId, status }: typeof OwnProductsQuery.Type
      ) {
        if (seller.shop !== "every" && Option.isNone(seller.shop)) return yield* new MerchantRequired({})
        const before = after === undefined ? Option.none() : Option.some(yield* ownCursor.decode(after))
        const rows = yield* repo
          .listOwn(seller, {
            merchantId: Option.fromUndefinedOr(merchantId),
            status: Option.fromUndefinedOr(status),
            before,
            limit
          })
          .pipe(readsOf(sql, "mall_store_tenant", tenantOf(seller)), Effect.catchTag("SqlError", Effect.die))
        return toPage(rows, limit, ({ id }) => ownCursor.encode(id))
      })

      return Products.of({
        create,
        update,
        publish,
        unpublish,
        archive,
        getOwn,
        listOwn
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(ProductRepo.layer))
}
