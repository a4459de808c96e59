import { Effect, Stream } from "effect"
import { Csv } from "effect/encoding"
import type { RowError } from "./importRow.ts"

/** A spreadsheet runs a cell that begins like a formula: an apostrophe makes it text. */
const guardFormula = (cell: string) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell)

/** What could not be imported, as a CSV file for the one who made the import: line, SKU and reason. */
export const importErrorsCsv = (errors: ReadonlyArray<RowError>): Effect.Effect<string> =>
  Stream.fromIterable(errors).pipe(
    Stream.map(({ line, reason, sku }) => ({
      line: String(line),
      sku: guardFormula(sku),
      reason: guardFormula(reason)
    })),
    Stream.pipeThroughChannel(Csv.encodeString({ columns: ["line", "sku", "reason"], headers: true })),
    Stream.mkString
  )
