import { Context, Effect, Layer, Schema } from "effect"

/** What was asked, what was decided and what went back. */
export const LedgerEntry = Schema.Struct({
  at: Schema.String,
  channel: Schema.String,
  operation: Schema.String,
  method: Schema.String,
  target: Schema.String,
  request: Schema.String,
  /** `accepted`, or the channel's error code. */
  verdict: Schema.String,
  /** Null where the connection was dropped. */
  status: Schema.NullOr(Schema.Int),
  answer: Schema.String,
  /** The kind of the fault that struck, if one did. */
  fault: Schema.NullOr(Schema.String)
})
export type LedgerEntry = typeof LedgerEntry.Type

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
