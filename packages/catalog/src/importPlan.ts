import { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import type { CategoryId } from "@mall/domain/catalog/Category"
import { maxSkus, productLifecycle } from "@mall/domain/catalog/Product"
import type { ProductStatus } from "@mall/domain/catalog/Product"
import { generator } from "@mall/domain/kernel/Id"
import type { LocalizedText } from "@mall/domain/kernel/LocalizedText"
import type { Money } from "@mall/domain/kernel/Money"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { StockOnHand } from "@mall/domain/trade/Stock"
import { Effect } from "effect"
import type { ProductWrite, SkuWrite } from "./catalogBatch.ts"
import type { ImportRow, RowError } from "./importRow.ts"
import { optionsKey } from "./skuRules.ts"

export interface ExistingProduct {
  readonly id: ProductId
  readonly merchantId: MerchantId
  readonly code: string
  readonly status: ProductStatus
  readonly description: LocalizedText
  readonly images: ReadonlyArray<string>
}

export interface ExistingSku {
  readonly id: SkuId
  readonly productId: ProductId
  readonly merchantId: MerchantId
  readonly code: string
  readonly options: Readonly<Record<string, string>>
  readonly price: Money
  readonly isActive: boolean
}

/** What the database holds of the things that a batch of rows names. */
export interface ImportState {
  readonly merchants: ReadonlyMap<string, MerchantId>
  readonly categories: ReadonlyMap<string, CategoryId>
  readonly products: ReadonlyArray<ExistingProduct>
  /** Those the rows name, and all others of the same products. */
  readonly skus: ReadonlyArray<ExistingSku>
}

export interface ImportPlan {
  readonly products: ReadonlyArray<ProductWrite>
  readonly skus: ReadonlyArray<SkuWrite>
  readonly levels: ReadonlyArray<StockOnHand & { readonly row: ImportRow }>
  readonly created: number
  readonly errors: ReadonlyArray<RowError>
}

interface Draft {
  readonly id: ProductId
  readonly existing: ExistingProduct | undefined
  readonly skus: Map<string, Omit<ExistingSku, "productId" | "merchantId">>
  /** The product as the last good row states it; none until there is one. */
  write: ProductWrite | undefined
}

const nextProductId = generator(ProductId)
const nextSkuId = generator(SkuId)
const noText = { zh: "", en: "" }
const keyOf = (merchantId: MerchantId, code: string) => `${merchantId}/${code}`

/**
 * Decides row by row, in the file's order, what the batch writes, by the same rules as the single changes: a row that breaks
 * one is left out with its reason and hinders no other. Of several rows of one product the last good one states its texts.
 */
export const planImport = Effect.fnUntraced(function* (
  rows: ReadonlyArray<ImportRow>,
  state: ImportState,
  now: Date
): Effect.fn.Return<ImportPlan> {
  const existingProducts = new Map(state.products.map((product) => [keyOf(product.merchantId, product.code), product]))
  const skusByProduct = Map.groupBy(state.skus, ({ productId }) => productId)
  const ownerOf = new Map(state.skus.map((sku) => [keyOf(sku.merchantId, sku.code), sku.productId]))
  const drafts = new Map<string, Draft>()
  const errors: Array<RowError> = []
  const skus = new Map<SkuId, SkuWrite>()
  const levels = new Map<SkuId, ImportPlan["levels"][number]>()
  let created = 0

  const draftOf = Effect.fnUntraced(function* (merchantId: MerchantId, code: string) {
    const key = keyOf(merchantId, code)
    const known = drafts.get(key)
    if (known !== undefined) return known
    const existing = existingProducts.get(key)
    const id = existing?.id ?? (yield* nextProductId)
    const draft: Draft = {
      id,
      existing,
      skus: new Map((skusByProduct.get(id) ?? []).map((sku) => [sku.code, sku])),
      write: undefined
    }
    drafts.set(key, draft)
    return draft
  })

  for (const row of rows) {
    const reject = (reason: string) => errors.push({ line: row.line, sku: row.sku, reason })
    const merchantId = state.merchants.get(row.merchant)
    const categoryId = state.categories.get(row.category)
    if (merchantId === undefined || categoryId === undefined) {
      if (merchantId === undefined) reject(`merchant: there is no ${row.merchant}`)
      if (categoryId === undefined) reject(`category: there is no ${row.category}`)
      continue
    }
    const draft = yield* draftOf(merchantId, row.product)
    const refusal = refusalOf(row, draft, ownerOf.get(keyOf(merchantId, row.sku)))
    if (refusal !== undefined) {
      reject(refusal)
      continue
    }

    const present = draft.skus.get(row.sku)
    const id = present?.id ?? (yield* nextSkuId)
    const options = row.options ?? present?.options ?? {}
    const isRepriced = present === undefined || !present.price.equals(row.price)
    if (present === undefined) created++
    draft.skus.set(row.sku, { id, code: row.sku, options, price: row.price, isActive: true })
    ownerOf.set(keyOf(merchantId, row.sku), draft.id)
    skus.set(id, {
      ...{ id, productId: draft.id, merchantId, code: row.sku, options, price: row.price },
      isRepriced: isRepriced || skus.get(id)?.isRepriced === true
    })
    if (row.stock !== undefined) levels.set(id, { skuId: id, merchantId, onHand: row.stock, row })
    draft.write = {
      id: draft.id,
      merchantId,
      code: row.product,
      categoryId,
      title: row.title,
      description: row.description ?? draft.write?.description ?? draft.existing?.description ?? noText,
      images: row.images ?? draft.write?.images ?? draft.existing?.images ?? [],
      from: draft.existing?.status ?? null,
      status: row.status ?? draft.write?.status ?? draft.existing?.status ?? "draft",
      publishedAt: now
    }
  }
  const products = [...drafts.values()].flatMap(({ write }) => (write === undefined ? [] : [write]))
  return { products, skus: [...skus.values()], levels: [...levels.values()], created, errors }
})

/** Why `row` may not become part of `draft`; undefined where it may. */
const refusalOf = (row: ImportRow, { existing, id, skus }: Draft, owner: ProductId | undefined) => {
  if (owner !== undefined && owner !== id) return `sku: ${row.sku} belongs to another product`
  if (existing !== undefined && productLifecycle.isFinal(existing.status)) return `product: ${row.product} is archived`
  const present = skus.get(row.sku)
  if (present === undefined && skus.size >= maxSkus) return `product: ${row.product} has ${maxSkus} SKUs already`
  const others = [...skus.values()].filter((sku) => sku.isActive && sku.code !== row.sku)
  const key = optionsKey(row.options ?? present?.options ?? {})
  const twin = others.find((sku) => optionsKey(sku.options) === key)
  if (twin !== undefined) return `options: the SKU ${twin.code} has the same`
  const stranger = others.find((sku) => sku.price.currency !== row.price.currency)
  if (stranger !== undefined) return `currency: the other SKUs are priced in ${stranger.price.currency}`
  return undefined
}
