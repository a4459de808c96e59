import type { SkuId } from "@mall/domain/catalog/Catalog"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { assert, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { importErrorsCsv } from "../src/importReport.ts"
import { ProductImport } from "../src/ProductImport.ts"
import { Products } from "../src/Products.ts"
import { Storefront } from "../src/Storefront.ts"
import { CatalogTest, firstOf, makeCategory, makeSeller, nextId } from "./support/CatalogTest.ts"
import { StockMemory } from "./support/StockMemory.ts"

const header = "merchant,category,product,sku,title_zh,title_en,options,price,currency,stock,images,status"

/** The file as it comes from a disk: in pieces that end anywhere, also within a character. */
const bytesOf = (text: string) => {
  const bytes = new TextEncoder().encode(text)
  const pieces: Array<Uint8Array> = []
  for (let start = 0; start < bytes.length; start += 4099) pieces.push(bytes.slice(start, start + 4099))
  return Stream.fromIterable(pieces)
}

const run = Effect.fnUntraced(function* (
  lines: ReadonlyArray<string>,
  options?: Parameters<ProductImport["Service"]["run"]>[1]
) {
  const products = yield* ProductImport
  return yield* products.run(bytesOf(lines.join("\r\n")), options)
})

const setting = Effect.gen(function* () {
  const { merchantId, seller } = yield* makeSeller
  const { code: category, id: categoryId } = yield* makeCategory()
  return { merchantId, seller, category, categoryId }
})

const ownProducts = Effect.fnUntraced(function* (merchantId: MerchantId) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<{ readonly code: string; readonly status: string; readonly skus: number }>`
    SELECT p.code, p.status, count(s.id)::int AS skus FROM catalog.products p
    LEFT JOIN catalog.skus s ON s.product_id = p.id WHERE p.merchant_id = ${merchantId} GROUP BY p.id ORDER BY p.code`
})

layer(CatalogTest, { excludeTestServices: true })("ProductImport", (it) => {
  it.effect("imports good rows, groups SKUs by product, and sets their stock", () =>
    Effect.gen(function* () {
      const storefront = yield* Storefront
      const stock = yield* StockMemory
      const { category, categoryId, merchantId } = yield* setting
      const report = yield* run([
        header,
        `${merchantId},${category},TEE,TEE-RED,"T恤, 纯棉",Cotton tee,colour=red; size=M,99.5,CNY,12,https://a.example/1.png https://a.example/2.png,published`,
        `${merchantId},${category},TEE,TEE-BLUE,"T恤, 纯棉",Cotton tee,colour=blue;size=M,89,,7,,published`,
        "",
        `${merchantId},${category},,MUG,,"A ""big""\nmug",,1990,JPY,,,`
      ])
      assert.deepStrictEqual(
        { ...report, errors: [...report.errors] },
        {
          ...{ isDryRun: false, rows: 3, created: 3, updated: 0, failed: 0, errors: [] }
        }
      )
      assert.deepStrictEqual(yield* ownProducts(merchantId), [
        { code: "MUG", status: "draft", skus: 1 },
        { code: "TEE", status: "published", skus: 2 }
      ])
      const tee = firstOf((yield* storefront.products({ category: categoryId })).data)
      assert.strictEqual(tee.priceFrom.amount, 8900)
      const shown = yield* storefront.product(tee.id)
      assert.strictEqual(shown.images.length, 2)
      assert.deepStrictEqual(shown.skus.map(({ available, code, options }) => [code, available, options]).toSorted(), [
        ["TEE-BLUE", 7, { colour: "blue", size: "M" }],
        ["TEE-RED", 12, { colour: "red", size: "M" }]
      ])
      assert.strictEqual(stock.onHand.size, 2)
    })
  )

  it.effect("updates by shop and SKU code, keeps what a row leaves empty, and is harmless when run again", () =>
    Effect.gen(function* () {
      const storefront = yield* Storefront
      const sql = yield* SqlClient.SqlClient
      const { category, categoryId, merchantId } = yield* setting
      const first = [header, `${merchantId},${category},,CUP,,Cup,size=L,10,CNY,5,https://a.example/cup.png,published`]
      yield* run(first)
      const again = yield* run(first)
      assert.deepStrictEqual([again.created, again.updated], [0, 1])
      yield* run(["merchant,category,sku,title_en,price", `${merchantId},${category},CUP,Big cup,12.30`])
      const listed = firstOf((yield* storefront.products({ category: categoryId })).data)
      assert.strictEqual(listed.title.en, "Big cup")
      assert.strictEqual(listed.priceFrom.amount, 1230)
      const cup = yield* storefront.product(listed.id)
      assert.deepStrictEqual(cup.images, ["https://a.example/cup.png"])
      assert.deepStrictEqual(firstOf(cup.skus).options, { size: "L" })
      assert.strictEqual(firstOf(cup.skus).available, 5)
      const prices = yield* sql`
        SELECT c.price FROM catalog.price_changes c WHERE c.sku_id = ${firstOf(cup.skus).id} ORDER BY c.id`
      assert.deepStrictEqual(prices, [{ price: 1000 }, { price: 1230 }])
    })
  )

  it.effect("reports each bad row by its line and reason, and imports the others", () =>
    Effect.gen(function* () {
      const products = yield* Products
      const { category, merchantId, seller } = yield* setting
      const { id: categoryId } = yield* makeCategory()
      const old = yield* products.create(seller, yield* nextId, {
        categoryId,
        title: { zh: "", en: "Old" },
        code: "OLD"
      })
      yield* products.archive(seller, old.id)
      const row = (sku: string, rest: string) => `${merchantId},${category},,${sku},,${rest}`
      const report = yield* run([
        header,
        row("GOOD-1", "Good,,1,,,,"),
        row("NO-PRICE", "Title,,,,,,"),
        row("NEGATIVE", "Title,,-5,,,,"),
        row("FRACTION", "Title,,1.005,CNY,,,"),
        row("YEN", "Title,,1.5,JPY,,,"),
        row("ZERO", "Title,,0,CNY,,,"),
        row("HUGE", "Title,,999999999999999,CNY,,,"),
        row("CURRENCY", "Title,,1,XYZ,,,"),
        row("STOCK", "Title,,1,,-1,,"),
        row("IMAGE", "Title,,1,,,http://plain.example/a.png,"),
        row("STATUS", "Title,,1,,,,sold"),
        row("OPTIONS", "Title,red,1,,,,"),
        row("NO-TITLE", ",,1,,,,"),
        row("GOOD-1", "Again,,1,,,,"),
        `nobody,${category},,SHOP,,Title,,1,,,,`,
        `${merchantId},nowhere,,PLACE,,Title,,1,,,,`,
        `${merchantId},${category},OLD,ARCHIVED,,Title,,1,,,,`,
        `${merchantId},${category},PAIR,PAIR-1,,Title,size=L,1,CNY,,,`,
        `${merchantId},${category},PAIR,PAIR-2,,Title,size=L,1,CNY,,,`,
        `${merchantId},${category},PAIR,PAIR-3,,Title,size=S,1,USD,,,`,
        `${merchantId},${category},OTHER,PAIR-1,,Title,,1,CNY,,,`,
        `${merchantId},${category},,SHORT`,
        row("GOOD-2", "Good,,1,,,,published")
      ])
      assert.deepStrictEqual(
        report.errors.map(({ line, sku }) => [line, sku]),
        [
          ...[
            [3, "NO-PRICE"],
            [4, "NEGATIVE"],
            [5, "FRACTION"],
            [6, "YEN"],
            [7, "ZERO"],
            [8, "HUGE"],
            [9, "CURRENCY"],
            [10, "STOCK"],
            [11, "IMAGE"],
            [12, "STATUS"],
            [13, "OPTIONS"],
            [14, "NO-TITLE"],
            [15, "GOOD-1"],
            [16, "SHOP"],
            [17, "PLACE"],
            [18, "ARCHIVED"],
            [20, "PAIR-2"],
            [21, "PAIR-3"],
            [22, "PAIR-1"],
            [23, "SHORT"]
          ]
        ]
      )
      assert.strictEqual(report.failed, 20)
      assert.strictEqual(report.created, 3)
      const reason = new Map(report.errors.map(({ line, reason }) => [line, reason]))
      assert.match(String(reason.get(3)), /^price: must be a number/)
      assert.match(String(reason.get(12)), /^status: /)
      assert.strictEqual(reason.get(15), "sku: stands in line 2 already")
      assert.strictEqual(reason.get(17), "category: there is no nowhere")
      assert.strictEqual(reason.get(20), "options: the SKU PAIR-1 has the same")
      assert.strictEqual(reason.get(23), "has 4 cells, the first line 12")
      assert.deepStrictEqual(
        (yield* ownProducts(merchantId)).map(({ code }) => code),
        ["GOOD-1", "GOOD-2", "OLD", "PAIR"]
      )
    })
  )

  it.effect("takes a SKU once where its shop is named by its code and by its id", () =>
    Effect.gen(function* () {
      const stock = yield* StockMemory
      const sql = yield* SqlClient.SqlClient
      const { category, merchantId } = yield* setting
      const row = (shop: string, sku: string, price: number, level: number) =>
        `${shop},${category},,${sku},,Title,,${price},CNY,${level},,`
      const others = Array.from({ length: 1000 }, (_, n) => row(merchantId, `OTHER-${n}`, 1, 1))
      const report = yield* run([
        header,
        row(merchantId, "TWICE", 1, 10),
        row(`shop-${merchantId}`, "TWICE", 2, 20),
        // the third time in another batch
        ...others,
        row(`shop-${merchantId}`, "TWICE", 3, 30)
      ])
      assert.deepStrictEqual(report, {
        ...{ isDryRun: false, rows: 1003, created: 1001, updated: 0, failed: 2 },
        errors: [3, 1004].map((line) => ({ line, sku: "TWICE", reason: "sku: stands in line 2 already" }))
      })
      const twice = firstOf(
        yield* sql<{ readonly id: SkuId; readonly price: number }>`
          SELECT s.id, s.price FROM catalog.skus s WHERE s.merchant_id = ${merchantId} AND s.code = 'TWICE'`
      )
      assert.deepStrictEqual([twice.price, stock.onHand.get(twice.id)], [100, 10])
    })
  )

  it.effect("writes nothing on a dry run, and says what it would have done", () =>
    Effect.gen(function* () {
      const stock = yield* StockMemory
      const { category, merchantId } = yield* setting
      const before = stock.onHand.size
      const lines = [
        header,
        `${merchantId},${category},,DRY,,Dry,,1,CNY,3,,`,
        `${merchantId},${category},,BAD,,Bad,,x,,,,`
      ]
      const report = yield* run(lines, { isDryRun: true })
      assert.deepStrictEqual([report.isDryRun, report.created, report.failed], [true, 1, 1])
      assert.deepStrictEqual(yield* ownProducts(merchantId), [])
      assert.strictEqual(stock.onHand.size, before)
    })
  )

  it.effect("reports a stock that is refused and sets the others", () =>
    Effect.gen(function* () {
      const stock = yield* StockMemory
      const sql = yield* SqlClient.SqlClient
      const { category, merchantId } = yield* setting
      const lines = (level: number) => [
        header,
        `${merchantId},${category},,ONE,,One,,1,CNY,${level},,`,
        `${merchantId},${category},,TWO,,Two,,1,CNY,${level},,`
      ]
      yield* run(lines(10))
      const skus = yield* sql<{ readonly id: SkuId }>`
        SELECT s.id FROM catalog.skus s WHERE s.merchant_id = ${merchantId} ORDER BY s.code`
      const one = firstOf(skus).id
      const two = firstOf(skus.slice(1)).id
      stock.reserved.set(one, 8)
      const report = yield* run(lines(4))
      assert.deepStrictEqual(
        report.errors.map(({ line, reason, sku }) => [line, sku, reason]),
        [[2, "ONE", "stock: 8 are reserved by open orders"]]
      )
      assert.strictEqual(stock.onHand.get(two), 4)
    })
  )

  it.effect("rejects a file whose first line is not one of ours", () =>
    Effect.gen(function* () {
      for (const first of [
        "",
        "merchant,category,sku,colour,price",
        "merchant,category",
        "merchant,category,sku,price,sku"
      ]) {
        const error = yield* Effect.flip(run([first, "a,b,c,d,e"]))
        assert.strictEqual(error._tag, "ImportRejected", first)
      }
      assert.strictEqual((yield* run([])).rows, 0)
    })
  )

  it.effect("keeps the rows before a line that is not CSV, and says that it stopped there", () =>
    Effect.gen(function* () {
      const { category, merchantId } = yield* setting
      const good = (sku: string) => `${merchantId},${category},,${sku},,Title,,1,CNY,,,`
      const report = yield* run([header, good("A"), good("B"), `${merchantId},6" nails`, good("C")])
      assert.strictEqual(report.created, 2)
      assert.deepStrictEqual(
        report.errors.map(({ line }) => line),
        [4]
      )
      assert.include(firstOf(report.errors).reason, "was not read further")
    })
  )

  it.effect("imports ten thousand rows in batches, reporting progress", () =>
    Effect.gen(function* () {
      const { category, merchantId } = yield* setting
      const rows = Array.from({ length: 10_000 }, (_, n) => {
        const price = n % 100 === 99 ? "x" : `${(n % 500) + 1}.50`
        return `${merchantId},${category},P-${n >> 2},S-${n},商品 ${n},Product ${n},variant=${n % 4},${price},CNY,${n % 50},,published`
      })
      const seen: Array<number> = []
      const report = yield* run([header, ...rows], {
        onProgress: (progress) => Effect.sync(() => seen.push(progress.rows))
      })
      assert.deepStrictEqual([report.rows, report.created, report.failed], [10_000, 9900, 100])
      assert.deepStrictEqual(
        seen,
        Array.from({ length: 10 }, (_, n) => (n + 1) * 1000)
      )
    })
  )

  it.effect("lets two imports of the same file run at the same time", () =>
    Effect.gen(function* () {
      const { category, merchantId } = yield* setting
      const rows = Array.from(
        { length: 300 },
        (_, n) => `${merchantId},${category},,R-${n},,Racing,,1,CNY,1,,published`
      )
      const reports = yield* Effect.all([run([header, ...rows]), run([header, ...rows.toReversed()])], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        reports.map(({ failed }) => failed),
        [0, 0]
      )
      assert.strictEqual((yield* ownProducts(merchantId)).length, 300)
    })
  )

  it.effect("writes an error report that a spreadsheet does not run", () =>
    Effect.gen(function* () {
      const csv = yield* importErrorsCsv([
        { line: 2, sku: '=HYPERLINK("http://evil")', reason: 'price: bad, "very"' },
        { line: 3, sku: "@SUM(A1)", reason: "+1" }
      ])
      assert.strictEqual(
        csv,
        'line,sku,reason\r\n2,"\'=HYPERLINK(""http://evil"")","price: bad, ""very"""\r\n3,\'@SUM(A1),\'+1\r\n'
      )
    })
  )
})
