import type { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import { ProductStateConflict, SkuNotFound } from "@mall/domain/catalog/CatalogError"
import { productLifecycle } from "@mall/domain/catalog/Product"
import type { Product } from "@mall/domain/catalog/Product"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { transactionOf } from "@mall/platform/Tenancy"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { CatalogChanges } from "./CatalogChanges.ts"
import { ProductRepo } from "./ProductRepo.ts"
import { tenantOf } from "./Seller.ts"
import type { Seller } from "./Seller.ts"

/**
 * Makes the one way in which a product changes: its row is locked, `work` writes, the caches hear of it, and the answer is
 * the product as it is then, all in one transaction, with a line in the audit trail where something differs.
 */
export const makeProductChange = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const repo = yield* ProductRepo
  const changes = yield* CatalogChanges
  const audit = yield* makeAuditRecorder
  return <A, E>(action: AuditAction, seller: Seller, id: ProductId, work: (locked: Product) => Effect.Effect<A, E>) =>
    Effect.gen(function* () {
      const before = yield* repo.lockOwn(seller, id)
      yield* work(before)
      yield* changes.productsChanged([id])
      const after = yield* repo.findOwn(seller, id)
      yield* audit.record({ action, resource: { type: "product", id }, merchantId: after.merchantId, before, after })
      return after
    }).pipe(
      transactionOf(sql, "mall_store_tenant", tenantOf(seller)),
      retryConflicts,
      Effect.catchTag("SqlError", Effect.die)
    )
})

export const requireEditable = Effect.fnUntraced(function* ({ id, status }: Product) {
  if (productLifecycle.isFinal(status)) {
    return yield* new ProductStateConflict({ productId: id, from: status, to: status })
  }
})

export const activeSkus = (product: Product) => product.skus.filter(({ status }) => status === "active")

export const requireActive = Effect.fnUntraced(function* (product: Product, skuId: SkuId) {
  const sku = activeSkus(product).find(({ id }) => id === skuId)
  return sku ?? (yield* new SkuNotFound({ skuId }))
})
