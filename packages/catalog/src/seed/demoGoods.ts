import { ProductId, SkuId } from "@mall/domain/catalog/Catalog"
import { CategoryId } from "@mall/domain/catalog/Category"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { DateTime } from "effect"
import type { ProductWrite, SkuWrite } from "../catalogBatch.ts"
import { accessories } from "./accessories.ts"
import { books } from "./books.ts"
import { clothing } from "./clothing.ts"
import { demoEpoch, demoId } from "./demoId.ts"
import { demoMerchantCode } from "./demoShop.ts"
import type { DemoItem, DemoShelf } from "./demoShop.ts"
import { electronics } from "./electronics.ts"
import { food } from "./food.ts"
import { leisure } from "./leisure.ts"
import { living } from "./living.ts"

const shelves: ReadonlyArray<DemoShelf> = [
  ...electronics,
  ...accessories,
  ...food,
  ...clothing,
  ...books,
  ...living,
  ...leisure
]

export const merchantIdOf = (code: string) => MerchantId.make(demoId(`merchant:${code}`))
export const categoryIdOf = (code: string) => CategoryId.make(demoId(`category:${code}`))

/** The shop whose staff the demo merchant account is. */
export const demoMerchantId = merchantIdOf(demoMerchantCode)

export interface DemoGoods {
  readonly products: ReadonlyArray<ProductWrite>
  readonly skus: ReadonlyArray<SkuWrite & { readonly onHand: number }>
}

interface Choice {
  readonly options: Readonly<Record<string, string>>
  readonly extraYuan: number
}

/** Every combination of the choices, the first option varying slowest. */
const combine = (options: DemoShelf["options"]): ReadonlyArray<Choice> =>
  Object.entries(options).reduce<ReadonlyArray<Choice>>(
    (combined, [name, choices]) =>
      combined.flatMap((choice) =>
        Object.entries(choices).map(([value, yuan]) => ({
          options: { ...choice.options, [name]: value },
          extraYuan: choice.extraYuan + yuan
        }))
      ),
    [{ options: {}, extraYuan: 0 }]
  )

/** A number below `below` that looks random and is the same on every machine. */
const scatter = (name: string, below: number) => Number.parseInt(demoId(name).slice(-8), 16) % below

const minutes = 60_000
const minutesInSixMonths = 60 * 24 * 182

const productOf = (shelf: DemoShelf, [code, zh, en, , noteZh, noteEn]: DemoItem): ProductWrite => ({
  id: ProductId.make(demoId(`product:${code}`)),
  merchantId: merchantIdOf(shelf.merchant),
  code,
  categoryId: categoryIdOf(shelf.category),
  title: { zh, en },
  description: { zh: `${noteZh}${shelf.aboutZh}`, en: `${noteEn} ${shelf.aboutEn}` },
  images: [`/demo/images/${shelf.category}.${code}.svg`, `/demo/images/${shelf.category}.${code}-detail.svg`],
  from: null,
  status: "published",
  publishedAt: DateTime.toDateUtc(
    DateTime.makeUnsafe(demoEpoch + scatter(`published:${code}`, minutesInSixMonths) * minutes)
  )
})

const skusOf = (shelf: DemoShelf, [code, , , yuan]: DemoItem, product: ProductWrite) =>
  combine(shelf.options).map(({ options, extraYuan }) => {
    const skuCode = [code, ...Object.values(options)].join("/")
    const [least, most] = shelf.stock
    return {
      id: SkuId.make(demoId(`sku:${skuCode}`)),
      productId: product.id,
      merchantId: product.merchantId,
      code: skuCode,
      options,
      price: Money.of(Math.round((yuan + extraYuan) * 100), "CNY"),
      isRepriced: true,
      // a real shop is always out of something
      onHand: scatter(`soldOut:${skuCode}`, 40) === 0 ? 0 : least + scatter(`stock:${skuCode}`, most - least + 1)
    }
  })

/** Everything the demo shop sells, the same on every machine. */
export const demoGoods = (): DemoGoods => {
  const stands = shelves.flatMap((shelf) =>
    shelf.items.map((item) => {
      const product = productOf(shelf, item)
      return { product, skus: skusOf(shelf, item, product) }
    })
  )
  return { products: stands.map(({ product }) => product), skus: stands.flatMap(({ skus }) => skus) }
}
