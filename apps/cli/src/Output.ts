import Table from "cli-table3"
import { Console, Effect } from "effect"
import { Flag } from "effect/cli"

/** `--json` of every command that prints something. */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON for a program instead of a table for a person"),
  Flag.withDefault(false)
)

type Cell = string | number | boolean | null | undefined | Date

const show = (cell: Cell) =>
  cell === null || cell === undefined ? "" : cell instanceof Date ? cell.toISOString() : String(cell)

/** Rows for a person, in columns as wide as their text (a Chinese character counts two). */
const table = (columns: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<Cell>>) => {
  const drawn = new Table({
    head: [...columns],
    style: { head: [], border: [], compact: true },
    chars: {
      ...{ top: "", "top-mid": "", "top-left": "", "top-right": "" },
      ...{ bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
      ...{ left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " }
    }
  })
  for (const row of rows) drawn.push(row.map(show))
  return drawn.toString()
}

/** Prints a list: every field of `items` as JSON, or `columns` of them as a table. */
export const printList = <A>(
  items: ReadonlyArray<A>,
  options: {
    readonly json: boolean
    readonly columns: Readonly<Record<string, (item: A) => Cell>>
    /** What to say where there is nothing. */
    readonly empty: string
  }
) =>
  Effect.gen(function* () {
    if (options.json) return yield* Console.log(JSON.stringify(items, undefined, 2))
    if (items.length === 0) return yield* Console.log(options.empty)
    const columns = Object.entries(options.columns)
    yield* Console.log(
      table(
        columns.map(([name]) => name),
        items.map((item) => columns.map(([, cell]) => cell(item)))
      )
    )
  })

/** Prints one thing: as JSON, or a line per field. */
export const printOne = (
  fields: Readonly<Record<string, Cell>>,
  options: { readonly json: boolean; readonly whole: unknown }
) =>
  Effect.gen(function* () {
    if (options.json) return yield* Console.log(JSON.stringify(options.whole, undefined, 2))
    yield* Console.log(
      table(
        ["", ""],
        Object.entries(fields).map(([name, value]) => [name, value])
      )
    )
  })
