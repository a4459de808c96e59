import type { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import type { CategoryId } from "@mall/domain/catalog/Category"
import type { ProductStatus } from "@mall/domain/catalog/Product"
import type { LocalizedText } from "@mall/domain/kernel/LocalizedText"
import type { Money } from "@mall/domain/kernel/Money"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import { jsonText } from "./jsonText.ts"

/** `from` is the product's status before, null for a new one; `status` the one to leave it in. */
export interface ProductWrite {
  readonly id: ProductId
  readonly merchantId: MerchantId
  readonly code: string
  readonly categoryId: CategoryId
  readonly title: LocalizedText
  readonly description: LocalizedText
  readonly images: ReadonlyArray<string>
  readonly from: ProductStatus | null
  readonly status: ProductStatus
  readonly publishedAt: Date
}

/** `isRepriced` where the price is new or another than before. */
export interface SkuWrite {
  readonly id: SkuId
  readonly productId: ProductId
  readonly merchantId: MerchantId
  readonly code: string
  readonly options: Readonly<Record<string, string>>
  readonly price: Money
  readonly isRepriced: boolean
}

export interface CatalogBatch {
  readonly products: ReadonlyArray<ProductWrite>
  readonly skus: ReadonlyArray<SkuWrite>
  readonly actor: string
  readonly now: Date
}

/**
 * Writes many products with their SKUs, prices and history in four statements, whatever their number; inside the caller's
 * transaction, which holds the locks of the products that exist. Each statement takes its rows as one JSON text: the driver
 * gives an array one element type by its first element, which mixed integers and nulls do not have.
 */
export const writeCatalogBatch = Effect.fn("catalogBatch.write")(function* (
  sql: SqlClient.SqlClient,
  { products, skus, actor, now }: CatalogBatch
) {
  const productRows = jsonText(products)
  const skuRows = jsonText(skus.map(({ price, ...sku }) => ({ ...sku, ...price })))

  yield* sql`
    INSERT INTO catalog.products
      (id, merchant_id, category_id, code, title, description, images, status, version, created_at, updated_at)
    SELECT t.id, t."merchantId", t."categoryId", t.code, t.title, t.description, t.images, 'draft', 0, ${now}, ${now}
    FROM jsonb_to_recordset(${productRows}::jsonb) AS t(
      id uuid, "merchantId" uuid, "categoryId" uuid, code text, title jsonb, description jsonb, images jsonb)
    ON CONFLICT (id) DO UPDATE SET category_id = excluded.category_id, title = excluded.title,
      description = excluded.description, images = excluded.images, updated_at = excluded.updated_at`

  yield* sql`
    INSERT INTO catalog.skus
      (id, product_id, merchant_id, code, options, price, currency, status, created_at, updated_at)
    SELECT t.id, t."productId", t."merchantId", t.code, t.options, t.amount, t.currency, 'active', ${now}, ${now}
    FROM jsonb_to_recordset(${skuRows}::jsonb) AS t(
      id uuid, "productId" uuid, "merchantId" uuid, code text, options jsonb, amount bigint, currency text)
    ON CONFLICT (id) DO UPDATE SET options = excluded.options, price = excluded.price, currency = excluded.currency,
      status = 'active', updated_at = excluded.updated_at`

  yield* sql`
    INSERT INTO catalog.price_changes (sku_id, price, currency, changed_by, changed_at)
    SELECT t.id, t.amount, t.currency, ${actor}, ${now}
    FROM jsonb_to_recordset(${skuRows}::jsonb) AS t(id uuid, amount bigint, currency text, "isRepriced" boolean)
    WHERE t."isRepriced"`

  yield* sql`
    WITH wanted AS (
      SELECT t.id, t."from" AS old_status, t.status, t."publishedAt" AS published_at
      FROM jsonb_to_recordset(${productRows}::jsonb) AS t(id uuid, "from" text, status text, "publishedAt" timestamptz)
    ), settled AS (
      UPDATE catalog.products p SET status = w.status, price_from = cheapest.price, currency = cheapest.currency,
        version = p.version + 1,
        published_at = CASE WHEN w.status = 'published' AND w.old_status IS DISTINCT FROM 'published'
          THEN w.published_at ELSE p.published_at END
      FROM wanted w
      LEFT JOIN (
        SELECT s.product_id, min(s.price) AS price, min(s.currency) AS currency
        FROM catalog.skus s
        WHERE s.status = 'active' AND s.product_id IN (SELECT id FROM wanted)
        GROUP BY s.product_id
      ) cheapest ON cheapest.product_id = w.id
      WHERE p.id = w.id
    )
    INSERT INTO catalog.product_history (product_id, from_status, to_status, changed_by, changed_at)
    SELECT w.id, w.old_status, w.status, ${actor}, ${now} FROM wanted w WHERE w.old_status IS DISTINCT FROM w.status`
})
