import { Effect, Result, Schema, Stream } from "effect"
import { Csv } from "effect/encoding"
import { importColumns, parseImportRow } from "./importRow.ts"
import type { ImportRow, RowError } from "./importRow.ts"

/** The file is not one that can be imported at all; nothing was done. */
export class ImportRejected extends Schema.TaggedError<ImportRejected>()("ImportRejected", {
  reason: Schema.String
}) {
  override get message() {
    return this.reason
  }
}

/** How many lines of the file a record takes: line breaks inside quotes count. */
const linesIn = (cells: ReadonlyArray<string>) =>
  cells.reduce((count, cell) => count + (cell.match(/\r\n|\r|\n/g)?.length ?? 0), 1)

const rejected = (reason: string) => Effect.fail(new ImportRejected({ reason }))

const knownNames: ReadonlySet<string> = new Set(importColumns.map(({ name }) => name))

const readHeader = (cells: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, ImportRejected> => {
  const header = cells.map((cell) => cell.trim().toLowerCase())
  const unknown = header.filter((name) => !knownNames.has(name))
  const missing = importColumns.filter(({ isRequired, name }) => isRequired && !header.includes(name))
  if (unknown.length > 0) return rejected(`The first line names columns that are not known: ${unknown.join(", ")}`)
  if (missing.length > 0) {
    return rejected(`The first line lacks these columns: ${missing.map(({ name }) => name).join(", ")}`)
  }
  if (new Set(header).size < header.length) return rejected("The first line names a column twice")
  return Effect.succeed(header)
}

const readRow = (
  line: number,
  header: ReadonlyArray<string>,
  cells: ReadonlyArray<string>
): ReadonlyArray<RowResult> => {
  if (cells.length === 1 && cells[0] === "") return []
  if (cells.length === header.length) {
    return [parseImportRow(line, new Map(header.map((name, index) => [name, cells[index] ?? ""])))]
  }
  const sku = cells[header.indexOf("sku")] ?? ""
  return [Result.fail({ line, sku, reason: `has ${cells.length} cells, the first line ${header.length}` })]
}

export type RowResult = Result.Result<ImportRow, RowError>

interface Position {
  readonly line: number
  readonly header: ReadonlyArray<string> | undefined
}

const start: Position = { line: 1, header: undefined }

/**
 * The rows of a CSV file in UTF-8, each with the line where it starts. Blank lines are skipped. What cannot be read as CSV
 * at all ends the rows with an error of its line, since nothing after it can be told apart.
 */
export const readImportFile = <E, R>(
  file: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<RowResult, E | ImportRejected, R> =>
  file.pipe(
    Stream.decodeText(),
    // one line at a time, so that a syntax error costs no good row before it
    Stream.flatMap((text) => Stream.fromIterable(text.split(/(?<=\n)/))),
    Stream.rechunk(1),
    Stream.pipeThroughChannel(Csv.decodeString<E>()),
    Stream.mapAccumEffect(
      () => start,
      ({ header, line }: Position, cells: Csv.Row) => {
        const next = line + linesIn(cells)
        return header === undefined
          ? Effect.map(readHeader(cells), (header) => [{ line: next, header }, noRows] as const)
          : Effect.succeed([{ line: next, header }, readRow(line, header, cells)] as const)
      }
    ),
    Stream.catchIf(Csv.isCsvError, ({ line, message }) =>
      Stream.succeed(Result.fail({ line, sku: "", reason: `${message}; the file was not read further` }))
    )
  )

const noRows: ReadonlyArray<RowResult> = []
