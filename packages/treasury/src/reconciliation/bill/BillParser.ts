import type { BillLine } from "@mall/domain/treasury/Bill"
import type { BillMalformed } from "@mall/domain/treasury/ReconciliationError"
import type { Result } from "effect"

/** What a parser found so far, or why the bill is none of its format. */
export type Parsed = Result.Result<ReadonlyArray<BillLine>, BillMalformed>

/**
 * Reads one bill, a piece of text at a time, and keeps no more than an unfinished line. Strict: what it does not know is
 * refused, with the number of the line. `end` says whether the bill is whole; nothing before it is certain.
 */
export interface BillParser {
  push(text: string): Parsed
  end(): Parsed
}

/** What is known before the bill: in which currency a format without one is, and where its midnight is. */
export interface BillContext {
  /** The first moment of the day, and of the next. */
  readonly from: Date
  readonly to: Date
  readonly offsetMinutes: number
}
