import { Context, Effect, Layer } from "effect"

/** What was asked, what was decided and what went back. */
export interface LedgerEntry {
  readonly at: string
  readonly channel: string
  readonly operation: string
  readonly method: string
  readonly target: string
  readonly request: string
  /** `accepted`, or the channel's error code. */
  readonly verdict: string
  /** Null where the connection was dropped. */
  readonly status: number | null
  readonly answer: string
  /** The kind of the fault that struck, if one did. */
  readonly fault: string | null
}

const capacity = 1_000
const longestText = 4_000

/** The last thousand requests that channels received. */
export class RequestLedger extends Context.Service<
  RequestLedger,
  {
    record(entry: LedgerEntry): Effect.Effect<void>
    /** Newest first. */
    readonly list: Effect.Effect<ReadonlyArray<LedgerEntry>>
    readonly clear: Effect.Effect<void>
  }
>()("@mall/sandbox/RequestLedger") {
  static readonly layer = Layer.sync(RequestLedger, () => {
    let entries: Array<LedgerEntry> = []
    return RequestLedger.of({
      record: (entry) =>
        Effect.sync(() => {
          entries.push({
            ...entry,
            request: entry.request.slice(0, longestText),
            answer: entry.answer.slice(0, longestText)
          })
          // trimmed by halves: shifting a full array at every request would cost its length each time
          if (entries.length > 2 * capacity) entries = entries.slice(-capacity)
        }),
      list: Effect.sync(() => entries.slice(-capacity).toReversed()),
      clear: Effect.sync(() => {
        entries = []
      })
    })
  })
}
