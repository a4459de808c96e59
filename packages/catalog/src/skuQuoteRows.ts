import type { SkuId } from "@mall/domain/catalog/Catalog"
import { SkuQuote } from "@mall/domain/catalog/Catalog"
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql"

const decode = Schema.decodeUnknownEffect(Schema.Array(SkuQuote))

/** What the database says now of those of `ids` that may be bought: active SKUs of published products. */
export const readSkuQuotes = (sql: SqlClient.SqlClient, ids: ReadonlyArray<SkuId>) =>
  sql`
    SELECT s.id AS sku_id, s.product_id, s.merchant_id, p.title, s.options, p.images->>0 AS image_url,
      jsonb_build_object('amount', s.price, 'currency', s.currency) AS unit_price,
      string_to_array(rtrim(c.path, '/'), '/') AS categories
    FROM catalog.skus s JOIN catalog.products p ON p.id = s.product_id JOIN catalog.categories c ON c.id = p.category_id
    WHERE s.id = any(${ids}::uuid[]) AND s.status = 'active' AND p.status = 'published'`.pipe(
    Effect.flatMap(decode),
    Effect.map((quotes): ReadonlyMap<SkuId, SkuQuote> => new Map(quotes.map((quote) => [quote.skuId, quote]))),
    Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
  )
