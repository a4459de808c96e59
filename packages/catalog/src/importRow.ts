import { BilingualText } from "@mall/domain/catalog/BilingualText"
import { ImageUrl, ItemCode, maxImages, ProductStatus, SkuOptions, StockLevel } from "@mall/domain/catalog/Product"
import { Currency, minorUnitDigits } from "@mall/domain/kernel/Currency"
import type { LocalizedText } from "@mall/domain/kernel/LocalizedText"
import { Money } from "@mall/domain/kernel/Money"
import { NonBlankText, PlainText } from "@mall/domain/kernel/PlainText"
import { Result, Schema, SchemaIssue } from "effect"

/** The columns of an import file, in any order; the first line names them. */
export const importColumns = [
  { name: "merchant", isRequired: true, meaning: "the shop: its code or its id" },
  { name: "category", isRequired: true, meaning: "the category: its code or its id" },
  { name: "sku", isRequired: true, meaning: "the SKU's code, unique in the shop: an existing one is updated" },
  { name: "title_zh", isRequired: false, meaning: "the title in Chinese; one of the two titles is needed" },
  { name: "title_en", isRequired: false, meaning: "the title in English" },
  { name: "price", isRequired: true, meaning: "in whole units with decimals, such as 19.90" },
  { name: "currency", isRequired: false, meaning: "ISO 4217, CNY when empty" },
  {
    name: "product",
    isRequired: false,
    meaning: "rows with the same code here are SKUs of one product; else the SKU's code"
  },
  { name: "options", isRequired: false, meaning: "what makes this SKU, such as colour=red;size=M" },
  { name: "description_zh", isRequired: false, meaning: "plain text" },
  { name: "description_en", isRequired: false, meaning: "plain text" },
  { name: "images", isRequired: false, meaning: "https addresses, separated by spaces" },
  { name: "stock", isRequired: false, meaning: "pieces on hand; the stock stays as it is when empty" },
  {
    name: "status",
    isRequired: false,
    meaning: "draft, published or archived; unchanged when empty, draft for a new product"
  }
] as const

/** One SKU and its product. What is undefined was left empty: it stays as it is, or takes its default where new. */
export interface ImportRow {
  readonly line: number
  readonly merchant: string
  readonly category: string
  readonly product: string
  readonly sku: string
  readonly title: LocalizedText
  readonly description: LocalizedText | undefined
  readonly options: Readonly<Record<string, string>> | undefined
  readonly images: ReadonlyArray<string> | undefined
  readonly price: Money
  readonly stock: number | undefined
  readonly status: ProductStatus | undefined
}

/** Why a row was not imported; `line` is where it starts in the file, from 1. */
export interface RowError {
  readonly line: number
  readonly sku: string
  readonly reason: string
}

const Cells = Schema.Struct({
  merchant: NonBlankText(64),
  category: NonBlankText(64),
  sku: ItemCode,
  product: ItemCode,
  title: BilingualText(300),
  description: Schema.UndefinedOr(Schema.Struct({ zh: PlainText(10_000), en: PlainText(10_000) })),
  options: Schema.UndefinedOr(SkuOptions),
  images: Schema.UndefinedOr(Schema.Array(ImageUrl).check(Schema.isMaxLength(maxImages))),
  price: Schema.String.check(Schema.isPattern(/^\d{1,15}(\.\d{1,8})?$/, { message: "must be a number such as 19.90" })),
  currency: Currency,
  stock: Schema.UndefinedOr(StockLevel.fields.onHand),
  status: Schema.UndefinedOr(ProductStatus)
})

const decodeCells = Schema.decodeUnknownResult(Cells, { errors: "all" })
const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** `19.9` of CNY as 1990 minor units, exactly; undefined where the currency has no such fraction or the sum is too large. */
export const parseMajor = (text: string, currency: Currency): number | undefined => {
  const digits = minorUnitDigits[currency]
  const [whole = "", fraction = ""] = text.split(".")
  if (fraction.slice(digits).replaceAll("0", "") !== "") return undefined
  const amount = Number(whole + fraction.slice(0, digits).padEnd(digits, "0"))
  return Number.isSafeInteger(amount) ? amount : undefined
}

/** `colour=red;size=M`; a part without `=` becomes an option with no value, which the schema refuses. */
const parseOptions = (text: string) =>
  Object.fromEntries(
    text
      .split(";")
      .filter((part) => part.trim() !== "")
      .map((part) => {
        const at = part.indexOf("=")
        return at === -1 ? [part.trim(), ""] : [part.slice(0, at).trim(), part.slice(at + 1).trim()]
      })
  )

const isFilled = (text: string) => text !== ""
const wholeNumber = /^\d{1,10}$/

/** Reads one record by the file's header; fails with every reason why the row cannot be imported, each naming its column. */
export const parseImportRow = (
  line: number,
  cells: ReadonlyMap<string, string>
): Result.Result<ImportRow, RowError> => {
  const cell = (name: (typeof importColumns)[number]["name"]) => (cells.get(name) ?? "").trim()
  const ifFilled = <A>(text: string, read: (text: string) => A) => (isFilled(text) ? read(text) : undefined)
  const description = { zh: cell("description_zh"), en: cell("description_en") }
  const sku = cell("sku")
  const failed = (reason: string) => Result.fail({ line, sku, reason })

  if ([...cells.values()].some((text) => text.includes("\ufffd"))) return failed("the text is not UTF-8")
  const decoded = decodeCells({
    merchant: cell("merchant"),
    category: cell("category"),
    sku,
    product: isFilled(cell("product")) ? cell("product") : sku,
    title: { zh: cell("title_zh"), en: cell("title_en") },
    description: isFilled(description.zh) || isFilled(description.en) ? description : undefined,
    options: ifFilled(cell("options"), parseOptions),
    images: ifFilled(cell("images"), (text) => text.split(/\s+/)),
    price: cell("price"),
    currency: ifFilled(cell("currency"), (text) => text.toUpperCase()) ?? "CNY",
    stock: ifFilled(cell("stock"), (text) => (wholeNumber.test(text) ? Number(text) : text)),
    status: ifFilled(cell("status"), (text) => text.toLowerCase())
  })
  if (Result.isFailure(decoded)) {
    const reasons = format(decoded.failure.issue).issues.map(
      ({ message, path = [] }) => `${path.map(String).join("_")}: ${message}`
    )
    return failed(reasons.join("; "))
  }
  const { currency, price, ...row } = decoded.success
  const amount = parseMajor(price, currency)
  if (amount === undefined || amount === 0)
    return failed(`price: ${price} ${currency} is not an amount of this currency`)
  return Result.succeed({ line, ...row, price: Money.of(amount, currency) })
}
