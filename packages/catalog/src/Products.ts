import { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import {
  CategoryNotFound,
  MerchantNotFound,
  MerchantRequired,
  ProductChanged,
  ProductIncomplete,
  ProductStateConflict,
  SkuNotFound,
  TooManySkus
} from "@mall/domain/catalog/CatalogError"
import type {
  ProductCodeTaken,
  ProductNotFound,
  SkuCodeTaken,
  SkuOptionsTaken
} from "@mall/domain/catalog/CatalogError"
import type { CategoryId } from "@mall/domain/catalog/Category"
import { maxSkus, productLifecycle } from "@mall/domain/catalog/Product"
import type {
  CreateProduct,
  CreateSku,
  Product,
  ProductStatus,
  StockLevel,
  UpdateProduct,
  UpdateSku
} from "@mall/domain/catalog/Product"
import type { OwnProductsQuery } from "@mall/domain/catalog/ProductQuery"
import { generator } from "@mall/domain/kernel/Id"
import type { CurrencyMismatch } from "@mall/domain/kernel/Money"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Stock } from "@mall/domain/trade/Stock"
import type { StockBelowReserved } from "@mall/domain/trade/Stock"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { CatalogChanges } from "./CatalogChanges.ts"
import { ProductRepo } from "./ProductRepo.ts"
import type { Seller } from "./Seller.ts"
import { checkBeside } from "./skuRules.ts"

type SkuRuleError = SkuCodeTaken | SkuOptionsTaken | CurrencyMismatch

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
    /** Makes a draft under `operationId`; where that product exists already, answers with it. */
    create(
      seller: Seller,
      operationId: string,
      input: typeof CreateProduct.Type
    ): Effect.Effect<Product, MerchantRequired | MerchantNotFound | CategoryNotFound | ProductCodeTaken | SkuRuleError>
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
    addSku(
      seller: Seller,
      operationId: string,
      id: ProductId,
      input: typeof CreateSku.Type
    ): Effect.Effect<Product, ProductNotFound | ProductStateConflict | SkuRuleError | TooManySkus>
    updateSku(
      seller: Seller,
      id: ProductId,
      skuId: SkuId,
      change: typeof UpdateSku.Type
    ): Effect.Effect<Product, ProductNotFound | SkuNotFound | ProductStateConflict | SkuRuleError>
    /** Refused for the last SKU of a published product. */
    archiveSku(
      seller: Seller,
      id: ProductId,
      skuId: SkuId
    ): Effect.Effect<Product, ProductNotFound | SkuNotFound | ProductStateConflict | ProductIncomplete>
    setStock(
      seller: Seller,
      id: ProductId,
      skuId: SkuId,
      level: typeof StockLevel.Type
    ): Effect.Effect<
      { readonly skuId: SkuId; readonly onHand: number },
      ProductNotFound | SkuNotFound | StockBelowReserved
    >
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
      const changes = yield* CatalogChanges
      const stock = yield* Stock

      const transaction = <A, E>(effect: Effect.Effect<A, E>) =>
        effect.pipe(sql.withTransaction, retryConflicts, Effect.catchTag("SqlError", Effect.die))

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

      /** Locks, lets `work` write, tells the caches and answers with what is there now: all in one transaction. */
      const change = <A, E>(seller: Seller, id: ProductId, work: (locked: Product) => Effect.Effect<A, E>) =>
        repo
          .lockOwn(seller, id)
          .pipe(
            Effect.flatMap(work),
            Effect.andThen(changes.productsChanged([id])),
            Effect.andThen(repo.findOwn(seller, id)),
            transaction
          )

      const requireEditable = Effect.fnUntraced(function* ({ id, status }: Product) {
        if (productLifecycle.isFinal(status)) {
          return yield* new ProductStateConflict({ productId: id, from: status, to: status })
        }
      })

      const requireActive = Effect.fnUntraced(function* (product: Product, skuId: SkuId) {
        const sku = product.skus.find(({ id, status }) => id === skuId && status === "active")
        return sku ?? (yield* new SkuNotFound({ skuId }))
      })

      const activeSkus = (product: Product) => product.skus.filter(({ status }) => status === "active")

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
          const product = yield* repo.lockOwn(seller, id).pipe(Effect.catchTag("ProductNotFound", Effect.die))
          if (!isNew || skus.length === 0) return product
          for (const sku of skus) yield* repo.insertSku(product, { ...sku, id: yield* nextSkuId }, seller)
          yield* repo.refresh(id)
          return yield* repo.findOwn(seller, id).pipe(Effect.catchTag("ProductNotFound", Effect.die))
        }).pipe(transaction)
      })

      const update = Effect.fn("Products.update")(
        (seller: Seller, id: ProductId, { version, ...given }: typeof UpdateProduct.Type) =>
          change(
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

      const moveTo = (seller: Seller, id: ProductId, to: ProductStatus) =>
        change(
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

      const publish = Effect.fn("Products.publish")((seller: Seller, id: ProductId) => moveTo(seller, id, "published"))

      const unpublish = Effect.fn("Products.unpublish")((seller: Seller, id: ProductId) =>
        moveTo(seller, id, "draft").pipe(Effect.catchTag("ProductIncomplete", Effect.die))
      )

      const archive = Effect.fn("Products.archive")((seller: Seller, id: ProductId) =>
        moveTo(seller, id, "archived").pipe(
          Effect.asVoid,
          // every state may be archived
          Effect.catchTags({ ProductIncomplete: Effect.die, ProductStateConflict: Effect.die })
        )
      )

      const addSku = Effect.fn("Products.addSku")(
        (seller: Seller, operationId: string, id: ProductId, input: typeof CreateSku.Type) =>
          change(
            seller,
            id,
            Effect.fnUntraced(function* (locked) {
              const skuId = SkuId.make(operationId)
              if (locked.skus.some((sku) => sku.id === skuId)) return
              yield* requireEditable(locked)
              if (locked.skus.length >= maxSkus) return yield* new TooManySkus({ limit: maxSkus })
              const sku = { ...input, id: skuId, options: input.options ?? {} }
              yield* checkBeside(sku, activeSkus(locked))
              yield* repo.insertSku(locked, sku, seller)
              yield* repo.refresh(id)
            })
          )
      )

      const updateSku = Effect.fn("Products.updateSku")(
        (seller: Seller, id: ProductId, skuId: SkuId, given: typeof UpdateSku.Type) =>
          change(
            seller,
            id,
            Effect.fnUntraced(function* (locked) {
              yield* requireEditable(locked)
              const present = yield* requireActive(locked, skuId)
              const sku = { ...present, ...given }
              yield* checkBeside(
                sku,
                activeSkus(locked).filter((other) => other.id !== skuId)
              )
              yield* repo.updateSku(sku, !sku.price.equals(present.price), seller)
              yield* repo.refresh(id)
            })
          )
      )

      const archiveSku = Effect.fn("Products.archiveSku")((seller: Seller, id: ProductId, skuId: SkuId) =>
        change(
          seller,
          id,
          Effect.fnUntraced(function* (locked) {
            yield* requireEditable(locked)
            yield* requireActive(locked, skuId)
            if (locked.status === "published" && activeSkus(locked).length === 1) {
              return yield* new ProductIncomplete({ productId: id })
            }
            yield* repo.archiveSku(skuId)
            yield* repo.refresh(id)
          })
        )
      )

      const getOwn = Effect.fn("Products.getOwn")((seller: Seller, id: ProductId) =>
        repo.findOwn(seller, id).pipe(Effect.catchTag("SqlError", Effect.die))
      )

      const setStock = Effect.fn("Products.setStock")(function* (
        seller: Seller,
        id: ProductId,
        skuId: SkuId,
        { onHand }: typeof StockLevel.Type
      ) {
        const product = yield* getOwn(seller, id)
        yield* requireActive(product, skuId)
        yield* stock.setOnHand([{ skuId, onHand }], seller.actor)
        return { skuId, onHand }
      })

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
          .pipe(Effect.catchTag("SqlError", Effect.die))
        return toPage(rows, limit, ({ id }) => ownCursor.encode(id))
      })

      return Products.of({
        create,
        update,
        publish,
        unpublish,
        archive,
        addSku,
        updateSku,
        archiveSku,
        setStock,
        getOwn,
        listOwn
      })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(ProductRepo.layer))
}
