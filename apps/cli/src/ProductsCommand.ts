import * as CatalogServices from "@mall/catalog/CatalogServices"
import { importErrorsCsv } from "@mall/catalog/importReport"
import { importColumns } from "@mall/catalog/importRow"
import { ProductImport } from "@mall/catalog/ProductImport"
import type { ImportReport } from "@mall/catalog/ProductImport"
import { Notifications } from "@mall/platform/Notifications"
import * as Inventory from "@mall/trade/Inventory"
import { Console, Effect, FileSystem, Layer, Option, Runtime, Schema, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as ImportProgress from "./ImportProgress.ts"
import { json, print } from "./Output.ts"
import * as ReadyDatabase from "./ReadyDatabase.ts"

const Services = CatalogServices.layer.pipe(
  Layer.provide([Inventory.layer, Notifications.layer]),
  Layer.provideMerge(ReadyDatabase.layer)
)

/** So many errors are shown; `--errors` keeps all of them. */
const shownErrors = 20

const Report = Schema.Struct({
  isDryRun: Schema.Boolean,
  rows: Schema.Int,
  created: Schema.Int,
  updated: Schema.Int,
  failed: Schema.Int,
  errors: Schema.Array(Schema.Struct({ line: Schema.Int, sku: Schema.String, reason: Schema.String }))
})

class RowsFailed extends Schema.TaggedError<RowsFailed>()("RowsFailed", {
  failed: Schema.Int,
  rows: Schema.Int,
  isDryRun: Schema.Boolean
}) {
  override get message() {
    const verb = this.isDryRun ? "would not be" : "were not"
    return `${this.failed} of ${this.rows} rows ${verb} imported; mend them and import the file again`
  }
}

class ErrorsOverInput extends Schema.TaggedError<ErrorsOverInput>()("ErrorsOverInput", { file: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 2
  override get message() {
    return `--errors would be written over what is imported: ${this.file}`
  }
}

/** Tells before anything is imported that what fails could not be kept. */
const assertWritable = Effect.fnUntraced(function* (errors: string, file: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(fs.open(errors, { flag: "a" }))
  if ((yield* fs.realPath(errors)) === (yield* fs.realPath(file))) return yield* new ErrorsOverInput({ file })
})

const tellErrors = Effect.fnUntraced(function* ({ errors, failed }: ImportReport) {
  for (const { line, reason, sku } of errors.slice(0, shownErrors)) {
    yield* Console.error(`line ${line}${sku === "" ? "" : `, SKU ${sku}`}: ${reason}`)
  }
  if (failed > shownErrors) yield* Console.error(`and ${failed - shownErrors} more; --errors FILE keeps them`)
})

const summary = ({ created, failed, isDryRun, rows, updated }: ImportReport) =>
  `${isDryRun ? "Would import" : "Imported"} ${rows - failed} of ${rows} rows: ${created} SKUs created, ${updated} updated.`

const importFile = Command.make(
  "import",
  {
    file: Argument.File("file", { mustExist: true }).pipe(
      Argument.withDescription(
        `A CSV file in UTF-8 whose first line names its columns. ${importColumns.map(({ isRequired, meaning, name }) => `${name}${isRequired ? "" : " (optional)"}: ${meaning}`).join(". ")}.`
      )
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Check everything against the database and write nothing"),
      Flag.withDefault(false)
    ),
    errors: Flag.File("errors").pipe(
      Flag.withDescription("Write line, SKU and reason of every row that failed to this CSV file"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ dryRun, errors, file, json }) {
    const fs = yield* FileSystem.FileSystem
    const products = yield* ProductImport
    if (Option.isSome(errors)) yield* assertWritable(errors.value, file)
    const { size } = yield* fs.stat(file)
    const report = yield* Effect.scoped(
      Effect.gen(function* () {
        const progress = yield* ImportProgress.make(Number(size))
        const bytes = fs.stream(file).pipe(Stream.tap((chunk) => progress.read(chunk.length)))
        return yield* products.run(bytes, { isDryRun: dryRun, onProgress: progress.imported })
      })
    )
    if (Option.isSome(errors)) yield* fs.writeFileString(errors.value, yield* importErrorsCsv(report.errors))
    yield* tellErrors(report)
    yield* print(report, { json, schema: Report }, Console.log(summary(report)))
    if (report.failed > 0) return yield* new RowsFailed(report)
  })
).pipe(
  Command.withDescription(
    "Import products from a CSV file, a SKU per row: new ones are made, those that exist are updated. Good rows are written even where others fail; the same file may be imported again."
  ),
  Command.withShortDescription("Import products from a CSV file"),
  Command.withExamples([
    { command: "mall products import products.csv --dry-run", description: "Look what would be done" },
    { command: "mall products import products.csv --errors failed.csv", description: "Ends with 1 where rows failed" }
  ]),
  Command.provide(Services)
)

export const ProductsCommand = Command.make("products").pipe(Command.withSubcommands([importFile]))
