import { Stock } from "@mall/domain/trade/Stock"
import { DateTime, Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { CatalogChanges } from "../CatalogChanges.ts"
import { writeCatalogBatch } from "../catalogBatch.ts"
import type { ProductWrite } from "../catalogBatch.ts"
import { jsonText } from "../jsonText.ts"
import { categoryIdOf, demoGoods, merchantIdOf } from "./demoGoods.ts"
import { demoCategories, demoMerchants } from "./demoShop.ts"

export interface SeedProgress {
  readonly done: number
  readonly total: number
}

const batchSize = 100

/** Chosen once: processes that seed at the same moment take turns by this advisory lock. */
const lockKey = 7_301_120_262

const pathOf = (code: string): string => {
  const parent = demoCategories.find((category) => category.code === code)?.parent ?? null
  return `${parent === null ? "" : pathOf(parent)}${categoryIdOf(code)}/`
}

/**
 * Fills the demo shop: merchants, categories, products with SKUs and stock. What exists is left as it is, so that running it
 * again adds only what is missing; it answers with how many products it added. Stock is set before the products appear, so
 * that a crash between leaves nothing on sale without it.
 */
export const seedCatalog = Effect.fn("seedCatalog")(function* (options?: {
  readonly onProgress?: (progress: SeedProgress) => Effect.Effect<void>
}) {
  const sql = yield* SqlClient.SqlClient
  const stock = yield* Stock
  const changes = yield* CatalogChanges
  const report = options?.onProgress ?? (() => Effect.void)
  const now = yield* DateTime.nowAsDate
  const goods = demoGoods()

  const selectPresent = SqlSchema.findAll({
    Request: Schema.Array(Schema.String),
    Result: Schema.Struct({ id: Schema.String }),
    execute: (ids) => sql`SELECT p.id FROM catalog.products p WHERE p.id = any(${ids}::uuid[])`
  })

  const writeTree = Effect.fnUntraced(function* () {
    const merchants = demoMerchants.map(({ code, zh, en }) => ({ id: merchantIdOf(code), code, name: { zh, en } }))
    yield* sql`
      INSERT INTO catalog.merchants (id, code, name, created_at)
      SELECT t.id, t.code, t.name, ${now}
      FROM jsonb_to_recordset(${jsonText(merchants)}::jsonb) AS t(id uuid, code text, name jsonb)
      ON CONFLICT DO NOTHING`
    const categories = demoCategories.map(({ code, en, parent, zh }, position) => {
      const parentId = parent === null ? null : categoryIdOf(parent)
      return { id: categoryIdOf(code), parentId, code, name: { zh, en }, position, path: pathOf(code) }
    })
    yield* sql`
      INSERT INTO catalog.categories (id, parent_id, code, name, position, path, created_at, updated_at)
      SELECT t.id, t."parentId", t.code, t.name, t.position, t.path, ${now}, ${now}
      FROM jsonb_to_recordset(${jsonText(categories)}::jsonb)
        AS t(id uuid, "parentId" uuid, code text, name jsonb, position int, path text)
      ON CONFLICT DO NOTHING`
    yield* changes.categoriesChanged
  })

  const findMissing = Effect.gen(function* () {
    const present = new Set((yield* selectPresent(goods.products.map(({ id }) => id))).map(({ id }) => id))
    return goods.products.filter(({ id }) => !present.has(id))
  })
  const skusOf = Map.groupBy(goods.skus, ({ productId }) => productId)
  const skusIn = (products: ReadonlyArray<ProductWrite>) => products.flatMap(({ id }) => skusOf.get(id) ?? [])

  yield* stock.setOnHand(
    skusIn(yield* findMissing).map(({ id, merchantId, onHand }) => ({ skuId: id, merchantId, onHand })),
    "system"
  )
  return yield* Effect.gen(function* () {
    yield* sql`SELECT pg_advisory_xact_lock(${lockKey}::bigint)`
    yield* writeTree()
    const missing = yield* findMissing
    for (let start = 0; start < missing.length; start += batchSize) {
      const products = missing.slice(start, start + batchSize)
      yield* writeCatalogBatch(sql, { products, skus: skusIn(products), actor: "system", now })
      yield* changes.productsChanged(products.map(({ id }) => id))
      yield* report({ done: start + products.length, total: missing.length })
    }
    return missing.length
  }).pipe(sql.withTransaction)
})
