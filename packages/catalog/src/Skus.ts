import { SkuId } from "@mall/domain/catalog/Catalog"
import type { ProductId } from "@mall/domain/catalog/Catalog"
import { ProductIncomplete, SkuNotFound, TooManySkus } from "@mall/domain/catalog/CatalogError"
import type {
  ProductNotFound,
  ProductStateConflict,
  SkuCodeTaken,
  SkuOptionsTaken
} from "@mall/domain/catalog/CatalogError"
import { maxSkus } from "@mall/domain/catalog/Product"
import type { CreateSku, Product, StockLevel, UpdateSku } from "@mall/domain/catalog/Product"
import type { CurrencyMismatch } from "@mall/domain/kernel/Money"
import { Stock } from "@mall/domain/trade/Stock"
import type { StockBelowReserved } from "@mall/domain/trade/Stock"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { transactionOf } from "@mall/platform/Tenancy"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { activeSkus, makeProductChange, requireActive, requireEditable } from "./productChange.ts"
import { ProductRepo } from "./ProductRepo.ts"
import { tenantOf } from "./Seller.ts"
import type { Seller } from "./Seller.ts"
import { checkBeside } from "./skuRules.ts"

/** Why a SKU may not stand beside the others of its product or shop. */
export type SkuRuleError = SkuCodeTaken | SkuOptionsTaken | CurrencyMismatch

/** What sellers do with the SKUs of their products; see `Products` for what the answers mean. */
export class Skus extends Context.Service<
  Skus,
  {
    /**
     * Makes a SKU under `operationId`; where the product has that SKU already, nothing changes. Where it is another product's,
     * it is `SkuNotFound`.
     */
    add(
      seller: Seller,
      operationId: string,
      id: ProductId,
      input: typeof CreateSku.Type
    ): Effect.Effect<Product, ProductNotFound | SkuNotFound | ProductStateConflict | SkuRuleError | TooManySkus>
    update(
      seller: Seller,
      id: ProductId,
      skuId: SkuId,
      change: typeof UpdateSku.Type
    ): Effect.Effect<Product, ProductNotFound | SkuNotFound | ProductStateConflict | SkuRuleError>
    /** Refused for the last SKU of a published product. */
    archive(
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
  }
>()("@mall/catalog/Skus") {
  static readonly layerNoDeps = Layer.effect(
    Skus,
    Effect.gen(function* () {
      const repo = yield* ProductRepo
      const stock = yield* Stock
      const change = yield* makeProductChange
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder

      const add = Effect.fn("Skus.add")(
        (seller: Seller, operationId: string, id: ProductId, input: typeof CreateSku.Type) =>
          change(
            "sku.add",
            seller,
            id,
            Effect.fnUntraced(function* (locked) {
              const skuId = SkuId.make(operationId)
              if (locked.skus.some((sku) => sku.id === skuId)) return
              yield* requireEditable(locked)
              if (locked.skus.length >= maxSkus) return yield* new TooManySkus({ limit: maxSkus })
              const sku = { ...input, id: skuId, options: input.options ?? {} }
              yield* checkBeside(sku, activeSkus(locked))
              if (!(yield* repo.insertSku(locked, sku, seller))) return yield* new SkuNotFound({ skuId })
              yield* repo.refresh(id)
            })
          )
      )

      const update = Effect.fn("Skus.update")(
        (seller: Seller, id: ProductId, skuId: SkuId, given: typeof UpdateSku.Type) =>
          change(
            "sku.update",
            seller,
            id,
            Effect.fnUntraced(function* (locked) {
              yield* requireEditable(locked)
              const present = yield* requireActive(locked, skuId)
              const sku = { ...present, ...given }
              const others = activeSkus(locked).filter((other) => other.id !== skuId)
              yield* checkBeside(sku, others)
              yield* repo.updateSku(sku, !sku.price.equals(present.price), seller)
              yield* repo.refresh(id)
            })
          )
      )

      const archive = Effect.fn("Skus.archive")((seller: Seller, id: ProductId, skuId: SkuId) =>
        change(
          "sku.archive",
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

      const setStock = Effect.fn("Skus.setStock")(
        (seller: Seller, id: ProductId, skuId: SkuId, { onHand }: typeof StockLevel.Type) =>
          Effect.gen(function* () {
            const product = yield* repo.findOwn(seller, id)
            yield* requireActive(product, skuId)
            const { merchantId } = product
            const before = yield* stock.setOnHand([{ skuId, merchantId, onHand }], seller.actor)
            yield* audit.record({
              action: "stock.set",
              resource: { type: "sku", id: skuId },
              merchantId,
              before: { onHand: before.get(skuId) ?? 0 },
              after: { onHand }
            })
            return { skuId, onHand }
          }).pipe(
            transactionOf(sql, "mall_store_tenant", tenantOf(seller)),
            retryConflicts,
            Effect.catchTag("SqlError", Effect.die)
          )
      )

      return Skus.of({ add, update, archive, setStock })
    })
  )

  static readonly layer = this.layerNoDeps.pipe(Layer.provide(ProductRepo.layer))
}
