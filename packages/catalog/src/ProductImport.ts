import { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import { CategoryId } from "@mall/domain/catalog/Category"
import { ProductStatus, SkuOptions } from "@mall/domain/catalog/Product"
import { LocalizedText } from "@mall/domain/kernel/LocalizedText"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { Stock } from "@mall/domain/trade/Stock"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Array, Context, DateTime, Effect, Layer, Result, Schema, Stream } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import type { SqlError } from "effect/sql"
import { isSqlError } from "effect/sql/SqlError"
import { CatalogChanges } from "./CatalogChanges.ts"
import { writeCatalogBatch } from "./catalogBatch.ts"
import { readImportFile } from "./importFile.ts"
import type { ImportRejected, RowResult } from "./importFile.ts"
import { planImport } from "./importPlan.ts"
import type { ExistingProduct, ImportPlan, ImportState } from "./importPlan.ts"
import type { ImportRow, RowError } from "./importRow.ts"
import { jsonText } from "./jsonText.ts"

export interface ImportProgress {
  readonly rows: number
  readonly failed: number
}

/** `created` and `updated` count SKUs; with `isDryRun` they say what would have been done. */
export interface ImportReport {
  readonly isDryRun: boolean
  readonly rows: number
  readonly created: number
  readonly updated: number
  readonly failed: number
  /** In the order of the file, at most 10,000 of them; `failed` counts all. */
  readonly errors: ReadonlyArray<RowError>
}

export interface ImportOptions {
  /** Checks everything against the database and writes nothing. */
  readonly isDryRun?: boolean
  /** Called after each batch. */
  readonly onProgress?: (progress: ImportProgress) => Effect.Effect<void>
}

const maxErrors = 10_000

const batchSize = 1000

const Named = Schema.Struct({ id: Schema.String, code: Schema.String })
const ProductRow = Schema.Struct({
  id: ProductId,
  merchantId: MerchantId,
  code: Schema.String,
  status: ProductStatus,
  description: LocalizedText,
  images: Schema.Array(Schema.String)
})
const SkuRow = Schema.Struct({
  id: SkuId,
  productId: ProductId,
  merchantId: MerchantId,
  code: Schema.String,
  options: SkuOptions,
  price: Money,
  isActive: Schema.Boolean
})

/** Another import made the same product or SKU between our look and our write: look again. */
const wasOvertaken = (error: unknown) => isSqlError(error) && error.reason._tag === "UniqueViolation"

/**
 * Imports products from a CSV file (`importColumns` names its columns) of any length, in batches of one transaction each: good
 * rows are written, bad ones reported. A SKU that exists, by merchant and code, is updated. Running the same file again
 * changes nothing, so that an import that was cut off is simply run again.
 */
export class ProductImport extends Context.Service<
  ProductImport,
  {
    run<E, R>(
      file: Stream.Stream<Uint8Array, E, R>,
      options?: ImportOptions
    ): Effect.Effect<ImportReport, ImportRejected | E, R>
  }
>()("@mall/catalog/ProductImport") {
  static readonly layer = Layer.effect(
    ProductImport,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const changes = yield* CatalogChanges
      const audit = yield* makeAuditRecorder
      const stock = yield* Stock

      const Names = Schema.Array(Schema.String)
      const selectMerchants = SqlSchema.findAll({
        Request: Names,
        Result: Named,
        execute: (names) => sql`
          SELECT m.id, m.code FROM catalog.merchants m
          WHERE m.code = any(${names}) OR m.id::text = any(${names}) FOR KEY SHARE`
      })
      const selectCategories = SqlSchema.findAll({
        Request: Names,
        Result: Named,
        execute: (names) => sql`
          SELECT c.id, c.code FROM catalog.categories c
          WHERE c.code = any(${names}) OR c.id::text = any(${names}) FOR KEY SHARE`
      })
      const Pairs = Schema.Array(Schema.Struct({ merchantId: MerchantId, code: Schema.String }))
      const selectProducts = SqlSchema.findAll({
        Request: Pairs,
        Result: ProductRow,
        execute: (pairs) => sql`
          SELECT p.id, p.merchant_id, p.code, p.status, p.description, p.images
          FROM jsonb_to_recordset(${jsonText(pairs)}::jsonb) AS t("merchantId" uuid, code text)
          JOIN catalog.products p ON p.merchant_id = t."merchantId" AND p.code = t.code
          ORDER BY p.id FOR UPDATE OF p`
      })
      const skuColumns = sql.literal(`s.id, s.product_id, s.merchant_id, s.code, s.options,
        jsonb_build_object('amount', s.price, 'currency', s.currency) AS price, s.status = 'active' AS is_active`)
      const selectSkus = SqlSchema.findAll({
        Request: Schema.Struct({ pairs: Pairs, products: Schema.Array(ProductId) }),
        Result: SkuRow,
        execute: ({ pairs, products }) => sql`
          SELECT ${skuColumns} FROM catalog.skus s WHERE s.product_id = any(${products}::uuid[])
          UNION
          SELECT ${skuColumns}
          FROM jsonb_to_recordset(${jsonText(pairs)}::jsonb) AS t("merchantId" uuid, code text)
          JOIN catalog.skus s ON s.merchant_id = t."merchantId" AND s.code = t.code`
      })

      const byName = <Id extends string>(rows: ReadonlyArray<typeof Named.Type>, make: (id: string) => Id) =>
        new Map(rows.flatMap(({ code, id }) => [[code, make(id)] as const, [id, make(id)] as const]))

      const readMerchants = (rows: ReadonlyArray<ImportRow>) =>
        selectMerchants(Array.dedupe(rows.map((row) => row.merchant))).pipe(
          Effect.map((merchants) => byName(merchants, MerchantId.make))
        )

      const readState = Effect.fnUntraced(function* (
        rows: ReadonlyArray<ImportRow>
      ): Effect.fn.Return<ImportState, SqlError.SqlError | Schema.SchemaError> {
        const merchants = yield* readMerchants(rows)
        const categories = byName(
          yield* selectCategories(Array.dedupe(rows.map((row) => row.category))),
          CategoryId.make
        )
        const pairsOf = (code: (row: ImportRow) => string) =>
          rows.flatMap((row) => {
            const merchantId = merchants.get(row.merchant)
            return merchantId === undefined ? [] : [{ merchantId, code: code(row) }]
          })
        const products: ReadonlyArray<ExistingProduct> = yield* selectProducts(pairsOf((row) => row.product))
        const skus = yield* selectSkus({ pairs: pairsOf((row) => row.sku), products: products.map(({ id }) => id) })
        return { merchants, categories, products, skus }
      })

      /** One batch, all or nothing; stock follows after the commit, since it may be kept elsewhere. */
      const planAndWrite = (rows: ReadonlyArray<ImportRow>, isDryRun: boolean) =>
        Effect.gen(function* () {
          const now = yield* DateTime.nowAsDate
          const plan = yield* planImport(rows, yield* readState(rows), now)
          if (isDryRun || plan.products.length === 0) return plan
          yield* writeCatalogBatch(sql, { products: plan.products, skus: plan.skus, actor: "import", now })
          yield* changes.productsChanged(plan.products.map(({ id }) => id))
          const acts = yield* Effect.forEach(plan.products, ({ id, merchantId }) =>
            audit.prepare({ action: "product.import", resource: { type: "product", id }, merchantId })
          )
          yield* audit.insert(acts.flat())
          return plan
        }).pipe(
          sql.withTransaction,
          retryConflicts,
          Effect.retry({ while: wasOvertaken, times: 5 }),
          Effect.catchTags({ SqlError: Effect.die, SchemaError: Effect.die })
        )

      /** All at once; where that is refused one by one, so that only the rows that are refused fail. */
      const setStock = Effect.fnUntraced(function* (levels: ImportPlan["levels"]) {
        if (levels.length === 0) return []
        return yield* stock.setOnHand(levels, "system").pipe(
          Effect.as<ReadonlyArray<RowError>>([]),
          Effect.catchTag("StockBelowReserved", () =>
            Effect.forEach(levels, (level) =>
              stock.setOnHand([level], "system").pipe(
                Effect.as<ReadonlyArray<RowError>>([]),
                Effect.catchTag("StockBelowReserved", ({ reserved }) =>
                  Effect.succeed([
                    {
                      line: level.row.line,
                      sku: level.row.sku,
                      reason: `stock: ${reserved} are reserved by open orders`
                    }
                  ])
                )
              )
            ).pipe(Effect.map(Array.flatten))
          )
        )
      })

      const importBatch = Effect.fn("ProductImport.batch")(function* (
        results: ReadonlyArray<RowResult>,
        seen: Map<string, number>,
        isDryRun: boolean
      ) {
        // by the shop that is meant, which one row may name by its code and another by its id
        const merchants = yield* readMerchants(Array.getSuccesses(results)).pipe(Effect.orDie)
        const single = results.map((result) =>
          Result.flatMap(result, (row) => firstOf(seen, merchants.get(row.merchant) ?? row.merchant, row))
        )
        const rows = single.flatMap((result) => (Result.isSuccess(result) ? [result.success] : []))
        const invalid = single.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
        const plan = yield* planAndWrite(rows, isDryRun)
        const unstocked = isDryRun ? [] : yield* setStock(plan.levels)
        const errors = [...invalid, ...plan.errors, ...unstocked].toSorted((a, b) => a.line - b.line)
        return { created: plan.created, updated: plan.skus.length - plan.created, errors }
      })

      const run = Effect.fn("ProductImport.run")(function* <E, R>(
        file: Stream.Stream<Uint8Array, E, R>,
        { isDryRun = false, onProgress = () => Effect.void }: ImportOptions = {}
      ) {
        const seen = new Map<string, number>()
        return yield* readImportFile(file).pipe(
          Stream.grouped(batchSize),
          Stream.runFoldEffect(
            (): ImportReport => ({ isDryRun, rows: 0, created: 0, updated: 0, failed: 0, errors: [] }),
            Effect.fnUntraced(function* (report, results) {
              const batch = yield* importBatch(results, seen, isDryRun)
              const next: ImportReport = {
                isDryRun,
                rows: report.rows + results.length,
                created: report.created + batch.created,
                updated: report.updated + batch.updated,
                failed: report.failed + batch.errors.length,
                errors: [...report.errors, ...batch.errors].slice(0, maxErrors)
              }
              yield* onProgress({ rows: next.rows, failed: next.failed })
              return next
            })
          )
        )
      })

      return ProductImport.of({ run })
    })
  )
}

/** A SKU may stand in a file once: which of two rows is meant, nobody can tell. */
const firstOf = (seen: Map<string, number>, merchant: string, row: ImportRow): Result.Result<ImportRow, RowError> => {
  const key = `${merchant}/${row.sku}`
  const first = seen.get(key)
  if (first !== undefined) {
    return Result.fail({ line: row.line, sku: row.sku, reason: `sku: stands in line ${first} already` })
  }
  seen.set(key, row.line)
  return Result.succeed(row)
}
