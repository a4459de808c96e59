import type { SkuId } from "@mall/domain/catalog/Catalog"
import { ProductDetail, ProductSummary, SkuOffer } from "@mall/domain/catalog/Product"
import { Schema } from "effect"
import { encodedJson } from "./EncodedJson.ts"
import type { EncodedJson } from "./EncodedJson.ts"
import { jsonText } from "./jsonText.ts"

const { skus: _skus, ...detailFields } = ProductDetail.fields
const { available: _available, ...offerFields } = SkuOffer.fields

/** A published product as one row: all that a buyer sees of it but for the availability. */
export const ProductViewRow = Schema.Struct({
  ...detailFields,
  skus: Schema.Array(Schema.Struct(offerFields))
})
type ProductViewRow = typeof ProductViewRow.Type

const encodeDetail = Schema.encodeSync(Schema.toCodecJson(Schema.Struct(detailFields)))
const encodeOffer = Schema.encodeSync(Schema.toCodecJson(Schema.Struct(offerFields)))
const encodeSummary = Schema.encodeSync(Schema.toCodecJson(ProductSummary))

const withMember = (json: string, member: string) => `${json.slice(0, -1)},${member}}`

/**
 * A published product, encoded when it is loaded. Availability changes all the time and comes from elsewhere: `encoded` splices
 * it into the JSON and keeps the answer until a number differs.
 */
export class ProductView {
  readonly skuIds: ReadonlyArray<SkuId>
  readonly summary: ProductSummary
  readonly summaryJson: string
  readonly #row: ProductViewRow
  readonly #detailJson: string
  readonly #offerJson: ReadonlyArray<string>
  #last: { readonly levels: ReadonlyArray<number>; readonly encoded: EncodedJson } | undefined

  constructor(row: ProductViewRow) {
    const { images, ...fields } = row
    this.#row = row
    this.skuIds = row.skus.map(({ id }) => id)
    this.summary = new ProductSummary({ ...fields, imageUrl: images[0] ?? null })
    this.summaryJson = jsonText(encodeSummary(this.summary))
    this.#detailJson = jsonText(encodeDetail(row))
    this.#offerJson = row.skus.map((offer) => jsonText(encodeOffer(offer)))
  }

  detail(available: ReadonlyMap<SkuId, number>): ProductDetail {
    const skus = this.#row.skus.map((sku) => new SkuOffer({ ...sku, available: available.get(sku.id) ?? 0 }))
    return new ProductDetail({ ...this.#row, skus })
  }

  encoded(available: ReadonlyMap<SkuId, number>): EncodedJson {
    const last = this.#last
    if (last !== undefined && this.skuIds.every((id, index) => last.levels[index] === (available.get(id) ?? 0))) {
      return last.encoded
    }
    const levels = this.skuIds.map((id) => available.get(id) ?? 0)
    const skus = this.#offerJson.map((json, index) => withMember(json, `"available":${levels[index]}`))
    const encoded = encodedJson(withMember(this.#detailJson, `"skus":[${skus.join(",")}]`))
    this.#last = { levels, encoded }
    return encoded
  }
}
