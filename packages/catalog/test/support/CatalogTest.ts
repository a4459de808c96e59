import { CategoryId } from "@mall/domain/catalog/Category"
import { SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { Principal } from "@mall/domain/identity/CurrentUser"
import type { Role } from "@mall/domain/identity/Permission"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Notifications } from "@mall/platform/Notifications"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as CatalogServices from "../../src/CatalogServices.ts"
import { Categories } from "../../src/Categories.ts"
import { Products } from "../../src/Products.ts"
import { sellerOf } from "../../src/Seller.ts"
import { StockMemory } from "./StockMemory.ts"

/** The catalogue on a database of its own, with its neighbours in memory. */
export const CatalogTest = CatalogServices.layer.pipe(
  Layer.provideMerge(StockMemory.layer),
  Layer.provideMerge(Notifications.layer),
  Layer.provideMerge(TestDatabase)
)

/** A fresh UUIDv7, to name an operation. */
export const nextId: Effect.Effect<string> = generator(Uuid7.pipe(Schema.brand("TestId")))
const nextMerchantId = generator(MerchantId)
const nextUserId = generator(UserId)
const nextSessionId = generator(SessionId)
const nextCategoryId = generator(CategoryId)

export const cny = (amount: number) => Money.of(amount, "CNY")
export const text = (en: string) => ({ zh: `${en}（中文）`, en })

export const makeMerchant = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const id = yield* nextMerchantId
  yield* sql`INSERT INTO catalog.merchants (id, code, name, created_at)
    VALUES (${id}, ${`shop-${id}`}, '{"zh":"店","en":"Shop"}', now())`
  return id
})

export const principal = Effect.fnUntraced(function* (role: Role, merchantId?: MerchantId) {
  return new Principal({
    userId: yield* nextUserId,
    sessionId: yield* nextSessionId,
    roles: [role],
    merchantId: Option.fromUndefinedOr(merchantId),
    expiresAt: DateTime.toDateUtc(DateTime.makeUnsafe("2099-01-01T00:00:00Z"))
  })
})

/** A new shop and someone who works there. */
export const makeSeller = Effect.gen(function* () {
  const merchantId = yield* makeMerchant
  return { merchantId, seller: sellerOf(yield* principal("merchant", merchantId)) }
})

export const admin = Effect.map(principal("admin"), sellerOf)

export const makeCategory = Effect.fnUntraced(function* (parentId: CategoryId | null = null) {
  const categories = yield* Categories
  const id = yield* nextCategoryId
  return yield* categories.create(id, { parentId, code: `category-${id}`, name: text("Category") })
})

/** A published product with one SKU at `price`, in the shop and category given or new ones. */
export const publishProduct = Effect.fnUntraced(function* (options?: {
  readonly seller?: Effect.Success<typeof makeSeller>["seller"]
  readonly categoryId?: CategoryId
  readonly price?: Money
  readonly title?: string
}) {
  const products = yield* Products
  const seller = options?.seller ?? (yield* makeSeller).seller
  const categoryId = options?.categoryId ?? (yield* makeCategory()).id
  const operationId = yield* nextId
  const draft = yield* products.create(seller, operationId, {
    categoryId,
    title: text(options?.title ?? "Kettle"),
    skus: [{ code: `sku-${operationId}`, price: options?.price ?? cny(4990) }]
  })
  const product = yield* products.publish(seller, draft.id)
  return { seller, product, sku: firstOf(product.skus) }
})

/** What a test knows to be there. */
export const firstOf = <A>(all: ReadonlyArray<A>): A => {
  const [first] = all
  if (first === undefined) throw new Error("There is none")
  return first
}
