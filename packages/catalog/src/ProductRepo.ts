import { ProductId } from "@mall/domain/catalog/Catalog"
import type { SkuId } from "@mall/domain/catalog/Catalog"
import { ProductCodeTaken, ProductNotFound, SkuCodeTaken } from "@mall/domain/catalog/CatalogError"
import { Product } from "@mall/domain/catalog/Product"
import type { ProductStatus } from "@mall/domain/catalog/Product"
import type { Money } from "@mall/domain/kernel/Money"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Context, DateTime, Effect, Layer, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError, Statement } from "effect/sql"
import { jsonText } from "./jsonText.ts"
import { isWithinReach } from "./Seller.ts"
import type { Seller } from "./Seller.ts"

type SqlFailure = SqlError.SqlError

export type ProductTexts = Pick<Product, "categoryId" | "code" | "title" | "description" | "images">

export interface NewProduct extends ProductTexts {
  readonly id: ProductId
  readonly merchantId: MerchantId
}

export interface SkuValues {
  readonly id: SkuId
  readonly code: string
  readonly options: Readonly<Record<string, string>>
  readonly price: Money
}

export interface OwnProductsPage {
  readonly merchantId: Option.Option<MerchantId>
  readonly status: Option.Option<ProductStatus>
  readonly before: Option.Option<ProductId>
  readonly limit: number
}

/**
 * Products and their SKUs as rows, for those who sell them. Every write expects the product's row to be locked by
 * `lockOwn` in the same transaction, which is also what keeps options unique within a product.
 */
export class ProductRepo extends Context.Service<
  ProductRepo,
  {
    findOwn(seller: Seller, id: ProductId): Effect.Effect<Product, ProductNotFound | SqlFailure>
    lockOwn(seller: Seller, id: ProductId): Effect.Effect<Product, ProductNotFound | SqlFailure>
    /** Newest first; one more than `limit` where there are more. */
    listOwn(seller: Seller, page: OwnProductsPage): Effect.Effect<ReadonlyArray<Product>, SqlFailure>
    /** False where a product with this id exists. */
    insert(product: NewProduct): Effect.Effect<boolean, ProductCodeTaken | SqlFailure>
    updateTexts(id: ProductId, texts: ProductTexts): Effect.Effect<void, ProductCodeTaken | SqlFailure>
    setStatus(product: Product, to: ProductStatus, seller: Seller): Effect.Effect<void, SqlFailure>
    /** False where a SKU with this id exists. */
    insertSku(product: Product, sku: SkuValues, seller: Seller): Effect.Effect<boolean, SkuCodeTaken | SqlFailure>
    updateSku(sku: SkuValues, isRepriced: boolean, seller: Seller): Effect.Effect<void, SkuCodeTaken | SqlFailure>
    archiveSku(id: SkuId): Effect.Effect<void, SqlFailure>
    /** Writes the cheapest active price to the product and counts its version up: after any change of its SKUs. */
    refresh(id: ProductId): Effect.Effect<void, SqlFailure>
  }
>()("@mall/catalog/ProductRepo") {
  static readonly layer = Layer.effect(
    ProductRepo,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient

      const select = (rest: Statement.Fragment) => sql`
        SELECT p.id, p.merchant_id, p.category_id, p.code, p.title, p.description, p.images, p.status, p.version,
          p.created_at, p.updated_at, p.published_at,
          COALESCE((
            SELECT jsonb_agg(jsonb_build_object(
              'id', s.id, 'code', s.code, 'options', s.options, 'status', s.status,
              'price', jsonb_build_object('amount', s.price, 'currency', s.currency)
            ) ORDER BY s.id)
            FROM catalog.skus s WHERE s.product_id = p.id
          ), '[]'::jsonb) AS skus
        FROM catalog.products p ${rest}`
      const decodeAll = Schema.decodeUnknownEffect(Schema.Array(Product))

      const findOwn = Effect.fn("ProductRepo.findOwn")(function* (seller: Seller, id: ProductId) {
        const [product] = yield* select(sql`WHERE p.id = ${id} AND ${isWithinReach(sql, seller)}`).pipe(
          Effect.flatMap(decodeAll),
          Effect.catchTag("SchemaError", Effect.die)
        )
        return product ?? (yield* new ProductNotFound({ productId: id }))
      })

      const lockOwn = Effect.fn("ProductRepo.lockOwn")(function* (seller: Seller, id: ProductId) {
        yield* sql`SELECT 1 FROM catalog.products p WHERE p.id = ${id} AND ${isWithinReach(sql, seller)} FOR UPDATE`
        return yield* findOwn(seller, id)
      })

      const listOwn = Effect.fn("ProductRepo.listOwn")((seller: Seller, page: OwnProductsPage) =>
        select(sql`
          WHERE ${sql.and([
            isWithinReach(sql, seller),
            ...Option.match(page.merchantId, { onNone: () => [], onSome: (id) => [sql`p.merchant_id = ${id}`] }),
            ...Option.match(page.status, { onNone: () => [], onSome: (status) => [sql`p.status = ${status}`] }),
            ...Option.match(page.before, { onNone: () => [], onSome: (id) => [sql`p.id < ${id}`] })
          ])}
          ORDER BY p.id DESC LIMIT ${page.limit + 1}`).pipe(
          Effect.flatMap(decodeAll),
          Effect.catchTag("SchemaError", Effect.die)
        )
      )

      const insert = Effect.fn("ProductRepo.insert")(
        function* (product: NewProduct) {
          const now = yield* DateTime.nowAsDate
          const rows = yield* sql`
            INSERT INTO catalog.products
              (id, merchant_id, category_id, code, title, description, images, status, version, created_at, updated_at)
            VALUES (${product.id}, ${product.merchantId}, ${product.categoryId}, ${product.code},
              ${jsonText(product.title)}::jsonb, ${jsonText(product.description)}::jsonb,
              ${jsonText(product.images)}::jsonb, 'draft', 1, ${now}, ${now})
            ON CONFLICT (id) DO NOTHING
            RETURNING id`
          return rows.length === 1
        },
        (effect, { code }) => Effect.catchReason(effect, "SqlError", "UniqueViolation", () => codeTaken(code))
      )

      const updateTexts = Effect.fn("ProductRepo.updateTexts")(
        function* (id: ProductId, texts: ProductTexts) {
          yield* sql`
            UPDATE catalog.products SET category_id = ${texts.categoryId}, code = ${texts.code},
              title = ${jsonText(texts.title)}::jsonb, description = ${jsonText(texts.description)}::jsonb,
              images = ${jsonText(texts.images)}::jsonb, version = version + 1, updated_at = ${yield* DateTime.nowAsDate}
            WHERE id = ${id}`
        },
        (effect, _, { code }) => Effect.catchReason(effect, "SqlError", "UniqueViolation", () => codeTaken(code))
      )

      const setStatus = Effect.fn("ProductRepo.setStatus")(function* (
        product: Product,
        to: ProductStatus,
        seller: Seller
      ) {
        const now = yield* DateTime.nowAsDate
        const traceId = Option.map(yield* Effect.option(Effect.currentSpan), (span) => span.traceId)
        yield* sql`
          WITH moved AS (
            UPDATE catalog.products SET status = ${to}, version = version + 1, updated_at = ${now},
              published_at = CASE WHEN ${to} = 'published' THEN ${now}::timestamptz ELSE published_at END
            WHERE id = ${product.id} AND status = ${product.status}
            RETURNING id
          )
          INSERT INTO catalog.product_history (product_id, from_status, to_status, changed_by, changed_at, trace_id)
          SELECT id, ${product.status}, ${to}, ${seller.actor}, ${now}, ${Option.getOrNull(traceId)} FROM moved`
      })

      const insertSku = Effect.fn("ProductRepo.insertSku")(
        function* (product: Product, sku: SkuValues, seller: Seller) {
          const now = yield* DateTime.nowAsDate
          const rows = yield* sql`
            WITH added AS (
              INSERT INTO catalog.skus
                (id, product_id, merchant_id, code, options, price, currency, status, created_at, updated_at)
              VALUES (${sku.id}, ${product.id}, ${product.merchantId}, ${sku.code}, ${jsonText(sku.options)}::jsonb,
                ${sku.price.amount}, ${sku.price.currency}, 'active', ${now}, ${now})
              ON CONFLICT (id) DO NOTHING
              RETURNING id, price, currency
            ),
            priced AS (
              INSERT INTO catalog.price_changes (sku_id, price, currency, changed_by, changed_at)
              SELECT id, price, currency, ${seller.actor}, ${now} FROM added
            )
            SELECT id FROM added`
          return rows.length === 1
        },
        (effect, _, { code }) =>
          Effect.catchReason(effect, "SqlError", "UniqueViolation", () => new SkuCodeTaken({ skuCode: code }))
      )

      const updateSku = Effect.fn("ProductRepo.updateSku")(
        function* (sku: SkuValues, isRepriced: boolean, seller: Seller) {
          const now = yield* DateTime.nowAsDate
          yield* sql`
            UPDATE catalog.skus SET code = ${sku.code}, options = ${jsonText(sku.options)}::jsonb,
              price = ${sku.price.amount}, currency = ${sku.price.currency}, updated_at = ${now}
            WHERE id = ${sku.id}`
          if (isRepriced) {
            yield* sql`
              INSERT INTO catalog.price_changes (sku_id, price, currency, changed_by, changed_at)
              VALUES (${sku.id}, ${sku.price.amount}, ${sku.price.currency}, ${seller.actor}, ${now})`
          }
        },
        (effect, { code }) =>
          Effect.catchReason(effect, "SqlError", "UniqueViolation", () => new SkuCodeTaken({ skuCode: code }))
      )

      const archiveSku = Effect.fn("ProductRepo.archiveSku")(function* (id: SkuId) {
        yield* sql`
          UPDATE catalog.skus SET status = 'archived', updated_at = ${yield* DateTime.nowAsDate} WHERE id = ${id}`
      })

      const refresh = Effect.fn("ProductRepo.refresh")(function* (id: ProductId) {
        yield* sql`
          UPDATE catalog.products p SET price_from = cheapest.price, currency = cheapest.currency,
            version = p.version + 1, updated_at = ${yield* DateTime.nowAsDate}
          FROM (
            SELECT min(s.price) AS price, min(s.currency) AS currency
            FROM catalog.skus s WHERE s.product_id = ${id} AND s.status = 'active'
          ) cheapest
          WHERE p.id = ${id}`
      })

      return ProductRepo.of({
        findOwn,
        lockOwn,
        listOwn,
        insert,
        updateTexts,
        setStatus,
        insertSku,
        updateSku,
        archiveSku,
        refresh
      })
    })
  )
}

const codeTaken = (code: string | null) => new ProductCodeTaken({ productCode: code ?? "" })
