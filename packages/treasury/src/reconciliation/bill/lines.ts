import type { BillLine } from "@mall/domain/treasury/Bill"
import { BillMalformed } from "@mall/domain/treasury/ReconciliationError"
import { Result } from "effect"
import type { BillParser, Parsed } from "./BillParser.ts"

/** Longer than any line of a bill: more is no bill. */
const longestLine = 65_536

/** Cuts pieces of text into lines that end with LF or CRLF, and numbers them from 1. */
class LineCutter {
  #rest = ""
  #count = 0

  /** The number of the last line that was handed out. */
  get count() {
    return this.#count
  }

  /** Hands `each` the lines that are whole by now, until one is refused. */
  push(text: string, each: (line: string, number: number) => BillMalformed | undefined): BillMalformed | undefined {
    const whole = this.#rest + text
    let start = 0
    for (let end = whole.indexOf("\n"); end >= 0; end = whole.indexOf("\n", start)) {
      const line = whole.slice(start, whole[end - 1] === "\r" ? end - 1 : end)
      this.#count += 1
      start = end + 1
      const refused = each(line, this.#count)
      if (refused !== undefined) return refused
    }
    this.#rest = whole.slice(start)
    return this.#rest.length > longestLine ? malformed(this.#count + 1, "it has no end") : undefined
  }

  /** What stands behind the last line end: a last line without one, or nothing. */
  end(each: (line: string, number: number) => BillMalformed | undefined): BillMalformed | undefined {
    return this.#rest === "" ? undefined : this.push("\n", each)
  }
}

export const malformed = (line: number, reason: string) => new BillMalformed({ line, reason })

/** What a format does with one line: keeps what it tells by `keep`, or says why it is refused. */
export type ReadLine = (text: string, number: number, keep: (line: BillLine) => void) => BillMalformed | undefined

/** A parser of what is read line by line. `isWhole` says whether the end of the bill has been read. */
export const lineParser = (read: ReadLine, isWhole: () => boolean): BillParser => {
  const cutter = new LineCutter()
  let found: Array<BillLine> = []
  const keep = (line: BillLine) => {
    found.push(line)
  }
  const each = (text: string, number: number) => read(text, number, keep)

  const taken = (refused: BillMalformed | undefined): Parsed => {
    if (refused !== undefined) return Result.fail(refused)
    const lines = found
    found = []
    return Result.succeed(lines)
  }

  return {
    push: (text) => taken(cutter.push(text, each)),
    end: () => {
      const refused = cutter.end(each)
      return taken(refused ?? (isWhole() ? undefined : malformed(cutter.count + 1, "the bill ends too early")))
    }
  }
}
