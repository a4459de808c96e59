import { BillMalformed } from "@mall/domain/treasury/ReconciliationError"

/** Longer than any line of a bill: more is no bill. */
const longestLine = 65_536

/** Cuts pieces of text into lines that end with LF or CRLF, and numbers them from 1. */
export class LineCutter {
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
