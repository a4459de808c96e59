import type { ProductId } from "@mall/domain/catalog/Catalog"
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { ProductView, ProductViewRow } from "./ProductView.ts"

const decode = Schema.decodeUnknownEffect(Schema.Array(ProductViewRow))

/** Those of `ids` that are published, as buyers see them. */
export const readProductViews = (sql: SqlClient.SqlClient, ids: ReadonlyArray<ProductId>) =>
  sql`
    SELECT p.id, p.merchant_id, m.name AS merchant_name, p.category_id, p.title, p.description, p.images,
      jsonb_build_object('amount', p.price_from, 'currency', p.currency) AS price_from, p.published_at, p.updated_at,
      (
        SELECT jsonb_agg(jsonb_build_object(
          'id', s.id, 'code', s.code, 'options', s.options,
          'price', jsonb_build_object('amount', s.price, 'currency', s.currency)
        ) ORDER BY s.id)
        FROM catalog.skus s WHERE s.product_id = p.id AND s.status = 'active'
      ) AS skus
    FROM catalog.products p JOIN catalog.merchants m ON m.id = p.merchant_id
    WHERE p.id = any(${ids}::uuid[]) AND p.status = 'published'`.pipe(
    Effect.flatMap(decode),
    Effect.map(
      (rows): ReadonlyMap<ProductId, ProductView> => new Map(rows.map((row) => [row.id, new ProductView(row)]))
    ),
    Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
  )
