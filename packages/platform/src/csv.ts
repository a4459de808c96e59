import { Stream } from "effect"
import { Csv } from "effect/encoding"

/** What stands in a cell. */
export type Cell = string | number | boolean | null | undefined | Date

/** What to show of an item, by the heading of its column. */
export type Columns<A> = Readonly<Record<string, (item: A) => Cell>>

/** A text that a spreadsheet would take for a formula is marked as a text. Numbers are ours, so a minus stays. */
const textOf = (cell: Cell) => {
  if (cell === null || cell === undefined) return ""
  if (cell instanceof Date) return cell.toISOString()
  if (typeof cell === "number") return String(cell)
  const text = String(cell)
  return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
}

/** Lines of CSV, each with its end, after one of headings. */
export const encodeCsv = <A, E, R>(columns: Columns<A>, items: Stream.Stream<A, E, R>) =>
  items.pipe(
    Stream.map((item) => Object.fromEntries(Object.entries(columns).map(([name, cell]) => [name, textOf(cell(item))]))),
    Stream.pipeThroughChannel(Csv.encodeString<E>({ columns: Object.keys(columns), headers: true }))
  )
