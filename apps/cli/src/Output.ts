import type { Page } from "@mall/domain/kernel/Page"
import type { Cell, Columns } from "@mall/platform/csv"
import Table from "cli-table3"
import { Console, Effect, Schema } from "effect"
import { Flag } from "effect/cli"

/** `--json` of every command that prints something. */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print JSON for a program, as the HTTP API writes it, instead of a table for a person"),
  Flag.withDefault(false)
)

/** Text of strangers may hold codes that a terminal obeys: they are shown as blanks. */
const show = (cell: Cell) =>
  cell === null || cell === undefined
    ? ""
    : cell instanceof Date
      ? cell.toISOString()
      : String(cell).replaceAll(/\p{Cc}/gu, " ")

/** Rows in columns as wide as their text (a Chinese character counts two), without lines. */
const draw = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<Cell>>) => {
  const drawn = new Table({
    ...(head.length === 0 ? {} : { head: [...head] }),
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 0 },
    chars: {
      ...{ top: "", "top-mid": "", "top-left": "", "top-right": "" },
      ...{ bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
      ...{ left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " }
    }
  })
  for (const row of rows) drawn.push(row.map(show))
  return drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
}

export const money = ({ amount, currency }: { readonly amount: number; readonly currency: string }) =>
  `${amount} ${currency}`

/** A table of `items`, or `empty` where there are none. */
export const table = <A>(columns: Columns<A>, items: ReadonlyArray<A>, empty: string) =>
  Console.log(
    items.length === 0
      ? empty
      : draw(
          Object.keys(columns),
          items.map((item) => Object.values(columns).map((cell) => cell(item)))
        )
  )

/** One thing: a line per field. */
export const fields = (values: Readonly<Record<string, Cell>>) => Console.log(draw([], Object.entries(values)))

/** A table under a heading; nothing where there are no items. */
export const section = <A>(title: string, columns: Columns<A>, items: ReadonlyArray<A>) =>
  items.length === 0 ? Effect.void : Effect.andThen(Console.log(`\n${title}`), table(columns, items, ""))

interface Shown<A, I> {
  readonly json: boolean
  /** How the value is written as JSON: ids, dates and amounts are those of the HTTP API. */
  readonly schema: Schema.Codec<A, I>
}

/** Prints `value` as JSON, or as `human` does it. */
export const print = <A, I, E, R>(value: A, { json, schema }: Shown<A, I>, human: Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    if (!json) return yield* human
    const encoded = yield* Effect.orDie(Schema.encodeEffect(Schema.toCodecJson(schema))(value))
    yield* Console.log(JSON.stringify(encoded, undefined, 2))
  })

/** Prints a page of a list; a table says how the next page is asked for. */
export const printPage = <A, I>(
  page: Page<A>,
  { columns, empty, ...shown }: Shown<Page<A>, I> & { readonly columns: Columns<A>; readonly empty: string }
) =>
  print(
    page,
    shown,
    Effect.gen(function* () {
      yield* table(columns, page.data, empty)
      if (page.nextCursor !== null) yield* Console.log(`\nThere is more: --after ${page.nextCursor}`)
    })
  )
