import type { ImportProgress as Progress } from "@mall/catalog/ProductImport"
import { SingleBar } from "cli-progress"
import { Console, Effect, Stdio } from "effect"
import process from "node:process"

/** Tells on standard error how far an import is: a bar at a terminal, a line per batch elsewhere. */
export interface ImportProgress {
  /** So many more bytes of the file were read. */
  readonly read: (bytes: number) => Effect.Effect<void>
  readonly imported: (progress: Progress) => Effect.Effect<void>
}

const bar = Effect.fnUntraced(function* (size: number) {
  const bar = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const bar = new SingleBar({
        format: "{bar} {percentage}% | {rows} rows, {failed} failed | {eta_formatted} left",
        stream: process.stderr,
        hideCursor: true
      })
      bar.start(size, 0, { rows: 0, failed: 0 })
      return bar
    }),
    (bar) => Effect.sync(() => bar.stop())
  )
  const progress: ImportProgress = {
    read: (bytes) => Effect.sync(() => bar.increment(bytes)),
    imported: ({ failed, rows }) => Effect.sync(() => bar.update({ rows, failed }))
  }
  return progress
})

const lines: ImportProgress = {
  read: () => Effect.void,
  imported: ({ failed, rows }) => Console.error(`${rows} rows, ${failed} failed`)
}

/** For a file of `size` bytes, until the scope closes. */
export const make = Effect.fnUntraced(function* (size: number) {
  const { stderrIsTerminal } = yield* Stdio.Stdio
  return (yield* stderrIsTerminal) ? yield* bar(size) : lines
})
