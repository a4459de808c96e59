import { Effect, Schema } from "effect"

const Milliseconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 600_000 }))

/** `before` the channel does the work, or `after` it: the second is the one that loses track of money. */
const When = Schema.Literals(["before", "after"]).pipe(Schema.withDecodingDefaultKey(Effect.succeed("before" as const)))

/**
 * What is falsified. `signature`, `body` (altered after signing), `timestamp` (ten minutes old) and `serial` (a key nobody
 * knows) break the seal; `amount`, `currency`, `merchant` and `reference` are signed correctly and say something untrue. Of a
 * chain, `omission` leaves out what came, and `invention` tells of it once more, as another transfer.
 */
export const Tampering = Schema.Literals([
  "signature",
  "body",
  "timestamp",
  "serial",
  "amount",
  "currency",
  "merchant",
  "reference",
  "omission",
  "invention"
])
export type Tampering = typeof Tampering.Type

const Answer = Schema.Literals(["500", "429", "error", "html", "empty", "half"])

const Delay = Schema.Struct({ kind: Schema.tag("delay"), milliseconds: Milliseconds, when: When })
/** The connection is reset. For a callback: `before` it is sent, or the answer to it is lost. */
const Drop = Schema.Struct({ kind: Schema.tag("drop"), when: When })
const Tamper = Schema.Struct({ kind: Schema.tag("tamper"), what: Tampering })
/** A byte at a time, `milliseconds` apart. */
const SlowDrip = Schema.Struct({ kind: Schema.tag("slow-drip"), milliseconds: Milliseconds })

/** What may go wrong with the answer to a request. */
export const RequestFault = Schema.Union([
  Delay,
  Drop,
  Tamper,
  SlowDrip,
  /** `error` is a well-formed, signed error of the channel with `status` and `code`; `half` cuts the true answer in two. */
  Schema.Struct({
    kind: Schema.tag("answer"),
    with: Answer,
    when: When,
    status: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 200, maximum: 599 }))),
    code: Schema.optionalKey(Schema.NonEmptyString)
  })
])
export type RequestFault = typeof RequestFault.Type

/** What may go wrong with a callback. */
export const CallbackFault = Schema.Union([
  Delay,
  Drop,
  Tamper,
  SlowDrip,
  /** Sent `times` times at once. */
  Schema.Struct({
    kind: Schema.tag("duplicate"),
    times: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 100 }))
  }),
  /** Held back until another callback was delivered, or `milliseconds` have passed. */
  Schema.Struct({
    kind: Schema.tag("reorder"),
    milliseconds: Milliseconds.pipe(Schema.withDecodingDefaultKey(Effect.succeed(10_000)))
  })
])
export type CallbackFault = typeof CallbackFault.Type
