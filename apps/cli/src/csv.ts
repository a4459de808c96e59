import { Console, Stream } from "effect"
import { Flag } from "effect/cli"
import { Csv } from "effect/encoding"
import type { Cell, Columns } from "./Output.ts"

/** `--csv` of a list that people take into a spreadsheet: all of it, not one page. */
export const csv = Flag.Boolean("csv").pipe(
  Flag.withDescription("Print all of it as CSV, for a spreadsheet"),
  Flag.withDefault(false)
)

/** A text that a spreadsheet would take for a formula is marked as a text. Numbers are ours, so a minus stays. */
const textOf = (cell: Cell) => {
  if (cell === null || cell === undefined) return ""
  if (cell instanceof Date) return cell.toISOString()
  if (typeof cell === "number") return String(cell)
  const text = String(cell)
  return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
}

export const printCsv = <A, E, R>(columns: Columns<A>, items: Stream.Stream<A, E, R>) => {
  const names = Object.keys(columns)
  return items.pipe(
    Stream.map((item) => Object.fromEntries(Object.entries(columns).map(([name, cell]) => [name, textOf(cell(item))]))),
    Stream.pipeThroughChannel(Csv.encodeString<E>({ columns: names, headers: true })),
    Stream.runForEach((record) => Console.log(record.trimEnd()))
  )
}
