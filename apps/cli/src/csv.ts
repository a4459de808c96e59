import { encodeCsv } from "@mall/platform/csv"
import type { Columns } from "@mall/platform/csv"
import { Console, Stream } from "effect"
import { Flag } from "effect/cli"

/** `--csv` of a list that people take into a spreadsheet: all of it, not one page. */
export const csv = Flag.Boolean("csv").pipe(
  Flag.withDescription("Print all of it as CSV, for a spreadsheet"),
  Flag.withDefault(false)
)

export const printCsv = <A, E, R>(columns: Columns<A>, items: Stream.Stream<A, E, R>) =>
  Stream.runForEach(encodeCsv(columns, items), (record) => Console.log(record.trimEnd()))
